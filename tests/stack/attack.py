"""A thousand different poisoned logins, many a second, and good ones alongside."""

from __future__ import annotations

import re
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .load import Load, Outcome, Session, login
from .mariadb import MariaDB
from .schema import ALICE, JOSE
from .smtpd import Smtpd
from .world import StackError, wait_until

ATTACKERS = 8  # sessions side by side
REST = 0.05  # seconds between two good logins of one user
_UNTOLD = re.compile(rb"Execute\t.*mail = \?")
_KEY = re.compile("ał(\\d+)@example\\.org".encode())


def poison(number: int) -> str:
    """One of the attacker's user names; U+0142 is not in latin1."""
    return f"ał{number}@example.org"


@dataclass
class Attacked:
    """What was seen of one attack."""

    supervised: bool
    asked: int = 0  # poisoned logins that were begun
    codes: Counter[int] = field(default_factory=Counter)  # their answers; 0: none
    seconds: float = 0.0
    reached: list[int] = field(default_factory=list)  # numbers of the keys the database saw
    connections: int = 0
    statements: int = 0  # with a poisoned key in them
    good: list[Outcome] = field(default_factory=list)

    def good_codes(self) -> Counter[int]:
        """How often good logins ended in which code."""
        return Counter(each.code for each in self.good)

    def quantile(self, share: float) -> float:
        """Seconds in which this share of the good logins was over, answered or not."""
        if len(self.good) < 2:
            return self.good[0].seconds if self.good else 0.0
        cuts = statistics.quantiles((each.seconds for each in self.good), n=100)
        return cuts[round(share * 100) - 1]


def resting(session: Session, seconds: float = REST) -> Session:
    """The same session, with a pause after it."""

    def rested(patience: float) -> Outcome:
        outcome = session(patience)
        time.sleep(seconds)
        return outcome

    return rested


def attack(
    server: Smtpd,
    database: MariaDB,
    told: Callable[[], bytes],
    *,
    supervised: bool,
    keys: int,
    rate: float = 50.0,
    patience: float = 10.0,
) -> Attacked:
    """Log in with that many different poisoned names, so many a second; good logins alongside.

    ``told`` is of a block of ``database.statements()`` in which the server was started, as the
    database tells the keys of such statements only that were prepared in it.
    """
    found = Attacked(supervised)
    if supervised:  # the spares' connections are nobody's doing
        wait_until(lambda: len(server.syslog.having("spare is ready")) >= 3, "the spares")
    good = (resting(login(server, user)) for user in (ALICE, JOSE, ALICE, JOSE))
    before = database.settled_connections()
    with Load(*good, patience=patience) as load:
        began = time.monotonic()
        poisoned = [login(server, poison(number), "any") for number in range(keys)]
        outcomes = _at_rate(poisoned, rate, patience)
        found.seconds = time.monotonic() - began
    found.connections = database.connections() - before
    log = told()
    if _UNTOLD.search(log):
        raise StackError("the database did not tell every key")
    found.good = load.outcomes
    found.asked = len(outcomes)
    found.codes = Counter(each.code for each in outcomes)
    seen = [int(match[1]) for match in _KEY.finditer(log)]
    found.statements = len(seen)
    found.reached = list(dict.fromkeys(seen))
    return found


def _at_rate(sessions: Sequence[Session], rate: float, patience: float) -> list[Outcome]:
    """Hold the sessions, each at its time or as soon after it as somebody is free.

    Nobody begins one after the time for the last of them is over, and one patience more.
    """
    outcomes: list[Outcome] = []
    numbers = iter(range(len(sessions)))
    lock = threading.Lock()
    began = time.monotonic()
    end = began + len(sessions) / rate + patience

    def attacker() -> None:
        while time.monotonic() < end:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            outcomes.append(sessions[number](patience))

    threads = [threading.Thread(target=attacker, daemon=True) for _ in range(ATTACKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
