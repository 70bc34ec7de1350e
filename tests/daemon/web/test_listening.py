import socket

import pytest

from tablewatch.daemon.web.listening import close, listen_on
from tablewatch.errors import DaemonError


def test_an_address_is_bound_and_listens():
    sockets = listen_on("127.0.0.1:0")
    try:
        (one,) = sockets
        with socket.create_connection(one.getsockname(), timeout=30):
            pass
        assert one.get_inheritable() is False
        assert one.getblocking() is False
    finally:
        close(sockets)


def test_an_address_in_use_is_named_with_the_remedy():
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(DaemonError) as caught:
            listen_on(address)
    assert str(caught.value).startswith(f"{address}: somebody else listens there already")
    assert "write another port in listen" in str(caught.value)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("192.0.2.1:0", "this host has no such address; write one of ifconfig's in listen"),
        ("no-such-host.invalid:0", "this name has no address; write one in listen"),
        (f"{'x' * 70}.invalid:0", "this name has no address; write one in listen"),
    ],
)
def test_an_address_that_is_not_ours_is_named_with_the_remedy(address, said):
    with pytest.raises(DaemonError, match=said) as caught:
        listen_on(address)
    assert str(caught.value).startswith(f"{address}: ")


def test_no_host_is_every_address():
    sockets = listen_on(":0")
    try:
        assert {each.getsockname()[0] for each in sockets} <= {"0.0.0.0", "::"}
        assert "0.0.0.0" in {each.getsockname()[0] for each in sockets}
    finally:
        close(sockets)


def test_localhost_is_bound_wherever_it_exists():
    sockets = listen_on("localhost:0")
    try:
        assert {each.getsockname()[0] for each in sockets} <= {"127.0.0.1", "::1"}
        assert sockets
    finally:
        close(sockets)
