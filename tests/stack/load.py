"""Many users at once, and what each of them was answered."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import NamedTuple, Self

from .client import NoAnswer, Reply
from .conf import BOB
from .schema import ALICE, DOMAIN, LOGIN_PASSWORD
from .smtpd import Smtpd
from .world import wait_until

# More than any deadline that a session may have to wait for behind others.
PATIENCE = 30.0
SENDER = "somebody@elsewhere.example"


class Outcome(NamedTuple):
    """What a session came to: the reply's code, or 0 if there was none; and how long it took."""

    who: str
    code: int
    seconds: float
    why: str = ""


Session = Callable[[float], Outcome]


def login(server: Smtpd, user: str | bytes = ALICE, password: str = LOGIN_PASSWORD) -> Session:
    """Somebody who logs in with a password from the database."""
    return _logs_in(server, "login", user, password)


def other_login(server: Smtpd) -> Session:
    """Somebody who logs in with a password from a table without a database."""
    return _logs_in(server, "other login", "bob", LOGIN_PASSWORD)


def recipient(server: Smtpd, address: str = f"anybody@{DOMAIN}") -> Session:
    """Somebody who brings mail for a domain from the database."""

    def session(patience: float) -> Outcome:
        def rcpt() -> Reply:
            with server.connect(server.plain, seconds=patience) as client:
                client.mail_from(SENDER)
                return client.rcpt(address)

        return _outcome("recipient", rcpt)

    return session


def other_recipient(server: Smtpd) -> Session:
    """Somebody who brings mail for a domain of smtpd.conf itself."""
    return recipient(server, BOB)


def _logs_in(server: Smtpd, who: str, user: str | bytes, password: str) -> Session:
    endpoint = server.submission if who == "login" else server.other

    def session(patience: float) -> Outcome:
        def auth() -> Reply:
            with server.connect(endpoint, seconds=patience) as client:
                return client.auth_plain(user, password)

        return _outcome(who, auth)

    return session


def _outcome(who: str, talk: Callable[[], Reply]) -> Outcome:
    began = time.monotonic()
    try:
        reply = talk()
    except NoAnswer as error:
        return Outcome(who, 0, time.monotonic() - began, str(error))
    return Outcome(who, reply.code, time.monotonic() - began)


def ends_in(session: Session, code: int) -> Callable[[], bool]:
    """A condition to wait for: the session gets this answer."""
    return lambda: session(PATIENCE).code == code


def at_once(sessions: Iterable[Session], *, patience: float = PATIENCE) -> list[Outcome]:
    """Hold these sessions all at the same time; their outcomes, in the order given."""
    outcomes: dict[int, Outcome] = {}

    def hold(number: int, session: Session) -> None:
        outcomes[number] = session(patience)

    threads = [
        threading.Thread(target=hold, args=each, daemon=True) for each in enumerate(sessions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [outcomes[number] for number in sorted(outcomes)]


class Load:
    """Sessions that are held over and over, side by side, from entering the context to leaving."""

    def __init__(self, *sessions: Session, patience: float = PATIENCE) -> None:
        self.outcomes: list[Outcome] = []
        self._patience = patience
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(each,), daemon=True) for each in sessions
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        wait_until(lambda: len(self.outcomes) >= len(self._threads), "the load to flow")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def codes(self) -> dict[str, Counter[int]]:
        """How often each kind of session ended in which code, 0 being no answer."""
        counted: dict[str, Counter[int]] = {}
        for outcome in list(self.outcomes):
            counted.setdefault(outcome.who, Counter())[outcome.code] += 1
        return counted

    def _repeat(self, session: Session) -> None:
        while not self._stop.is_set():
            self.outcomes.append(session(self._patience))
