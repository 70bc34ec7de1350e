"""Hostile bytes against both codecs. Every target begins with the invariant it defends."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablewatch.protocol import BackendCodec, Dialect
from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.messages import (
    Answer,
    BackendEvent,
    Damage,
    Operation,
    Ready,
    Refusal,
    Request,
    Verdict,
)
from tablewatch.protocol.text import TEXT
from tablewatch.protocol.text_smtpd import TextSmtpd

DIALECTS = [TEXT, IMSG]
fuzzed = settings(max_examples=400, deadline=None)


# -- what smtpd makes of an answer (table_proc.c): the verdict, or Exit where smtpd would exit


class Exit(Exception):
    """smtpd would leave here."""


def smtpd_reads_text(request: Request, stream: bytes) -> Verdict:
    line, newline, rest = stream.partition(b"\n")
    if not newline or rest or b"\0" in line:
        raise Exit
    prefix = request.operation.encode() + b"-result|" + request.id + b"|"
    if not line.startswith(prefix):
        raise Exit
    outcome = line[len(prefix) :]
    if outcome == b"error" or outcome.startswith(b"error|"):
        return Verdict.ERROR
    if request.operation is Operation.UPDATE:
        if outcome == b"ok":
            return Verdict.FOUND
    elif outcome == b"not-found":
        return Verdict.NOT_FOUND
    elif request.operation is Operation.CHECK:
        if outcome == b"found" or outcome.startswith(b"found|"):
            return Verdict.FOUND
    elif len(outcome) > len(b"found|") and outcome.startswith(b"found|"):
        return Verdict.FOUND
    raise Exit


def smtpd_reads_imsg(request: Request, stream: bytes) -> Verdict:
    if len(stream) < 20:
        raise Exit
    type_, length, _, _, _, number = struct.unpack_from("=IHHIIi", stream)
    value = stream[20:]
    if type_ != 0 or length != len(stream) or length > 16384:
        raise Exit
    if number == 1 and request.operation in (Operation.LOOKUP, Operation.FETCH):
        if len(value) < 2 or value.index(0) != len(value) - 1:
            raise Exit
    elif value:
        raise Exit
    if number not in (1, 0, -1):
        raise Exit
    if request.operation is Operation.UPDATE and number != 1:
        return Verdict.ERROR
    return {1: Verdict.FOUND, 0: Verdict.NOT_FOUND, -1: Verdict.ERROR}[number]


def smtpd_reads(dialect: Dialect, request: Request, stream: bytes) -> Verdict:
    reads = smtpd_reads_text if dialect is TEXT else smtpd_reads_imsg
    return reads(request, stream)


# -- bytes that come close to the protocols


def questions(dialect: Dialect) -> list[Request]:
    compose = TEXT.request if dialect is TEXT else IMSG.request
    return [
        compose("creds", Operation.LOOKUP, "credentials", b"alice|\xff"),
        compose("creds", Operation.CHECK, "domain", b"example.org"),
        compose("creds", Operation.FETCH, "source"),
        compose("creds", Operation.UPDATE),
    ]


def handshake(dialect: Dialect) -> bytes:
    return dialect.smtpd_codec().welcome(("alias",))


words = st.sampled_from(
    b"lookup-result check-result fetch-result update-result 00000001 00000002 found not-found "
    b"error ok register ready alias found| | || \n \n \n \r \0 x table config 0.1 lookup".split(
        b" "
    )
)
near_text = st.lists(
    st.one_of(
        words,
        st.binary(max_size=5),
        st.builds(
            lambda op, id_, rest: op + b"-result|" + id_ + b"|" + rest + b"\n",
            st.sampled_from([b"lookup", b"check", b"fetch", b"update"]),
            st.sampled_from([b"00000001", b"00000001", b"00000002", b"0000000", b""]),
            st.sampled_from(
                b"found|v found found| not-found error error|m ok foundation errors".split(b" ")
            ),
        ),
    ),
    max_size=6,
).map(b"".join)
near_imsg = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.builds(
            lambda type_, extra, number, rest: (
                struct.pack("=IHHIIi", type_, 20 + len(rest) + extra, 0, 0, 0, number) + rest
            ),
            st.sampled_from([0, 0, 0, 0, 1, 6, 2**32 - 1]),
            st.sampled_from([0, 0, 0, 0, 1, -1, -5, 16384]),
            st.sampled_from([1, 1, 0, -1, 2]),
            st.sampled_from([b"", b"v\0", b"v\0", b"\0", b"v", b"a\0b\0", b"v" * 3000 + b"\0"]),
        ),
    ),
    max_size=4,
).map(b"".join)


def near(dialect: Dialect) -> st.SearchStrategy[bytes]:
    return near_text if dialect is TEXT else near_imsg


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(at, len(data)) for at in cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def kinds(events: list[BackendEvent]) -> list[object]:
    return [event if not isinstance(event, Damage) else event.kind for event in events]


# -- targets


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@fuzzed
@given(data=st.data())
def test_only_the_answer_asked_for_gets_through(dialect: Dialect, data: st.DataObject) -> None:
    """Whatever a backend sends, an Answer comes out only for the request that is outstanding and
    at most once for it, smtpd's own parser takes the bytes that are forwarded and understands
    the same by them, and nothing at all comes out after a Damage."""
    smtpd, backend = dialect.smtpd_codec(), dialect.backend_codec()
    assert [type(event) for event in backend.receive(handshake(dialect))] == [Ready]
    outstanding: Request | None = None
    damaged = False
    for _ in range(data.draw(st.integers(1, 5))):
        if outstanding is None:
            outstanding = data.draw(st.sampled_from(questions(dialect)))
            backend.ask(outstanding)
        sent = data.draw(near(dialect))
        for chunk in split(sent, data.draw(st.lists(st.integers(0, len(sent)), max_size=4))):
            for event in backend.receive(chunk):
                assert not damaged
                if isinstance(event, Answer):
                    assert outstanding is not None
                    forwarded = smtpd.answer(outstanding, event)
                    assert forwarded == event.raw
                    assert smtpd_reads(dialect, outstanding, forwarded) is event.verdict
                    outstanding = None
                else:
                    assert isinstance(event, Damage)
                    damaged = True


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@fuzzed
@given(data=st.data())
def test_a_well_formed_answer_always_gets_through(dialect: Dialect, data: st.DataObject) -> None:
    """The checks never cost a good answer: what smtpd's own parser takes, comes out."""
    request = data.draw(st.sampled_from(questions(dialect)))
    sent = data.draw(near(dialect))
    try:
        verdict = smtpd_reads(dialect, request, sent)
    except (Exit, ValueError):
        verdict = None
    backend = dialect.backend_codec()
    backend.receive(handshake(dialect))
    backend.ask(request)
    events = backend.receive(sent)
    if verdict is not None:
        (event,) = events
        assert isinstance(event, Answer)
        assert (event.verdict, event.raw) == (verdict, sent)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@fuzzed
