"""Where faults are done: a database and an installed tablewatch, for one flavour."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .. import install, schema
from ..mariadb import USER, MariaDB
from ..smtpd import Smtpd
from ..world import StackError, World
from .fault import Fault

# For so long an answer is waited for (seconds): where one is promised its time is to be seen.
PATIENCE = {False: 10.0, True: 60.0}


class Unsure(Smtpd):
    """A mail server that need not start."""

    patience = PATIENCE[False]  # seconds that its greeting is waited for
    greeted: float | None = None  # after so many seconds; None: not in time

    def start(self, *, seconds: float = 0.0) -> None:
        """Start smtpd and wait for its greeting, whether it comes or not."""
        began = time.monotonic()
        with contextlib.suppress(StackError):
            super().start(seconds=seconds or self.patience)
            self.greeted = time.monotonic() - began


class Lane:
    """One flavour's; ``directory`` is its own and may be entered by the servers' users."""

    def __init__(self, flavour: str, directory: Path, database: MariaDB, prefix: Path) -> None:
        self.flavour = flavour
        self.database = database
        self._directory = directory
        self._prefix = prefix
        self._number = 0

    def server(self, fault: Fault, supervised: bool) -> tuple[Unsure, Path]:
        """A mail server for a fault, to be entered, and an empty directory of the fault's."""
        self._number += 1
        own = self._directory / f"fault-{self._number}"
        own.mkdir()
        own.chmod(0o755)
        options = install.bare(mute=fault.mute)
        if supervised:
            options = install.supervised(self._prefix, fault.settings, mute=fault.mute)
        options = merged(options, dict(fault.options(supervised)))
        server = Unsure(
            self.flavour, self._directory / f"smtpd-{self._number}", self.database, **options
        )
        server.patience = PATIENCE[supervised]
        return server, own

    def restore(self) -> None:
        """The database as it was, whatever became of it."""
        if self.database.alive():
            self.database.thaw()
        else:
            self.database.start()
        self.database.execute("SET GLOBAL max_connections = 400", database="")
        schema.load(self.database)
        with contextlib.suppress(StackError):  # nobody of that name is connected
            self.database.execute(f"KILL USER '{USER}'", database="")


def merged(options: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Smtpd's options, with a fault's: see Fault.options."""
    both = options | more
    for name in ("files", "binds"):
        both[name] = {**options.get(name, {}), **more.get(name, {})}
    first, second = options.get("prepare"), more.get("prepare")
    if first is not None and second is not None:
        both["prepare"] = _both(first, second)
    return both


def _both(first: Callable[[World], None], second: Callable[[World], None]) -> Any:
    def prepare(world: World) -> None:
        first(world)
        second(world)

    return prepare


@contextlib.contextmanager
def lane(flavour: str, directory: Path, wheel: Path) -> Iterator[Lane]:
    """Everything that one flavour's faults need, gone afterwards but for the directory."""
    own = directory / flavour
    own.mkdir()
    own.chmod(0o755)
    prefix = own / "prefix"
    install.install(flavour, wheel, prefix)
    with MariaDB(own / "mariadb") as database:
        schema.load(database)
        yield Lane(flavour, own, database, prefix)
