"""The short way through the codecs: it takes what the long way would take, and says the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablewatch.protocol.imsg import IMSG, ImsgDialect
from tablewatch.protocol.messages import (
    Answer,
    BackendEvent,
    Hello,
    Operation,
    Refusal,
    Request,
    SmtpdEvent,
    Verdict,
)
from tablewatch.protocol.text import TEXT, TextDialect

Dialect = TextDialect | ImsgDialect

DIALECTS = pytest.mark.parametrize("dialect", [TEXT, IMSG], ids=["text", "imsg"])
KEYED = (Operation.LOOKUP, Operation.CHECK)
OPERATIONS = st.sampled_from([*KEYED * 3, Operation.FETCH, Operation.UPDATE])
SERVICES = st.sampled_from(["credentials", "userinfo", "domain"])
KEYS = st.sampled_from([b"alice", b"a|b", b"", "józef".encode()])
TABLES = st.sampled_from(["creds", "a|b"])
VERSIONS = st.sampled_from(["7.6.0", "7.9.0"])
# Where a message is cut, or a byte of it replaced by what matters to the framing.
HARM = st.tuples(st.integers(0, 80), st.sampled_from([b"\n", b"\r", b"\0", b"|", b"\xff"]))
WAYS = st.lists(st.sampled_from(["whole"] * 6 + ["cut", "harmed", "twice", "empty"]), max_size=12)


def requests(dialect: Dialect, table: str) -> st.SearchStrategy[Request]:
    def make(operation: Operation, service: str, key: bytes, number: int) -> Request:
        return dialect.request(
            table,
            operation,
            service if operation is not Operation.UPDATE else None,
            key if operation in KEYED else None,
            number=number,
        )

    return st.builds(make, OPERATIONS, SERVICES, KEYS, st.integers(1, 3))


def bent(data: bytes, way: str, where: int, byte: bytes) -> list[bytes]:
    """What arrives, read by read."""
    where %= len(data) or 1
    if way == "cut":
        return [data[:where], data[where:]]
    if way == "harmed":
        return [data[:where] + byte + data[where + 1 :]]
    return {"whole": [data], "twice": [data + data], "empty": [b""]}[way]


@DIALECTS
@settings(max_examples=300)
@given(data=st.data(), table=TABLES, version=VERSIONS, ways=WAYS)
def test_a_request_is_read_alike_on_both_ways(
    dialect: Dialect, data: st.DataObject, table: str, version: str, ways: list[str]
) -> None:
    short, long = dialect.smtpd_codec(), dialect.smtpd_codec()
    greeting = dialect.hello(table, version).raw
    assert short.plain(greeting) is None
    assert short.receive(greeting) == long.receive(greeting)
    for way in ways:
        request = data.draw(requests(dialect, table))
        for read in bent(request.raw, way, *data.draw(HARM)):
            plain = short.plain(read)
            events: list[SmtpdEvent] = [plain] if plain is not None else short.receive(read)
            expected = long.receive(read)
            assert events == expected
            for one, other in zip(events, expected, strict=True):
                if not data.draw(st.booleans()):
                    continue  # it waits for its answer
                for codec, event in ((short, one), (long, other)):
                    if isinstance(event, Request | Refusal):
                        asked = event if isinstance(event, Request) else event.request
                        codec.answer(asked, Answer(Verdict.NOT_FOUND))


def answers(dialect: Dialect, request: Request) -> st.SearchStrategy[bytes]:
    def make(verdict: Verdict, value: bytes, message: bytes) -> bytes:
        codec = dialect.smtpd_codec()
        codec.receive(dialect.hello("creds", "7.9.0").raw)
        return codec.answer(request, Answer(verdict, value, message))

    values = st.sampled_from([b"alice:secret", b"a|b|c", b"found"])
    return st.builds(make, st.sampled_from(Verdict), values, st.just(b"no"))


@DIALECTS
@settings(max_examples=300)
@given(data=st.data(), ways=WAYS)
def test_an_answer_is_read_alike_on_both_ways(
    dialect: Dialect, data: st.DataObject, ways: list[str]
) -> None:
    short, long = dialect.backend_codec(), dialect.backend_codec()
    hello = dialect.hello("creds", "7.9.0")
    assert isinstance(hello, Hello)
    welcome = dialect.smtpd_codec()
    welcome.receive(hello.raw)
    ready = welcome.welcome(("credentials",))
    assert short.plain(ready) is None
    assert short.receive(ready) == long.receive(ready)
    open_ = None
    for way in ways:
        if open_ is None:
            open_ = data.draw(requests(dialect, "creds"))
            assert short.ask(open_) == long.ask(open_)
        for read in bent(data.draw(answers(dialect, open_)), way, *data.draw(HARM)):
            plain = short.plain(read)
            events: list[BackendEvent] = [plain] if plain is not None else short.receive(read)
            assert events == long.receive(read)
            if plain is not None:
                assert plain.verdict is not Verdict.ERROR
            if any(isinstance(event, Answer) for event in events):
                open_ = None


@DIALECTS
@pytest.mark.parametrize("operation", KEYED)
def test_an_ordinary_lookup_goes_the_short_way(dialect: Dialect, operation: Operation) -> None:
    smtpd, backend = dialect.smtpd_codec(), dialect.backend_codec()
    smtpd.receive(dialect.hello("creds", "7.6.0").raw)
    backend.receive(smtpd.welcome(("credentials",)))
    request = dialect.request("creds", operation, "credentials", b"alice")
    for verdict in (Verdict.FOUND, Verdict.NOT_FOUND):
        asked = smtpd.plain(request.raw)
        assert asked == request
        backend.ask(asked)
        answer = smtpd.answer(asked, Answer(verdict, b"alice:secret"))
        passed = backend.plain(answer)
        assert passed is not None
        assert (passed.verdict, passed.raw) == (verdict, answer)


@DIALECTS
def test_an_error_and_what_nobody_asked_for_go_the_long_way(dialect: Dialect) -> None:
    smtpd, backend = dialect.smtpd_codec(), dialect.backend_codec()
    smtpd.receive(dialect.hello("creds", "7.9.0").raw)
    backend.receive(smtpd.welcome(("credentials",)))
    request = dialect.request("creds", Operation.LOOKUP, "credentials", b"alice")
    found = smtpd.answer(request, Answer(Verdict.FOUND, b"alice:secret"))
    assert backend.plain(found) is None
    backend.ask(request)
    assert backend.plain(smtpd.answer(request, Answer(Verdict.ERROR))) is None
    assert backend.plain(found) is not None
    assert backend.plain(found) is None