@given(data=st.data())
def test_a_backends_stream_means_the_same_however_it_is_split(
    dialect: Dialect, data: st.DataObject
) -> None:
    """Where reads begin and end is chance: whole, in pieces or byte by byte, the same events."""
    sent = data.draw(
        st.booleans().flatmap(lambda ok: near(dialect).map((handshake(dialect) * ok).__add__))
    )
    request = data.draw(st.sampled_from([None, *questions(dialect)]))

    def run(chunks: list[bytes]) -> list[object]:
        backend: BackendCodec = dialect.backend_codec()
        if request is not None:
            backend.ask(request)
        return kinds([event for chunk in chunks for event in backend.receive(chunk)])

    whole = run([sent])
    assert run(split(sent, data.draw(st.lists(st.integers(0, len(sent)), max_size=5)))) == whole
    assert run([sent[at : at + 1] for at in range(len(sent))]) == whole


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@fuzzed
@given(data=st.data(), answers=st.lists(st.sampled_from(Verdict)), value=st.binary(max_size=30))
def test_every_answer_of_our_own_is_one_smtpd_takes(
    dialect: Dialect, data: st.DataObject, answers: list[Verdict], value: bytes
) -> None:
    """Whatever value or message the core puts into an answer, smtpd does not exit on it, and it
    is never understood as more than the core meant: found stays found or becomes error."""
    codec = dialect.smtpd_codec()
    for verdict in answers:
        request = data.draw(st.sampled_from(questions(dialect)))
        raw = codec.answer(request, Answer(verdict, value, value))
        assert smtpd_reads(dialect, request, raw) in (verdict, Verdict.ERROR)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("version", ["7.6.0", "7.9.0"])
