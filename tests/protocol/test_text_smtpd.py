"""The table's role in the text protocol: smtpd's bytes in, answers out; the newline rule."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.protocol.messages import (
    MALFORMED,
    OVERSIZED,
    SERVICES,
    STDIO_SERVICES,
    Answer,
    Damage,
    Hello,
    Operation,
    Refusal,
    Request,
    SmtpdEvent,
    Verdict,
)
from tablewatch.protocol.text import TEXT
from tablewatch.protocol.text_smtpd import (
    MESSAGE_LIMIT,
    NEWLINE_IN_KEY,
    TextSmtpd,
    waits_for_answers,
)
from tablewatch.protocol.text_words import LINE_LIMIT

WAITING = ["7.6.0", "7.7.0", "7.8.0", "7.8.0-portable"]
LATER = ["7.9.0", "8.0", "7.10.1", "garbage", ""]

FOUND = Answer(Verdict.FOUND, b"value", raw=b"lookup-result|00000001|found|value\n")
ERROR = Answer(Verdict.ERROR, message=b"refused")


def lookup(key: bytes, number: int = 1) -> bytes:
    return b"table|0.1|1.000000|creds|lookup|credentials|%08x|%b\n" % (number, key)


def greeted(version: str = "7.9.0", table: str = "creds") -> TextSmtpd:
    codec = TextSmtpd()
    assert len(codec.receive(TEXT.hello(table, version).raw)) == 1
    codec.welcome(("credentials",))
    return codec


def feed(codec: TextSmtpd, chunks: Iterable[bytes]) -> list[SmtpdEvent]:
    return [event for chunk in chunks for event in codec.receive(chunk)]


def singly(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(at, len(data)) for at in cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


# -- the greeting


def test_the_greeting_tells_table_and_version_and_is_kept_whole() -> None:
    raw = (
        b"config|smtpd-version|7.6.0-portable\nconfig|protocol|0.1\n"
        b"config|tablename|creds\nconfig|news|of a later version\nconfig|ready\n"
    )
    for chunks in ([raw], singly(raw)):
        assert feed(TextSmtpd(), chunks) == [Hello("creds", "7.6.0-portable", raw)]


def test_a_request_behind_the_greeting_is_read() -> None:
    for version in ("7.6.0", "7.9.0"):
        hello = TEXT.hello("creds", version)
        events = TextSmtpd().receive(hello.raw + lookup(b"a"))
        assert [type(event) for event in events] == [Hello, Request]


def test_a_greeting_without_a_name_is_still_a_greeting() -> None:
    assert TextSmtpd().receive(b"config|ready\n") == [Hello("", "", b"config|ready\n")]


def test_what_is_no_configuration_is_left_out_of_the_greeting() -> None:
    events = TextSmtpd().receive(b"hello\nconfig|ready\n")
    assert [type(event) for event in events] == [Damage, Hello]
    assert events[1] == Hello("", "", b"config|ready\n")


def test_a_greeting_is_bounded() -> None:
    codec = TextSmtpd()
    events = feed(codec, [b"config|x|" + b"y" * 990 + b"\n"] * 200 + [b"config|ready\n"])
    assert {event.kind for event in events if isinstance(event, Damage)} == {OVERSIZED}
    hello = events[-1]
    assert isinstance(hello, Hello)
    assert len(hello.raw) < 70_000


def test_register_lines_finish_the_handshake() -> None:
    assert TextSmtpd().welcome(("alias", "auth")) == (
        b"register|alias\nregister|auth\nregister|ready\n"
    )


def test_a_table_always_registers_something_and_never_auth_by_itself() -> None:
    # table_proc.c: "no services registered" is fatal
    words = TextSmtpd().welcome(()).decode().splitlines()
    assert words == [*(f"register|{name}" for name in STDIO_SERVICES), "register|ready"]
    assert "register|auth" not in words


# -- requests


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_read(service: str) -> None:
    raw = b"table|0.1|1.5|creds|check|%b|0badcafe|key\n" % service.encode()
    assert greeted().receive(raw) == [Request(Operation.CHECK, service, b"key", b"0badcafe", raw)]


@pytest.mark.parametrize(
    ("rest", "operation", "service", "key"),
    [
        (b"update|478ff0d2", Operation.UPDATE, None, None),
        (b"fetch|source|478ff0d2", Operation.FETCH, "source", None),
        (b"lookup|alias|478ff0d2|op", Operation.LOOKUP, "alias", b"op"),
        (b"check|alias|478ff0d2|op", Operation.CHECK, "alias", b"op"),
        (b"lookup|alias|478ff0d2|", Operation.LOOKUP, "alias", b""),
        (b"lookup|alias|478ff0d2|a|b||c|", Operation.LOOKUP, "alias", b"a|b||c|"),
        (
            b"lookup|alias|478ff0d2|\xff\xc5\x82 \xf0",
            Operation.LOOKUP,
            "alias",
            b"\xff\xc5\x82 \xf0",
        ),
        (b"lookup|new-thing|478ff0d2|op", Operation.LOOKUP, "new-thing", b"op"),
        (b"lookup|\xff|478ff0d2|op", Operation.LOOKUP, "\\xff", b"op"),
    ],
)
def test_every_operation_is_read(
    rest: bytes, operation: Operation, service: str | None, key: bytes | None
) -> None:
    raw = b"table|0.1|1713795091.202157|creds|" + rest + b"\n"
    for version in ("7.6.0", "7.9.0"):
        expected = Request(operation, service, key, b"478ff0d2", raw)
        assert greeted(version).receive(raw) == [expected]
        assert feed(greeted(version), singly(raw)) == [expected]


@pytest.mark.parametrize(
    ("rest", "reason", "line"),
    [
        (b"lookup|alias|77", "fields", b"lookup-result|77|error|"),
        (b"fetch|source|77|key", "fields", b"fetch-result|77|error|"),
        (b"update|77|more", "fields", b"update-result|77|error|"),
        (b"frobnicate|alias|77|key", "operation", b"frobnicate-result|77|error|"),
        (b"frobnicate|77", "operation", b"frobnicate-result|77|error|"),
        (b"lookup|alias|77|a\0b", "control", b"lookup-result|77|error|"),
        (b"lookup|alias|77|a\rb", "control", b"lookup-result|77|error|"),
    ],
)
def test_a_request_that_can_not_be_asked_is_refused_and_answered(
    rest: bytes, reason: str, line: bytes
) -> None:
    codec = greeted("7.6.0")
    (event,) = codec.receive(b"table|0.1|1.5|creds|" + rest + b"\n")
    assert isinstance(event, Refusal)
    assert reason in event.reason
    assert codec.answer(event.request, ERROR) == line + b"refused\n"
    assert codec.receive(lookup(b"next"))[0] == TEXT.request(
        "creds", Operation.LOOKUP, "credentials", b"next", stamp=1.0
    )


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"table",
        b"table|0.1|1.5|creds",
        b"table|0.1|1.5|creds|update",
        b"table|0.1|1.5|creds|update|",
        b"table|0.1|1.5|creds|lookup|alias",
        b"table|0.1|1.5|creds|lookup|alias||key",
        b"tables|0.1|1.5|creds|lookup|alias|77|key",
        b"config|ready",
        b"\xff\0\xfe",
    ],
)
def test_a_line_without_an_id_is_damage_and_skipped(line: bytes) -> None:
    for version in ("7.6.0", "7.9.0"):
        events = greeted(version).receive(line + b"\n" + lookup(b"next"))
        assert [type(event) for event in events] == [Damage, Request]
        assert isinstance(events[0], Damage)
        assert events[0].kind == MALFORMED


def test_damage_never_shows_what_was_sent() -> None:
    (event,) = greeted().receive(b"secret\n")
    assert isinstance(event, Damage)
    assert "secret" not in event.detail


@pytest.mark.parametrize("version", ["7.6.0", "7.9.0"])
@given(
    key=st.binary(max_size=80).filter(lambda key: not set(key) & set(b"\r\n\0")),
    cuts=st.lists(st.integers(0, 150)),
)
def test_a_request_does_not_depend_on_how_it_is_split(
    version: str, key: bytes, cuts: list[int]
) -> None:
    raw = lookup(key)
    expected = [Request(Operation.LOOKUP, "credentials", key, b"00000001", raw)]
    assert feed(greeted(version), cut(raw, cuts)) == expected


# -- several at once (7.9 and later)


@pytest.mark.parametrize("version", LATER)
@given(cuts=st.lists(st.integers(0, 400)))
def test_later_versions_may_have_several_requests_outstanding(
    version: str, cuts: list[int]
) -> None:
    lines = [lookup(b"a", 1), b"table|0.1|1.5|creds|update|00000002\n", lookup(b"c", 3)]
    codec = greeted(version)
    events = feed(codec, cut(b"".join(lines), cuts))
    assert [event.raw for event in events if isinstance(event, Request)] == lines
    assert len(events) == 3
    ids = [codec.answer(event, ERROR) for event in reversed(events) if isinstance(event, Request)]
    assert ids == [
        b"lookup-result|00000003|error|refused\n",
        b"update-result|00000002|error|refused\n",
        b"lookup-result|00000001|error|refused\n",
    ]


# -- the newline rule (before 7.9)


@pytest.mark.parametrize("version", WAITING)
def test_versions_before_7_9_wait_for_answers(version: str) -> None:
    assert waits_for_answers(version)
    assert waits_for_answers("7")
    assert waits_for_answers("6.8.0")


@pytest.mark.parametrize("version", LATER)
def test_later_and_unreadable_versions_do_not(version: str) -> None:
    assert not waits_for_answers(version)


@pytest.mark.parametrize("digits", ["9" * 5000, "\u0667.\u0666", "-7.6", "v7.6"])
def test_no_version_is_too_strange_to_be_read(digits: str) -> None:
    assert not waits_for_answers(digits)


TAILS = [
    b"b\n",
    b"\n",
    b"b\nc\n\n",
    lookup(b"forged", 0xBAD),
    b"x\n" + lookup(b"forged", 0xBAD) + b"y\n",
    b"config|ready\n",
    b"b\0\xff|\r\n",
]


@pytest.mark.parametrize("version", WAITING)
@pytest.mark.parametrize("tail", TAILS)
def test_a_newline_in_a_key_is_refused(version: str, tail: bytes) -> None:
    codec = greeted(version)
    (event,) = codec.receive(lookup(b"a") + tail)
    assert isinstance(event, Refusal)
    assert event.reason == NEWLINE_IN_KEY
    assert event.request.id == b"00000001"
    assert codec.answer(event.request, ERROR) == b"lookup-result|00000001|error|refused\n"


@pytest.mark.parametrize("tail", TAILS)
@given(cuts=st.lists(st.integers(0, 400)))
def test_a_torn_key_is_refused_once_however_it_is_split(tail: bytes, cuts: list[int]) -> None:
    line = lookup(b"a")
    codec = greeted("7.6.0")
    events = feed(codec, cut(line + tail, cuts))
    assert [type(event) for event in events] in ([Refusal], [Request, Refusal])
    refusal = events[-1]
    assert isinstance(refusal, Refusal)
    assert refusal.request.raw == line
    if len(events) == 2:  # the core finds the one it already knows
        assert refusal.request is events[0]
    assert codec.answer(refusal.request, ERROR) == b"lookup-result|00000001|error|refused\n"
    # and nothing of the tail is left to be glued to the next request
    follower = lookup(b"next", 2)
    assert [event.raw for event in codec.receive(follower) if isinstance(event, Request)] == [
        follower
    ]


@pytest.mark.parametrize("tail", TAILS)
def test_a_torn_key_read_byte_by_byte_is_told_first_and_refused_then(tail: bytes) -> None:
    codec = greeted("7.7.0")
    events = feed(codec, singly(lookup(b"a") + tail))
    assert [type(event) for event in events] == [Request, Refusal]


def test_the_refusal_waits_until_smtpd_has_written_the_whole_tail() -> None:
    codec = greeted("7.6.0")
    assert codec.receive(lookup(b"a") + b"half a tail") == []
    assert codec.receive(b" and more\nand a third li") == []
    (event,) = codec.receive(b"ne\n")
    assert isinstance(event, Refusal)


def test_a_torn_request_is_answered_error_whatever_the_backend_said() -> None:
    codec = greeted("7.6.0")
    (request,) = codec.receive(lookup(b"a"))
    assert isinstance(request, Request)
    assert codec.receive(b"unfinished tail") == []
    assert codec.answer(request, FOUND) == b"lookup-result|00000001|error|newline in key\n"


def test_a_tail_still_unfinished_at_the_answer_is_not_glued_to_the_next_request() -> None:
    codec = greeted("7.6.0")
    (request,) = codec.receive(lookup(b"a"))
    assert isinstance(request, Request)
    assert codec.receive(b"unfinished ") == []
    codec.answer(request, ERROR)
    follower = lookup(b"next", 2)
    assert codec.receive(b"tail") == []
    (event,) = codec.receive(b" at last\n" + follower)
    assert isinstance(event, Request)
    assert event.raw == follower


def test_a_tail_after_the_answer_is_dropped() -> None:
    codec = greeted("7.6.0")
    (request,) = codec.receive(lookup(b"a"))
    assert isinstance(request, Request)
    assert codec.answer(request, FOUND) == FOUND.raw
    events = codec.receive(b"tail\n" + lookup(b"next", 2))
    assert [type(event) for event in events] == [Damage, Request]


def test_one_request_after_the_other_is_no_torn_key() -> None:
    codec = greeted("7.6.0")
    for number in range(5):
        (request,) = codec.receive(lookup(b"key", number))
        assert isinstance(request, Request)
        assert request.id == b"%08x" % number
        assert codec.answer(request, FOUND) == FOUND.raw


def test_the_tail_of_a_request_refused_already_adds_nothing() -> None:
    codec = greeted("7.6.0")
    (refusal,) = codec.receive(lookup(b"a\rb"))
    assert isinstance(refusal, Refusal)
    assert codec.receive(lookup(b"forged", 2)) == []
    codec.answer(refusal.request, ERROR)
    assert [type(event) for event in codec.receive(lookup(b"next", 3))] == [Request]


# -- limits


@pytest.mark.parametrize("version", ["7.6.0", "7.9.0"])
@pytest.mark.parametrize("bytewise", [False, True])
def test_an_overlong_request_is_refused_and_the_rest_of_it_dropped(
    version: str, bytewise: bool
) -> None:
    codec = greeted(version)
    raw = lookup(b"k" * LINE_LIMIT)
    events = feed(codec, singly(raw) if bytewise else [raw])
    (refusal,) = events
    assert isinstance(refusal, Refusal)
    assert str(LINE_LIMIT) in refusal.reason
    assert len(refusal.request.raw) == LINE_LIMIT
    assert codec.answer(refusal.request, ERROR) == b"lookup-result|00000001|error|refused\n"
    follower = lookup(b"next", 2)
    assert [e.raw for e in codec.receive(follower) if isinstance(e, Request)] == [follower]


def test_a_request_of_the_limit_is_asked() -> None:
    raw = lookup(b"k" * (LINE_LIMIT + 1 - len(lookup(b""))))
    assert len(raw) == LINE_LIMIT + 1
    assert [type(event) for event in greeted().receive(raw)] == [Request]


def test_an_endless_tail_is_not_kept() -> None:
    codec = greeted("7.6.0")
    codec.receive(lookup(b"a"))
    for _ in range(10):
        assert codec.receive(b"x" * 100_000) == []
    assert len(codec._lines._start) == 0
    assert [type(event) for event in codec.receive(b"\n")] == [Refusal]


# -- answers

LOOKUP = TEXT.request("creds", Operation.LOOKUP, "alias", b"k", number=0x77)
CHECK = TEXT.request("creds", Operation.CHECK, "alias", b"k", number=0x77)
FETCH = TEXT.request("creds", Operation.FETCH, "source", number=0x77)
UPDATE = TEXT.request("creds", Operation.UPDATE, number=0x77)


@pytest.mark.parametrize(
    ("request_", "answer", "line"),
    [
        (LOOKUP, Answer(Verdict.FOUND, b"a|b"), b"lookup-result|00000077|found|a|b"),
        (LOOKUP, Answer(Verdict.NOT_FOUND), b"lookup-result|00000077|not-found"),
        (FETCH, Answer(Verdict.FOUND, b"::1"), b"fetch-result|00000077|found|::1"),
        (FETCH, Answer(Verdict.NOT_FOUND), b"fetch-result|00000077|not-found"),
        (CHECK, Answer(Verdict.FOUND, b"unused"), b"check-result|00000077|found"),
        (CHECK, Answer(Verdict.NOT_FOUND), b"check-result|00000077|not-found"),
        (CHECK, ERROR, b"check-result|00000077|error|refused"),
        (UPDATE, Answer(Verdict.FOUND), b"update-result|00000077|ok"),
        (UPDATE, ERROR, b"update-result|00000077|error|refused"),
        # never what smtpd would exit on
        (LOOKUP, Answer(Verdict.FOUND), b"lookup-result|00000077|error|temporary failure"),
        (LOOKUP, Answer(Verdict.FOUND, b"a\nb"), b"lookup-result|00000077|error|temporary failure"),
        (FETCH, Answer(Verdict.FOUND, b"\0"), b"fetch-result|00000077|error|temporary failure"),
        (UPDATE, Answer(Verdict.NOT_FOUND), b"update-result|00000077|error|temporary failure"),
        # smtpd-tables(7): an error has a message
        (CHECK, Answer(Verdict.ERROR), b"check-result|00000077|error|temporary failure"),
        (
            CHECK,
            Answer(Verdict.ERROR, message=b"\r\n"),
            b"check-result|00000077|error|temporary failure",
        ),
        (
            CHECK,
            Answer(Verdict.ERROR, message=b"a\nb\x1b[0m|\xc5\x82"),
            b"check-result|00000077|error|ab[0m|\xc5\x82",
        ),
    ],
)
def test_answers_of_our_own_are_lines_smtpd_takes(
    request_: Request, answer: Answer, line: bytes
) -> None:
    for version in ("7.6.0", "7.9.0"):
        assert greeted(version).answer(request_, answer) == line + b"\n"


def test_a_backends_answer_is_forwarded_as_it_is() -> None:
    assert greeted().answer(LOOKUP, FOUND) is FOUND.raw


def test_a_message_is_bounded() -> None:
    line = greeted().answer(CHECK, Answer(Verdict.ERROR, message=b"m" * 10_000))
    assert line == b"check-result|00000077|error|" + b"m" * MESSAGE_LIMIT + b"\n"
