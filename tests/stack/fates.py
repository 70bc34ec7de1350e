"""What becomes of logins when something becomes of tablewatchd."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .client import NoAnswer
from .load import Load, Outcome, Session
from .markdown import milliseconds, table
from .schema import ALICE, JOSE, LOGIN_PASSWORD
from .smtpd import Smtpd
from .watching import Tablewatchd

TABLES = ("creds", "domains", "sndrs")
SCRAPES = 1.0  # seconds from one to the next

Say = Callable[[str], None]
Act = Callable[[Tablewatchd], contextlib.AbstractContextManager[object]]


@contextlib.contextmanager
def absent(daemon: Tablewatchd) -> Iterator[None]:
    """It is not there."""
    daemon.end(signal.SIGTERM)
    yield


@contextlib.contextmanager
def scraped(daemon: Tablewatchd) -> Iterator[None]:
    """It is there, and somebody wants everything from it again and again."""
    stop = threading.Event()

    def scrape() -> None:
        while not stop.wait(SCRAPES):
            daemon.get("/metrics")

    thread = threading.Thread(target=scrape, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextlib.contextmanager
def killed(daemon: Tablewatchd) -> Iterator[None]:
    """It is killed, and stays so."""
    daemon.end(signal.SIGKILL)
    yield


@contextlib.contextmanager
def frozen(daemon: Tablewatchd) -> Iterator[None]:
    """It is stopped in the middle of whatever it does."""
    daemon.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        daemon.signal(signal.SIGCONT)


@contextlib.contextmanager
def restarted(daemon: Tablewatchd) -> Iterator[None]:
    """It is ended and started, over and over."""
    stop = threading.Event()

    def restart() -> None:
        while not stop.is_set():
            daemon.end(signal.SIGTERM)
            daemon.start()

    thread = threading.Thread(target=restart, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class Fate(NamedTuple):
    """Something that can become of it."""

    name: str
    act: Act


# The second tells how far two measurements of the same thing are apart.
FATES = (
    Fate("not there", absent),
    Fate("not there, measured again", absent),
    Fate("there, scraped every second", scraped),
    Fate("killed (`kill -9`)", killed),
    Fate("frozen (`kill -STOP`)", frozen),
    Fate("restarted, over and over", restarted),
)


@dataclass
class Suffered:
    """Every login under one of the fates."""

    outcomes: list[Outcome] = field(default_factory=list)
    supervisors_lost: int = 0

    def codes(self) -> Counter[int]:
        """How often each answer was given, 0 being none."""
        return Counter(each.code for each in self.outcomes)

    def quantile(self, part: float) -> float:
        """What `part` of the logins did not take longer than, in seconds."""
        ordered = sorted(each.seconds for each in self.outcomes)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def suffer(
    server: Smtpd, daemon: Tablewatchd, *, rounds: int, seconds: float, say: Say
) -> list[Suffered]:
    """Hold logins under each of the FATES in turn, `rounds` times, `seconds` each."""
    found = [Suffered() for _ in FATES]
    pids = supervisors(server)
    for number in range(rounds):
        for fate, suffered in zip(FATES, found, strict=True):
            say(f"round {number + 1} of {rounds}: {fate.name}")
            if not daemon.running():
                daemon.start()
            daemon.await_tables(*TABLES)
            with Load(auth(server, ALICE), auth(server, JOSE)) as load:
                load.outcomes.clear()
                with fate.act(daemon):
                    time.sleep(seconds)
            suffered.outcomes += load.outcomes
            suffered.supervisors_lost += len(pids - supervisors(server))
    return found


def auth(server: Smtpd, user: str) -> Session:
    """Somebody who logs in; the time is from AUTH to its reply, without the TLS before it."""

    def session(patience: float) -> Outcome:
        began = time.monotonic()
        try:
            with server.connect(server.submission, seconds=patience) as client:
                reply = client.auth_plain(user, LOGIN_PASSWORD)
        except NoAnswer as error:
            return Outcome("login", 0, time.monotonic() - began, str(error))
        return Outcome("login", reply.code, reply.seconds)

    return session


def supervisors(server: Smtpd) -> set[int]:
    """The pids of all of them."""
    return {each.pid for name in TABLES for each in server.supervisors(name)}


def fates_table(flavours: dict[str, list[Suffered]]) -> str:
    """What was found, as Markdown."""
    rows = []
    for flavour, found in flavours.items():
        without = found[0]
        for fate, each in zip(FATES, found, strict=True):
            p50, p99 = each.quantile(0.5), each.quantile(0.99)
            codes = each.codes()
            rows.append(
                [
                    f"{flavour}: {fate.name}",
                    f"{len(each.outcomes):,}",
                    f"{len(each.outcomes) - codes[235]:,}",
                    f"{each.supervisors_lost}",
                    milliseconds(p50),
                    f"{p50 / without.quantile(0.5):.2f}",
                    milliseconds(p99),
                    f"{p99 / without.quantile(0.99):.2f}",
                ]
            )
    head = ["tablewatchd", "logins", "not 235", "supervisors lost", "p50", "ratio", "p99", "ratio"]
    return table(head, rows)
