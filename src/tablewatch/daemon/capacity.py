"""How many tables there can be, and the descriptors that takes."""

from __future__ import annotations

import contextlib
import resource
from typing import NamedTuple

# More than any mail server has. What is kept of each, and told in a scrape, is some kilobytes.
MAX_TABLES = 1000

# Connections of supervisors that are just coming or going, beside those of MAX_TABLES.
_COMING = 24
# For everybody else: 128 tools, 32 browsers and scrapers, the log, listeners, files of incidents.
_OTHERS = 256

# OpenBSD's daemons get 128 unasked and may have 1024, Linux' 1024 and very many (login.conf(5),
# systemd.exec(5)).
DESCRIPTORS = MAX_TABLES + _COMING + _OTHERS


class Room(NamedTuple):
    """How many connections of supervisors there is room for; ``why`` there is for no more."""

    links: int
    why: str


def take_descriptors() -> None:
    """Have the limit of this process raised to DESCRIPTORS, or as far as it may be."""
    with contextlib.suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if _known(soft) < DESCRIPTORS:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(_known(hard), DESCRIPTORS), hard))


def room() -> Room:
    """Return the room there is with the descriptors that this process may have now."""
    soft = _known(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    if soft >= DESCRIPTORS:
        return Room(MAX_TABLES + _COMING, f"it takes no more than {MAX_TABLES} tables")
    links = max(soft - _OTHERS, soft // 2)
    return Room(
        links,
        f"with {soft} descriptors it takes no more than {links} supervisors; raise openfiles in "
        f"login.conf(5), or LimitNOFILE of systemd, to {DESCRIPTORS}",
    )


def _known(limit: int) -> int:
    return DESCRIPTORS if limit == resource.RLIM_INFINITY else limit
