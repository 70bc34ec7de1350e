"""Many users at once, for as long as it takes."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from ..smtpd import Smtpd
from .sessions import KINDS, Session, Visit, bring, hold, log_in, send

USERS = 4  # side by side
REST = (0.05, 0.75)  # seconds between two sessions of a user


class Crowd:
    """Users of one mail server, from entering the context until ``end``.

    What each does in which order comes from the seed; ``sessions`` is what became of it.
    """

    def __init__(self, server: Smtpd, seed: str, clock: Callable[[], float]) -> None:
        self.sessions: list[Session] = []
        self.accepted: set[str] = set()  # whole mails that were taken
        self.doubtful: set[str] = set()  # ... whose sender did not hear whether they were
        self.broken: list[BaseException] = []
        self._server = server
        self._clock = clock
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._live, args=(f"{seed}-{number}",), daemon=True)
            for number in range(USERS)
        ]

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
        self.end()

    def end(self) -> None:
        """Let the sessions come to their end, and hold no more."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def served_since(self, moment: float) -> bool:
        """Whether the last sessions that need the database were begun since then, and worked."""
        wanted = {kind.name for kind in KINDS if kind.hold in (log_in, bring, send)}
        for session in reversed(self.sessions):
            if session.ended < moment:
                return False
            if session.kind in wanted:
                if session.began < moment or not session.good:
                    return False
                wanted.discard(session.kind)
            if not wanted:
                return True
        return False

    def _live(self, seed: str) -> None:
        own = random.Random(seed)
        weights = [kind.weight for kind in KINDS]
        try:
            while not self._stop.wait(own.uniform(*REST)):
                (kind,) = own.choices(KINDS, weights)
                visit = Visit(self._server, random.Random(own.getrandbits(64)))
                self.sessions.append(hold(kind, visit, self._clock))
                if visit.mail:
                    (self.accepted if visit.accepted else self.doubtful).add(visit.mail)
        except BaseException as error:
            self.broken.append(error)
            raise


def delivered(server: Smtpd) -> list[str]:
    """What each whole mail in the mailboxes is told by."""
    found = []
    for path in server.directory.glob("mail/local/new/*"):
        with contextlib.suppress(OSError):
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [line.split()[2] for line in text.splitlines() if line[:13] == "Subject: soak"]
    return found
