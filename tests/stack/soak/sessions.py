"""What users do, one session at a time, and what each session asks the tables for."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ..client import Client, Endpoint, NoAnswer, Reply, plain
from ..conf import BOB
from ..load import SENDER
from ..mariadb import MariaDB
from ..schema import ALICE, DOMAIN, JOSE, LOGIN_PASSWORD, SENT_AS, crypt
from ..smtpd import Smtpd

WRONG_PASSWORD = "wrong battery staple"  # looked for in everything that is written
USERS = (ALICE, JOSE, *(f"user{number}@{DOMAIN}" for number in range(10)))
REPEATED_POISONS = tuple(f"bał{number}@{DOMAIN}" for number in range(4))

# How long anybody waits for one reply, in seconds. A lookup may take its deadline of five, and
# smtpd asks all its tables one after another: with a frozen database a login waits behind those
# before it until the breaker of each of three tables has opened, after five deadlines each.
PATIENCE = 90.0

# What a table answered; UNTOLD where the client did not wait to hear it.
FOUND, NOT_FOUND, ERROR, UNTOLD = "found", "not-found", "error", "untold"

ANSWERED, HUNG_UP, UNANSWERED = "answered", "hung up", "no answer"


class Asked(NamedTuple):
    """A question to a table of the database, which a session led to."""

    table: str
    verdict: str


class Session(NamedTuple):
    """What became of a session. Times in seconds since the beginning of the run.

    ``code`` is that of the last reply, ``seconds`` the longest that any reply took; ``good`` is
    whether it got what somebody who does everything right may expect (None: did not).
    """

    kind: str
    began: float
    ended: float
    end: str  # ANSWERED, HUNG_UP, UNANSWERED
    code: int
    seconds: float
    good: bool | None
    asked: tuple[Asked, ...]
    why: str = ""


@dataclass
class Visit:
    """A session while it lasts."""

    server: Smtpd
    random: random.Random
    asked: list[Asked] = field(default_factory=list)
    code: int = 0
    seconds: float = 0.0
    hung_up: bool = False
    mail: str = ""  # what a whole mail is told by, once its end was sent
    accepted: bool = False

    @contextlib.contextmanager
    def client(self, endpoint: Endpoint) -> Iterator[Client]:
        """A connection, greeted."""
        with Client(endpoint, seconds=PATIENCE) as client:
            assert client.banner is not None
            self.hear(client.banner)
            yield client

    def hear(self, reply: Reply) -> Reply:
        """Remember a reply."""
        self.code = reply.code
        self.seconds = max(self.seconds, reply.seconds)
        return reply

    def ask(self, table: str, talk: Callable[[], Reply], *, known: bool) -> Reply:
        """Do something that needs a table; whether what is asked for is `known` there."""
        self.asked.append(Asked(table, UNTOLD))
        reply = self.hear(talk())
        verdict = FOUND if known or reply.code < 400 else NOT_FOUND
        self.asked[-1] = Asked(table, ERROR if 400 <= reply.code < 500 else verdict)
        return reply

    def log_in(self, client: Client, user: str, password: str = LOGIN_PASSWORD) -> Reply:
        """AUTH with the database's table."""
        talk = lambda: client.auth_plain(user, password)  # noqa: E731
        return self.ask("creds", talk, known=user in USERS)

    def name(self, client: Client, address: str) -> Reply:
        """RCPT; other.example is in no table of the database."""
        if address == BOB:
            return self.hear(client.rcpt(address))
        known = address.endswith(f"@{DOMAIN}")
        return self.ask("domains", lambda: client.rcpt(address), known=known)

    def mail_as(self, client: Client, sender: str) -> Reply:
        """MAIL of somebody who has logged in. That of another may be found or not: nobody told."""
        return self.ask("sndrs", lambda: client.mail_from(sender), known=True)


def log_in(visit: Visit) -> None:
    """One of the users, with the right password."""
    with visit.client(visit.server.submission) as client:
        visit.log_in(client, visit.random.choice(USERS))


def log_in_wrongly(visit: Visit) -> None:
    """One of the users, with a wrong password."""
    with visit.client(visit.server.submission) as client:
        visit.log_in(client, visit.random.choice(USERS), WRONG_PASSWORD)


def log_in_unknown(visit: Visit) -> None:
    """Somebody who is no user."""
    with visit.client(visit.server.submission) as client:
        visit.log_in(client, f"nobody{visit.random.randrange(10_000)}@{DOMAIN}")


def poison_anew(visit: Visit) -> None:
    """A user name that the columns can't hold, never used before."""
    with visit.client(visit.server.submission) as client:
        visit.log_in(client, f"ał{visit.random.getrandbits(48):x}@{DOMAIN}")


def poison_again(visit: Visit) -> None:
    """The same few user names that the columns can't hold, again and again."""
    with visit.client(visit.server.submission) as client:
        visit.log_in(client, visit.random.choice(REPEATED_POISONS))


def log_in_elsewhere(visit: Visit) -> None:
    """A user of a table that has no database behind it, and no supervisor before it."""
    with visit.client(visit.server.other) as client:
        visit.hear(client.auth_plain("bob", LOGIN_PASSWORD))


