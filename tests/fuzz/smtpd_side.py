"""Targets: the table's role in both protocols, which reads what smtpd sends."""

from __future__ import annotations

from hypothesis import strategies as st
from tests.fuzz.dialogue import (
    CODECS,
    IMSG_WORDS,
    MOST_KEPT,
    REQUEST_WORDS,
    TEXT_WORDS,
    greeted,
    joined,
    kept,
    near_imsg_requests,
    near_text_requests,
    questions,
    told,
)
from tests.fuzz.smtpd_reads import smtpd_reads
from tests.fuzz.target import chance, cut, splits

from tablewatch.protocol import Dialect, SmtpdCodec
from tablewatch.protocol.detect import dialect_of
from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.lines import Lines
from tablewatch.protocol.messages import (
    Answer,
    Hello,
    Refusal,
    Request,
    Verdict,
)
from tablewatch.protocol.text import TEXT
from tablewatch.protocol.text_smtpd import TextSmtpd


def requests(dialect: Dialect, data: bytes, *, same: bool) -> None:
    """Have smtpd send `data`; `same`: it asks the same however it is split."""
    whole = told(asked(dialect, [data]))
    for pieces in splits(data):
        events = told(asked(dialect, pieces))
        if same:
            assert events == whole


def asked(dialect: Dialect, pieces: list[bytes]) -> list[object]:
    """Return the events of `pieces`; every request and refusal is answered as it comes out."""
    codec = dialect.smtpd_codec()
    events: list[object] = []
    for piece in pieces:
        for event in codec.receive(piece):
            events.append(event)
            if isinstance(event, Request | Refusal):
                request = event if isinstance(event, Request) else event.request
                answerable(dialect, codec, request)
            if isinstance(event, Request):
                reads_back(dialect, event)
            elif isinstance(event, Hello):
                again = dialect.smtpd_codec().receive(event.raw)
                assert [each for each in again if isinstance(each, Hello)] == [event]
        assert kept(codec) <= MOST_KEPT[dialect.name]
    return events


def answerable(dialect: Dialect, codec: SmtpdCodec, request: Request) -> None:
    """Assert that `request` is answered in one message, to its own id."""
    raw = codec.answer(request, Answer(Verdict.ERROR, message=b"refused\n|found"))
    if dialect is TEXT:
        assert raw.count(b"\n") == 1
        assert raw.endswith(b"-result|" + request.id + b"|error|refused|found\n")
    else:
        assert smtpd_reads(dialect, request, raw) is Verdict.ERROR


def reads_back(dialect: Dialect, request: Request) -> None:
    """Assert that composing `request` from its parts gives one that means the same."""
    number = int(request.id, 16) if request.id and dialect is TEXT and is_hex(request.id) else 1
    try:
        made = dialect.request(
            "creds", request.operation, request.service, request.key, number=number
        )
    except ValueError:
        # What a line or message of ours can't carry must not have been carried by theirs.
        assert dialect is IMSG, request
        assert request.service is not None
        assert request.service.startswith("0x"), request
        return
    codec = dialect.smtpd_codec()
    hello = (TEXT if dialect is TEXT else IMSG).hello("creds", "7.9.0").raw
    (_, again) = codec.receive(hello + made.raw)
    assert isinstance(again, Request)
    assert again[:3] == request[:3]


def is_hex(id_: bytes) -> bool:
    """Tell whether it is an id as smtpd makes them."""
    return len(id_) == 8 and not id_.strip(b"0123456789abcdef")


@CODECS("requests-text", near_text_requests, REQUEST_WORDS)
def requests_text(data: bytes) -> None:
    """Whatever smtpd's end sends, nothing is raised, every Request and Refusal can be answered in
    one line to its own id, a Request composed from its parts is read as the same, and with an smtpd
    that does not wait for answers any split gives the same; what is kept is bounded.
    """
    new = TEXT.hello("creds", "7.9.0").raw
    requests(TEXT, new + data, same=True)
    requests(TEXT, TEXT.hello("creds", "7.6.0").raw + data, same=False)
    requests(TEXT, data, same=False)


@CODECS("requests-imsg", near_imsg_requests, (*IMSG_WORDS, IMSG.hello("creds").raw))
def requests_imsg(data: bytes) -> None:
    """As requests-text, in the imsg protocol; answers are ones that smtpd takes."""
    requests(IMSG, data, same=True)


