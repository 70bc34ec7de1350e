"""Who is at the other end of a unix socket, by the kernel's word."""

from __future__ import annotations

import os
import pwd
import socket
import struct
import sys
from collections.abc import Iterable
from typing import NamedTuple


class Peer(NamedTuple):
    """A process as it was when it connected."""

    pid: int
    uid: int


# unix(4) and getsockopt(2) of OpenBSD: SO_PEERCRED is 0x1022 and gives a struct sockpeercred of
# uid, gid, pid; Linux gives pid, uid, gid. Users have unsigned numbers, and no pid is negative.
_OPENBSD_PEERCRED = 0x1022
_CREDENTIALS = struct.Struct("3I")


def peer_of(connection: socket.socket, platform: str = sys.platform) -> Peer | None:
    """Return who connected; None where the platform can't tell."""
    if platform.startswith("openbsd"):
        option = _OPENBSD_PEERCRED
    elif platform == "linux":
        option = socket.SO_PEERCRED  # type: ignore[attr-defined,unused-ignore]
    else:
        return None
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    except OSError:
        return None
    return read_credentials(raw, platform)


def read_credentials(raw: bytes, platform: str) -> Peer:
    """Return what the kernel's answer says."""
    first, second, third = _CREDENTIALS.unpack(raw)
    return Peer(pid=third, uid=first) if platform.startswith("openbsd") else Peer(first, second)


def uids_of(users: Iterable[str]) -> frozenset[int]:
    """Return the uids of those `users` that exist, root's and our own."""
    found = {0, os.geteuid()}
    for name in users:
        try:
            found.add(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    return frozenset(found)
