"""Sockets to listen on, from addresses as they are written in tablewatch.yml."""

from __future__ import annotations

import errno
import socket
from typing import Any

from tablewatch.config.places import split_address
from tablewatch.errors import DaemonError

_BACKLOG = 128

# A name or a wildcard stands for several addresses, of kinds that a host may not have.
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)


def listen_on(address: str) -> list[socket.socket]:
    """Return the sockets for ``HOST:PORT`` or ``:PORT``: one for each address HOST has here.

    Raises DaemonError that names the address, what is wrong with it and what to do.
    """
    host, port = split_address(address)
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError):
        raise DaemonError(
            f"{address}: this name has no address; write one in listen (tablewatch.yml)"
        ) from None
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    for family, kind, protocol, _, place in dict.fromkeys(found):
        try:
            sockets.append(_bound(family, kind, protocol, place))
        except OSError as error:
            if error.errno in _NOT_HERE:
                absent = error
                continue
            close(sockets)
            raise DaemonError(f"{address}: {_plainly(error)}") from None
    if not sockets:
        raise DaemonError(f"{address}: {_plainly(absent or OSError())}")
    return sockets


def close(sockets: list[socket.socket]) -> None:
    """Close all of `sockets`."""
    for each in sockets:
        each.close()


def _bound(family: int, kind: int, protocol: int, place: tuple[Any, ...]) -> socket.socket:
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # The IPv4 addresses have a socket of their own, as OpenBSD wants it anyway.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(place)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _plainly(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                "somebody else listens there already (another tablewatchd?); look with netstat -an "
                "or ss -ltnp, stop it or write another port in listen (tablewatch.yml)"
            )
        case errno.EACCES | errno.EPERM:
            return (
                "permission denied, ports below 1024 are root's; write a higher one in listen "
                "(tablewatch.yml)"
            )
        case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
            return (
                "this host has no such address; write one of ifconfig's in listen (tablewatch.yml)"
            )
    return f"{error.strerror or 'no socket'}; write another address in listen (tablewatch.yml)"