@fuzzed
@given(data=st.data())
def test_every_request_or_refusal_can_be_answered(
    dialect: Dialect, version: str, data: st.DataObject
) -> None:
    """Whatever smtpd's end sends, nothing is raised, and every Request and Refusal that comes
    out can be answered in one message of its own."""
    codec = dialect.smtpd_codec()
    if data.draw(st.booleans()):
        codec.receive(TEXT.hello("creds", version).raw if dialect is TEXT else b"")
    pieces = [request.raw for request in questions(dialect)]
    near_requests = st.lists(st.one_of(st.sampled_from(pieces), near(dialect)), max_size=5)
    sent = b"".join(data.draw(near_requests))
    for chunk in split(sent, data.draw(st.lists(st.integers(0, len(sent)), max_size=5))):
        for event in codec.receive(chunk):
            if isinstance(event, Request | Refusal):
                request = event if isinstance(event, Request) else event.request
                raw = codec.answer(request, Answer(Verdict.ERROR, message=b"refused"))
                if dialect is TEXT:
                    assert raw.count(b"\n") == 1
                    assert raw.endswith(b"-result|" + request.id + b"|error|refused\n")
                else:
                    assert smtpd_reads_imsg(request, raw) is Verdict.ERROR


@fuzzed
@given(
    keys=st.lists(
        st.lists(
            st.one_of(
                st.binary(min_size=1, max_size=12),
                st.just(b"\n"),
                st.just(b"\ntable|0.1|1.5|creds|lookup|credentials|00000bad|forged\n"),
            ),
            max_size=4,
        ).map(b"".join),
        min_size=1,
        max_size=5,
    ),
    version=st.sampled_from(["7.6.0", "7.7.0", "7.8.0-portable"]),
    data=st.data(),
)
def test_a_key_never_becomes_a_second_request(
    keys: list[bytes], version: str, data: st.DataObject
) -> None:
    """With an smtpd that waits for answers, whatever bytes a client gets into a key and however
    they are split, each key smtpd sends is answered exactly once, with its own id; one with a
    newline is answered `error` and its tail is never a request."""
    codec = TextSmtpd()
    codec.receive(TEXT.hello("creds", version).raw)
    for number, key in enumerate(keys):
        id_ = b"%08x" % number
        sent = b"table|0.1|1.5|creds|check|domain|" + id_ + b"|" + key + b"\n"
        cuts = data.draw(st.lists(st.integers(0, len(sent)), max_size=4))
        events = [event for chunk in split(sent, cuts) for event in codec.receive(chunk)]
        assert [type(event) for event in events] in ([Request], [Refusal], [Request, Refusal])
        last = events[-1]
        assert isinstance(last, Request | Refusal)
        request = last if isinstance(last, Request) else last.request
        assert request.id == id_
        if b"\n" in key:
            assert isinstance(last, Refusal)
        found = Answer(Verdict.FOUND, raw=b"check-result|" + id_ + b"|found\n")
        raw = codec.answer(request, found)
        if b"\n" in key:
            assert raw == b"check-result|" + id_ + b"|error|newline in key\n"
