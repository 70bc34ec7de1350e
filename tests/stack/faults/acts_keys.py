"""Faults of keys: what somebody who may talk SMTP can say."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence

from ..attack import ATTACKERS, poison, resting
from ..client import NoAnswer
from ..load import Outcome, Session, login
from ..schema import POISON
from ..smtpd import Smtpd
from .fault import Fault, Stage

ANY = "any password"
LOGINS = 4  # side by side, as smtpd lets each wait that has a wrong password
# SMTP's own limits are far below; smtpd has to say so.
LENGTHS = (64, 255, 256, 512, 750, 1000, 1024, 4096, 16384)
# Without newline, which has a row of its own, and NUL, which ends AUTH PLAIN's name.
CONTROLS = [bytes([number]) for number in (*range(1, 10), *range(11, 32), 127)]
INVALID = (b"\x80", b"\xc0\xaf", b"\xff\xfe", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc3(")
OTHERS = (b"\xf0\x9f\x92\xa9", b"\xe2\x80\xae", b"|", b"'", b'"', b"\\", b"%", b"{}", b" ", b"\0")


def binaries() -> list[bytes]:
    """Keys with one improper character or more each, as addresses and by themselves."""
    odd = [*CONTROLS, *INVALID, *OTHERS, b"".join(CONTROLS), bytes(range(128, 256))]
    return [b"a" + each + b"b@example.org" for each in odd] + [b"|", b"|||", b"\x7f" * 300]


def longs() -> list[bytes]:
    """Keys of every length up to beyond what a message of smtpd may hold."""
    return [b"a" * (length - 12) + b"@example.org" for length in LENGTHS]


def names_in_turn(server: Smtpd, keys: Sequence[bytes]) -> Session:
    """Log in with one of them after another, each in a session of its own."""
    turn = itertools.cycle(keys)

    def session(patience: float) -> Outcome:
        return login(server, next(turn), ANY)(patience)

    return session


def recipients_in_turn(server: Smtpd, keys: Sequence[bytes]) -> Session:
    """Bring mail for one of them after another."""
    turn = itertools.cycle(keys)

    def session(patience: float) -> Outcome:
        key = next(turn)
        try:
            with server.connect(server.plain, seconds=patience) as client:
                client.mail_from("somebody@elsewhere.example")
                reply = client.command(b"RCPT TO:<" + key + b">")
        except NoAnswer as error:
            return Outcome("recipient", 0, error.seconds, str(error))
        return Outcome("recipient", reply.code, reply.seconds)

    return session


@contextlib.contextmanager
def poisoned(stage: Stage) -> Iterator[None]:
    """One name that latin1 can't hold, from two sides."""
    stage.suspects += [resting(login(stage.server, POISON, ANY)) for _ in range(2)]
    yield


@contextlib.contextmanager
def attacked(stage: Stage) -> Iterator[None]:
    """Names that latin1 can't hold, each only once."""
    numbers = itertools.count()

    def session(patience: float) -> Outcome:
        return login(stage.server, poison(next(numbers)), ANY)(patience)

    stage.suspects += [resting(session) for _ in range(ATTACKERS)]
    yield


@contextlib.contextmanager
def with_newline(stage: Stage) -> Iterator[None]:
    """Names that end a line of the protocol, and begin another one."""
    tail = b"table|0.1|1700000000.000000|creds|lookup|credentials|00000000|alice@example.org"
    keys = [b"alice\n@example.org", b"alice@example.org\n", b"x\n" + tail]
    stage.suspects.append(resting(names_in_turn(stage.server, keys)))
    yield


@contextlib.contextmanager
def binary(stage: Stage) -> Iterator[None]:
    """Bytes that no address has."""
    names = resting(names_in_turn(stage.server, binaries()))
    stage.suspects += [names] * LOGINS + [resting(recipients_in_turn(stage.server, binaries()))]
    yield


@contextlib.contextmanager
def long(stage: Stage) -> Iterator[None]:
    """More than anybody is called."""
    names = resting(names_in_turn(stage.server, longs()))
    stage.suspects += [names] * LOGINS + [resting(recipients_in_turn(stage.server, longs()))]
    yield


FAULTS: tuple[Fault, ...] = (
    Fault(
        "poisoned key",
        f"Two clients log in as `{POISON}` over and over; the columns are latin1, without an `ł`.",
        poisoned,
    ),
    Fault(
        "poisoned key, throttled",
        "The same with `on_exhausted: throttle`: the backend in its loop is stopped and continued "
        "instead of replaced.",
        poisoned,
        settings="defaults: {on_exhausted: throttle}\n",
        only_supervised="there is nobody to throttle",
    ),
    Fault(
        "1,000 poisoned keys",
        f"{ATTACKERS} clients log in as `ał0@example.org`, `ał1@example.org` and so on, each name "
        "once, as fast as they are answered, for 20 s.",
        attacked,
        seconds=20.0,
    ),
    Fault(
        "newline in a login",
        "A client logs in with names that hold a newline, one of them with a whole line of the "
        "protocol behind it. imsg has no lines that could end.",
        with_newline,
        flavours=("text",),
    ),
    Fault(
        "keys of 16 KiB",
        f"Logins and recipients of {LENGTHS[0]} to {LENGTHS[-1]:,} bytes, one after another. smtpd "
        "itself refuses most of them.",
        long,
    ),
    Fault(
        "binary keys",
        f"Logins and recipients with each control character, invalid UTF-8, NUL, quotes and the "
        f"protocol's own `|`: {len(binaries())} different ones, one after another.",
        binary,
    ),
)