def bring(visit: Visit) -> None:
    """A recipient in a domain of the database."""
    with visit.client(visit.server.plain) as client:
        visit.hear(client.mail_from(SENDER))
        visit.name(client, f"anybody@{DOMAIN}")


def bring_unknown(visit: Visit) -> None:
    """A recipient in a domain that is nowhere."""
    with visit.client(visit.server.plain) as client:
        visit.hear(client.mail_from(SENDER))
        visit.name(client, f"anybody@domain{visit.random.randrange(1000)}.example")


def bring_elsewhere(visit: Visit) -> None:
    """A recipient in a domain of smtpd.conf itself."""
    with visit.client(visit.server.plain) as client:
        visit.hear(client.mail_from(SENDER))
        visit.name(client, BOB)


def send(visit: Visit) -> None:
    """A whole mail, from login to its end."""
    with visit.client(visit.server.submission) as client:
        if not _begin(visit, client):
            return
        visit.mail = f"{visit.random.getrandbits(64):016x}"
        visit.hear(client.data(f"Subject: soak {visit.mail}\n\nA mail.\n"))
        visit.accepted = visit.code == 250


def _begin(visit: Visit, client: Client) -> bool:
    return (
        visit.log_in(client, ALICE).code == 235
        and visit.mail_as(client, visit.random.choice((ALICE, SENT_AS))).code == 250
        and visit.name(client, f"anybody@{DOMAIN}").code == 250
    )


def hang_up(visit: Visit) -> None:
    """Somebody who is gone in the middle of something."""
    visit.random.choice((_before_tls, _after_hello, _after_auth, _after_rcpt, _in_data))(visit)


def _before_tls(visit: Visit) -> None:
    where = visit.server.submission
    with contextlib.suppress(OSError), socket.create_connection((where.address, where.port), 5):
        pass
    visit.hung_up = True


def _after_hello(visit: Visit) -> None:
    with visit.client(visit.server.submission):
        visit.hung_up = True


def _after_auth(visit: Visit) -> None:
    with visit.client(visit.server.submission) as client:
        user = visit.random.choice((ALICE, f"nobody@{DOMAIN}", *REPEATED_POISONS))
        visit.asked.append(Asked("creds", UNTOLD))
        client.send(b"AUTH PLAIN " + plain(user, LOGIN_PASSWORD))
        visit.hung_up = True


def _after_rcpt(visit: Visit) -> None:
    with visit.client(visit.server.plain) as client:
        visit.hear(client.mail_from(SENDER))
        visit.asked.append(Asked("domains", UNTOLD))
        client.send(f"RCPT TO:<anybody@{DOMAIN}>")
        visit.hung_up = True


def _in_data(visit: Visit) -> None:
    with visit.client(visit.server.submission) as client:
        if not _begin(visit, client):
            return
        visit.hear(client.command("DATA"))
        client.send("Subject: never to be finished")
        visit.hung_up = True


class Kind(NamedTuple):
    """A kind of session: how often it is held, and how it ends when all is well (0: no code)."""

    name: str
    weight: int
    hold: Callable[[Visit], None]
    code: int
    works: bool  # the user does everything right


KINDS = (
    Kind("good login", 30, log_in, 235, True),
    Kind("wrong password", 8, log_in_wrongly, 535, False),
    Kind("unknown user", 6, log_in_unknown, 535, False),
    Kind("poisoned login, a new key", 4, poison_anew, 421, False),
    Kind("poisoned login, a known key", 4, poison_again, 421, False),
    Kind("login without database", 4, log_in_elsewhere, 235, True),
    Kind("recipient", 18, bring, 250, True),
    Kind("unknown recipient", 6, bring_unknown, 550, False),
    Kind("recipient without database", 4, bring_elsewhere, 250, True),
    Kind("whole mail", 8, send, 250, True),
    Kind("hangs up in the middle", 8, hang_up, 0, False),
)


def hold(kind: Kind, visit: Visit, clock: Callable[[], float]) -> Session:
    """Hold one session; what became of it."""
    began, why, end = clock(), "", ANSWERED
    try:
        kind.hold(visit)
    except NoAnswer as error:
        # It may happen to somebody who has just hung up, and to nobody else.
        why, end = str(error), UNANSWERED
        visit.seconds = max(visit.seconds, error.seconds)
    if visit.hung_up:
        end = HUNG_UP
    good = end == ANSWERED and visit.code == kind.code if kind.works else None
    return Session(
        kind.name,
        began,
        clock(),
        end,
        0 if end == UNANSWERED else visit.code,
        visit.seconds,
        good,
        tuple(visit.asked),
        why,
    )


@contextlib.contextmanager
def enrolled(database: MariaDB) -> Iterator[None]:
    """Have the users in the database that schema.load did not put there."""
    password = crypt(LOGIN_PASSWORD)
    for user in USERS[2:]:
        database.execute(f"INSERT INTO vusers (mail, c_password) VALUES ('{user}', '{password}')")
    try:
        yield
    finally:
        database.start()
        for user in USERS[2:]:
            database.execute(f"DELETE FROM vusers WHERE mail = '{user}'")
