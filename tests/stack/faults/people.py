"""Who uses the mail server meanwhile: the mixed load, and the answer that each should get."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from ..attack import resting
from ..load import Load, Session, login, other_login, recipient
from ..schema import ALICE, JOSE
from ..smtpd import Smtpd

REST = 0.1  # seconds between two sessions of the same person


class Person(NamedTuple):
    """One kind of session that has nothing to do with the fault."""

    name: str
    right: int  # the code that they get while all is well
    session: Callable[[Smtpd], Session]
    database: bool = True  # whether their table is in it


PEOPLE = (
    Person("alice", 235, lambda server: login(server, ALICE)),
    Person("josé", 235, lambda server: login(server, JOSE)),
    Person("alice, wrong password", 535, lambda server: login(server, ALICE, "wrong")),
    Person("bob, on another table", 235, other_login, database=False),
    Person("recipient", 250, recipient),
    Person("unknown recipient", 550, lambda server: recipient(server, "x@unknown.example")),
)
# Nobody waits behind more sessions than these, at most one lookup each.
QUEUE = sum(each.database for each in PEOPLE)
RIGHT = {each.name: each.right for each in PEOPLE}


def named(name: str, session: Session) -> Session:
    """The same session under another name."""
    return lambda patience: session(patience)._replace(who=name)


def everybody(server: Smtpd) -> list[Session]:
    """The load: each person over and over, with a rest in between."""
    return [resting(named(each.name, each.session(server)), REST) for each in PEOPLE]


def is_well(server: Smtpd, patience: float) -> bool:
    """Whether those who need the database get what they should, one after another."""
    wanted = [each for each in PEOPLE if each.right in (235, 250)]
    return all(each.session(server)(patience).code == each.right for each in wanted)


class Held(Load):
    """Sessions that are held over and over from now on, whether they are answered or not."""

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        super().__exit__(kind, error, trace)

    def stop(self) -> None:
        """Let nobody begin another session; those that have begun end by themselves."""
        self._stop.set()


def wait_for(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> float | None:
    """Seconds until the condition came true; None if it did not."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if condition():
            return time.monotonic() - began
        time.sleep(pause)
    return None
