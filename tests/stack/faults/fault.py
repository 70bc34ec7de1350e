"""What a fault is, and what it is done to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..load import Session
from ..mariadb import MariaDB
from ..smtpd import FLAVOURS, Smtpd

DEADLINE = 5.0  # of a lookup, by default; seconds
HANG = 15.0  # how long something hangs, seconds: more than clients of a bare server wait


@dataclass
class Stage:
    """A mail server with its database, before, during and after a fault."""

    server: Smtpd
    database: MariaDB
    supervised: bool
    directory: Path  # a fault's own, empty; the servers' users may enter it

    # Sessions that exist because of the fault (a poisoned login), held over and over while it
    # lasts. A fault appends to them before it yields; what they are answered is told apart from
    # what everybody else is.
    suspects: list[Session] = field(default_factory=list)


# Done by entering, undone by leaving; leaving must work whatever has become of the server.
Act = Callable[[Stage], contextlib.AbstractContextManager[None]]


class Fault(NamedTuple):
    """A row of the table."""

    name: str  # "database frozen": unique, lower case, no full stop
    words: str  # what is done exactly, a sentence for the page
    act: Act
    seconds: float = 8.0  # how long it lasts, under load
    flavours: tuple[str, ...] = tuple(sorted(FLAVOURS))
    settings: str = ""  # text of tablewatch.yml; "" is the defaults
    only_supervised: str = ""  # why it can't be done to a bare server; "" if it can
    # Options of Smtpd beyond those, e.g. another backend program; called with whether supervised.
    # `files` and `binds` are added to the runner's, `prepare` is called after its own (which links
    # table-watch-mysql where supervised), everything else replaces.
    options: Callable[[bool], Mapping[str, Any]] = lambda _: {}
    # Done before the mail server is started, instead of under load (a database down at boot).
    at_boot: bool = False
    # Codes that a session of somebody who has nothing to do with the fault may be answered.
    fair: frozenset[int] = frozenset({235, 250, 421, 451, 454})
    # An honest word where "survived" would not be the whole truth, for the supervised column.
    remark: str = ""
    # What the backends write to stderr is lost before anybody sees it (install.MUTE).
    mute: bool = False
    # The act is the end of smtpd itself: all that is asked is what it leaves behind.
    ends_smtpd: bool = False
    # What `settings` say of it, seconds; no lookup may take longer.
    deadline: float = DEADLINE
