"""Telling systemd how far we are (sd_notify(3)), where it is systemd that started us."""

from __future__ import annotations

import contextlib
import os
import socket
import time

READY = "READY=1"
STOPPING = "STOPPING=1"


def notify(message: str) -> None:
    """Tell `message` to the service manager; without one, or if it does not listen, do nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):  # in Linux' abstract namespace
        address = "\0" + address[1:]
    with (
        contextlib.suppress(OSError, ValueError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection,
    ):
        connection.setblocking(False)
        connection.sendto(message.encode(), address)


def reloading() -> str:
    """Return the message for the begin of a reload; READY ends it."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
