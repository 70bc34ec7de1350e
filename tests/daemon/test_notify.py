import socket
import sys

import pytest

from tablewatch.daemon.notify import READY, STOPPING, notify, reloading


def heard(address):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(address)
    manager.settimeout(60)
    return manager


@pytest.mark.parametrize("message", [READY, STOPPING])
def test_the_service_manager_is_told(tmp_path, monkeypatch, message):
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    with heard(path) as manager:
        notify(message)
        assert manager.recv(100).decode() == message


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has abstract sockets")
def test_the_service_manager_may_listen_in_the_abstract_namespace(tmp_path, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{tmp_path}")
    with heard(f"\0{tmp_path}") as manager:
        notify(READY)
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", [None, "", "nowhere", "/nonexistent/socket", "/" + "x" * 500])
def test_without_a_service_manager_nothing_happens(monkeypatch, address):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify(READY)


def test_a_service_manager_that_does_not_read_is_not_waited_for(tmp_path, monkeypatch):
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    with heard(path) as manager:
        for _ in range(10_000):
            notify("STATUS=" + "x" * 1000)
        assert manager.recv(2000).startswith(b"STATUS=x")


def test_a_reload_has_its_time_with_it():
    first, second = reloading().split("\n")
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) > 0