@CODECS(
    "first-bytes", joined(near_text_requests, near_imsg_requests), (*REQUEST_WORDS, *IMSG_WORDS)
)
def first_bytes(data: bytes) -> None:
    """A stream at the beginning of which one dialect reads a greeting is taken for that dialect,
    however little of it has come; and none for both.
    """
    greeted_by = [
        each
        for each in (TEXT, IMSG)
        if (events := each.smtpd_codec().receive(data)) and isinstance(events[0], Hello)
    ]
    assert len(greeted_by) <= 1
    for each in greeted_by:
        assert all(dialect_of(data[:size]) is each for size in range(1, 9))


# -- keys with newlines

FORGED = b"\ntable|0.1|1.5|creds|lookup|credentials|00000bad|forged\n"
BETWEEN = b"\0--\0"
KEY_WORDS = (FORGED, b"\n", b"\r", b"|", BETWEEN, b"table|0.1|1.5|creds|update|00000bad\n")


@CODECS(
    "torn-keys",
    joined(st.binary(min_size=1, max_size=12), st.sampled_from(KEY_WORDS), most=9),
    KEY_WORDS,
)
def torn_keys(data: bytes) -> None:
    """With an smtpd that waits for answers, whatever bytes clients get into its keys and however
    they are split, each is answered exactly once, with its own id; one with a newline is answered
    `error` and its tail is never a request.
    """
    choose = chance(data)
    for version in ("7.6.0", "7.7.0", "7.8.0-portable"):
        codec = TextSmtpd()
        codec.receive(TEXT.hello("creds", version).raw)
        for number, key in enumerate(data.split(BETWEEN)):
            id_ = b"%08x" % number
            sent = b"table|0.1|1.5|creds|check|domain|" + id_ + b"|" + key + b"\n"
            events = [event for piece in cut(sent, choose) for event in codec.receive(piece)]
            kinds = [type(event) for event in events]
            assert kinds in ([Request], [Refusal], [Request, Refusal])
            last = events[-1]
            assert isinstance(last, Request | Refusal)
            request = last if isinstance(last, Request) else last.request
            assert request.id == id_
            torn = b"\n" in key
            assert isinstance(last, Refusal) or not torn
            found = Answer(Verdict.FOUND, raw=b"check-result|" + id_ + b"|found\n")
            raw = codec.answer(request, found)
            if torn:
                assert raw == b"check-result|" + id_ + b"|error|newline in key\n"


@CODECS("own-answers", joined(st.binary(max_size=30), st.sampled_from(TEXT_WORDS)), TEXT_WORDS)
def own_answers(data: bytes) -> None:
    """Whatever value or message goes into an answer of our own, smtpd does not exit on it and never
    understands more by it than was meant: found stays found, with that value, or becomes error.
    """
    value, _, message = data.partition(b"\0--\0")
    for dialect in (TEXT, IMSG):
        codec = dialect.smtpd_codec()
        for request in questions(dialect):
            for verdict in Verdict:
                raw = codec.answer(request, Answer(verdict, value, message or value))
                understood = smtpd_reads(dialect, request, raw)
                assert understood in (verdict, Verdict.ERROR)
                backend = greeted(dialect)
                backend.ask(request)
                (again,) = backend.receive(raw)
                assert isinstance(again, Answer)
                assert again.verdict is understood
                if understood is Verdict.FOUND and again.value:
                    assert again.value == value


@CODECS("lines", joined(st.binary(max_size=40), st.just(b"\n"), most=12), (b"\n", b"\n\n"))
def lines(data: bytes) -> None:
    """Lines come out whole, or cut to the limit and without a newline; any split gives the same,
    and no more than the limit and one byte is kept.
    """
    for limit in (1, 7, 4096):
        expected = [
            line + b"\n" if len(line) <= limit else line[:limit] for line in data.split(b"\n")[:-1]
        ]
        for pieces in ([data], *splits(data)):
            reader = Lines(limit)
            found = []
            for piece in pieces:
                found += reader.split(piece)
                assert len(reader._start) <= limit + 1
            assert found == expected
            assert reader.pending == (not data.endswith(b"\n") and data != b"")
