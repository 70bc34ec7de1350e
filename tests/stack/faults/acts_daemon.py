"""What becomes of tablewatchd, on which no lookup may depend."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tablewatch.config.settings import DEFAULT_CONFIG

from ..fates import Act as Fate
from ..fates import absent, frozen, killed, restarted
from ..smtpd import Smtpd
from ..watching import RUNTIME, Tablewatchd, free_address, settings
from .acts_processes import TABLES, poisoned
from .fault import Fault, Stage

NO_DAEMON = "nothing of it knows tablewatchd"


def write(path: Path, text: str) -> None:
    """Write a configuration as an administrator does: only root may change it."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)


@contextlib.contextmanager
def configured(server: Smtpd, text: str) -> Iterator[Path]:
    """Another tablewatch.yml, its path; nobody is told of it."""
    path = server.world.path(DEFAULT_CONFIG)
    before = path.read_text(encoding="utf-8") if path.exists() else None
    write(path, text)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        if before is not None:
            write(path, before)


@contextlib.contextmanager
def daemon(server: Smtpd) -> Iterator[Tablewatchd]:
    """A tablewatchd that all supervisors have told how they are."""
    address = free_address()
    with configured(server, settings(address)), Tablewatchd(server, address) as tablewatchd:
        tablewatchd.await_tables(*TABLES)
        yield tablewatchd


@contextlib.contextmanager
def without_directory(tablewatchd: Tablewatchd) -> Iterator[None]:
    """The directory of its sockets is taken away under it."""
    tablewatchd.server.world.run(["rm", "-rf", RUNTIME])
    yield


@contextlib.contextmanager
def _watched(stage: Stage, *, fate: Fate) -> Iterator[None]:
    with daemon(stage.server) as tablewatchd, fate(tablewatchd):
        stage.suspects.append(poisoned(stage.server))
        yield


def _fault(name: str, words: str, fate: Fate) -> Fault:
    words = f"{words}; meanwhile poisoned logins make for incidents to be told"
    return Fault(name, words, partial(_watched, fate=fate), only_supervised=NO_DAEMON)


FAULTS: tuple[Fault, ...] = (
    _fault("tablewatchd killed", "it is killed (`kill -9`), and stays so", killed),
    _fault("tablewatchd absent", "it is ended in an orderly way, and does not come back", absent),
    _fault("tablewatchd hung", "it is stopped (SIGSTOP) in the middle of what it does", frozen),
    _fault("tablewatchd restarted", "it is ended and started, over and over", restarted),
    _fault(
        "tablewatchd without its sockets",
        "the directory of its sockets is removed while it runs",
        without_directory,
    ),
)
