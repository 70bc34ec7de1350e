"""smtpd's role in the text protocol: nothing but the answer asked for gets through."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.protocol.messages import (
    EMPTY_VALUE,
    FOREIGN_ID,
    HANDSHAKE,
    MALFORMED,
    OVERSIZED,
    SERVICES,
    UNSOLICITED,
    Answer,
    BackendEvent,
    Damage,
    Operation,
    Ready,
    Request,
    Verdict,
)
from tablewatch.protocol.text import TEXT
from tablewatch.protocol.text_backend import MAX_SERVICES, TextBackend
from tablewatch.protocol.text_words import LINE_LIMIT

LOOKUP = TEXT.request("creds", Operation.LOOKUP, "credentials", b"alice", number=0xCAFE)
CHECK = TEXT.request("creds", Operation.CHECK, "domain", b"example.org", number=0xCAFE)
FETCH = TEXT.request("creds", Operation.FETCH, "source", number=0xCAFE)
UPDATE = TEXT.request("creds", Operation.UPDATE, number=0xCAFE)
GOOD = b"lookup-result|0000cafe|found|secret\n"


def ready() -> TextBackend:
    codec = TextBackend()
    assert codec.receive(b"register|credentials\nregister|ready\n") == [Ready(("credentials",))]
    return codec


def asked(request: Request) -> TextBackend:
    codec = ready()
    assert codec.ask(request) == request.raw
    return codec


def feed(codec: TextBackend, chunks: Iterable[bytes]) -> list[BackendEvent]:
    return [event for chunk in chunks for event in codec.receive(chunk)]


def singly(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(at, len(data)) for at in cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def kinds(events: list[BackendEvent]) -> list[str]:
    return [event.kind if isinstance(event, Damage) else type(event).__name__ for event in events]


# -- the handshake


def test_the_backend_is_greeted_with_smtpds_own_words() -> None:
    hello = TEXT.hello("creds", "7.6.0")
    assert TextBackend().greet(hello) == hello.raw


def test_the_services_are_those_registered() -> None:
    names = (*SERVICES, "invented")
    raw = "".join(f"register|{name}\n" for name in (*names, "alias", "ready")).encode()
    for chunks in ([raw], singly(raw)):
        assert feed(TextBackend(), chunks) == [Ready(names)]


@pytest.mark.parametrize(
    "raw",
    [
        b"register|ready\n",  # smtpd: no services registered
        b"Warning: deprecated\nregister|alias\n",
        b"register|alias\n\n",
        b"register|alias\r\n",
        b"register|\n",
        b"register|none\n",
        b"register|a|b\n",
        b"register|al\0ias\n",
        b"registered|alias\n",
        b"lookup-result|0000cafe|not-found\n",
        b"register|" + b"a" * LINE_LIMIT,
        b"".join(b"register|s%d\n" % number for number in range(MAX_SERVICES + 1)),
    ],
)
def test_anything_else_in_the_handshake_is_damage(raw: bytes) -> None:
    for chunks in ([raw], singly(raw)):
        codec = TextBackend()
        assert kinds(feed(codec, chunks)) == [HANDSHAKE]
        assert codec.receive(b"register|alias\nregister|ready\n") == []


# -- answers


@pytest.mark.parametrize(
    ("request_", "outcome", "verdict", "value", "message"),
    [
        (LOOKUP, b"found|secret", Verdict.FOUND, b"secret", b""),
        (LOOKUP, b"found|a|b|", Verdict.FOUND, b"a|b|", b""),
        (LOOKUP, b"found| \xff\xc5", Verdict.FOUND, b" \xff\xc5", b""),
        (LOOKUP, b"not-found", Verdict.NOT_FOUND, b"", b""),
        (LOOKUP, b"error", Verdict.ERROR, b"", b""),
        (LOOKUP, b"error|", Verdict.ERROR, b"", b""),
        (LOOKUP, b"error|no|connection", Verdict.ERROR, b"", b"no|connection"),
        (CHECK, b"found", Verdict.FOUND, b"", b""),
        (CHECK, b"found|whatever", Verdict.FOUND, b"", b""),
        (CHECK, b"found|", Verdict.FOUND, b"", b""),
        (CHECK, b"not-found", Verdict.NOT_FOUND, b"", b""),
        (CHECK, b"error", Verdict.ERROR, b"", b""),
        (FETCH, b"found|192.0.2.1", Verdict.FOUND, b"192.0.2.1", b""),
        (FETCH, b"not-found", Verdict.NOT_FOUND, b"", b""),
        (FETCH, b"error|x", Verdict.ERROR, b"", b"x"),
        (UPDATE, b"ok", Verdict.FOUND, b"", b""),
        (UPDATE, b"error", Verdict.ERROR, b"", b""),
        (UPDATE, b"error|x", Verdict.ERROR, b"", b"x"),
    ],
)
def test_answers_are_read_and_kept_as_they_are(
    request_: Request, outcome: bytes, verdict: Verdict, value: bytes, message: bytes
) -> None:
    raw = b"%b-result|0000cafe|%b\n" % (request_.operation.encode(), outcome)
    for chunks in ([raw], singly(raw)):
        assert feed(asked(request_), chunks) == [Answer(verdict, value, message, raw)]


@pytest.mark.parametrize(
    ("request_", "line", "kind"),
    [
        (LOOKUP, b"lookup-result|deadbeef|found|secret", FOREIGN_ID),
        (LOOKUP, b"lookup-result|0000cafe0|found|secret", FOREIGN_ID),
        (LOOKUP, b"lookup-result|0000caf|not-found", FOREIGN_ID),
        (LOOKUP, b"lookup-result||not-found", FOREIGN_ID),
        (LOOKUP, b"lookup-result|0000cafe|found|", EMPTY_VALUE),
        (FETCH, b"fetch-result|0000cafe|found|", EMPTY_VALUE),
        (LOOKUP, b"lookup-result|0000cafe|found", MALFORMED),
        (LOOKUP, b"lookup-result|0000cafe|", MALFORMED),
        (LOOKUP, b"lookup-result|0000cafe", MALFORMED),
        (LOOKUP, b"lookup-result", MALFORMED),
        (LOOKUP, b"", MALFORMED),
        (LOOKUP, b"lookup-result|0000cafe|FOUND|x", MALFORMED),
        (LOOKUP, b"lookup-result|0000cafe|foundation|x", MALFORMED),
        (LOOKUP, b"lookup-result|0000cafe|errors", MALFORMED),
        (LOOKUP, b"lookup-result|0000cafe|not-found|x", MALFORMED),
        (LOOKUP, b"lookup-result|0000cafe|ok", MALFORMED),
        (LOOKUP, b"check-result|0000cafe|not-found", MALFORMED),
        (FETCH, b"lookup-result|0000cafe|found|::1", MALFORMED),  # the manual's own example
        (CHECK, b"check-result|0000cafe|foundation", MALFORMED),
        (UPDATE, b"update-result|0000cafe|found", MALFORMED),
        (UPDATE, b"update-result|0000cafe|not-found", MALFORMED),
        (UPDATE, b"update-result|0000cafe|okay", MALFORMED),
        (LOOKUP, b"lookup-result|0000cafe|found|a\0b", MALFORMED),
        (LOOKUP, b"lookup-result|0000cafe|not-found\r", MALFORMED),
        (LOOKUP, b"trying to reconnect", MALFORMED),
    ],
)
def test_whatever_is_no_answer_to_the_request_is_damage(
    request_: Request, line: bytes, kind: str
) -> None:
    for chunks in ([line + b"\n"], singly(line + b"\n")):
        codec = asked(request_)
        assert kinds(feed(codec, chunks)) == [kind]
        assert codec.receive(GOOD) == []  # not to be trusted again


def test_damage_never_shows_a_value() -> None:
    for line in (b"lookup-result|deadbeef|found|secret\n", b"lookup-result|0000cafe|secret\n"):
        (event,) = asked(LOOKUP).receive(line)
        assert isinstance(event, Damage)
        assert "secret" not in event.detail


@pytest.mark.parametrize("tail", [b"x", b"\n", GOOD, GOOD[:-1], b"x" * (LINE_LIMIT + 2)])
@given(cuts=st.lists(st.integers(0, 100)))
def test_bytes_behind_a_good_answer_spoil_what_follows_but_not_the_answer(
    tail: bytes, cuts: list[int]
) -> None:
    codec = asked(LOOKUP)
    events = feed(codec, cut(GOOD + tail, cuts))
    assert kinds(events) == ["Answer", UNSOLICITED]
    assert events[0] == Answer(Verdict.FOUND, b"secret", b"", GOOD)


@pytest.mark.parametrize("data", [b"x", GOOD, b"register|alias\n"])
def test_nothing_may_come_unasked(data: bytes) -> None:
    assert kinds(ready().receive(data)) == [UNSOLICITED]
    assert kinds(feed(ready(), singly(data))) == [UNSOLICITED]
    assert kinds(TextBackend().receive(b"register|alias\nregister|ready\n" + data)) == [
        "Ready",
        UNSOLICITED,
    ]


def test_a_second_answer_is_unsolicited() -> None:
    codec = asked(LOOKUP)
    assert kinds(codec.receive(GOOD)) == ["Answer"]
    assert kinds(codec.receive(GOOD)) == [UNSOLICITED]


def test_one_request_at_a_time() -> None:
    codec = asked(LOOKUP)
    with pytest.raises(RuntimeError):
        codec.ask(CHECK)
    assert kinds(codec.receive(GOOD)) == ["Answer"]
    assert codec.ask(CHECK) == CHECK.raw
    assert kinds(codec.receive(b"check-result|0000cafe|found\n")) == ["Answer"]


def test_a_line_beyond_the_limit_is_damage_at_once() -> None:
    head = b"lookup-result|0000cafe|found|"
    fits = head + b"v" * (LINE_LIMIT - len(head))
    assert kinds(asked(LOOKUP).receive(fits + b"\n")) == ["Answer"]
    assert kinds(asked(LOOKUP).receive(fits + b"v")) == [OVERSIZED]
    assert kinds(asked(LOOKUP).receive(fits + b"v\n")) == [OVERSIZED]
    assert kinds(feed(asked(LOOKUP), singly(fits + b"vv\n"))) == [OVERSIZED]


def test_half_an_answer_is_waited_for() -> None:
    codec = asked(LOOKUP)
    assert codec.receive(GOOD[:-1]) == []
    assert kinds(codec.receive(GOOD[-1:])) == ["Answer"]
