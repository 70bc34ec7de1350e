import socket

import pytest

from tablewatch.daemon.web.hosts import host_of, is_loopback, is_ours, own_names

NAMES = own_names(("127.0.0.1:10099", "status.example.org:80", ":99"))


@pytest.mark.parametrize(
    "header",
    [
        "127.0.0.1",
        "127.0.0.1:10099",
        "192.0.2.7",
        "[::1]:10099",
        "[::1]",
        "localhost",
        "LOCALHOST.:10099",
        "mail.localhost:1",
        "status.example.org",
        "Status.Example.org:8080",
        socket.gethostname(),
    ],
)
def test_names_that_nobody_else_can_hold_are_ours(header):
    assert is_ours(header, NAMES)


@pytest.mark.parametrize(
    "header",
    [
        "",
        ":10099",
        "evil.example",
        "evil.example:10099",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "notlocalhost",
        "evil-localhost",
        "[evil.example]",
        "127.0.0.1@evil.example",
        "1.2.3",
    ],
)
def test_other_names_are_not(header):
    assert not is_ours(header, NAMES)


def test_a_wildcard_is_no_name():
    assert "" not in NAMES


def test_ports_brackets_and_the_last_dot_are_no_part_of_a_host():
    assert [host_of(each) for each in ("A.b.:1", "[::1]:2", "x")] == ["a.b", "::1", "x"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("192.0.2.1", False),
     ("fe80::1%lo0", False), ("", False)],
)  # fmt: skip
def test_loopback_is_known(address, expected):
    assert is_loopback(address) is expected
