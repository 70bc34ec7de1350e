"""What the targets of both codecs share: inputs that come close to the two protocols."""

from __future__ import annotations

import struct

from hypothesis import strategies as st
from tests.fuzz.target import Targets

from tablewatch.protocol import BackendCodec, Dialect
from tablewatch.protocol.frames import MAX_SIZE
from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.imsg_backend import ImsgBackend
from tablewatch.protocol.imsg_smtpd import ImsgSmtpd
from tablewatch.protocol.messages import (
    Damage,
    Operation,
    Ready,
    Request,
)
from tablewatch.protocol.text import TEXT
from tablewatch.protocol.text_backend import TextBackend
from tablewatch.protocol.text_smtpd import GREETING_LIMIT, TextSmtpd
from tablewatch.protocol.text_words import LINE_LIMIT

CODECS = Targets()

KINDS = {"unsolicited", "foreign-id", "malformed", "empty-value", "oversized", "handshake"}
KEY = b"alice|\xff"


def questions(dialect: Dialect) -> list[Request]:
    """Return one request of each operation; their ids are 00000001 to 00000004."""
    return [
        dialect.request("creds", Operation.LOOKUP, "credentials", KEY, number=1),
        dialect.request("creds", Operation.CHECK, "domain", b"example.org", number=2),
        dialect.request("creds", Operation.FETCH, "source", number=3),
        dialect.request("creds", Operation.UPDATE, number=4),
    ]


def greeted(dialect: Dialect) -> BackendCodec:
    """Return the codec of a backend that is ready."""
    codec = dialect.backend_codec()
    events = codec.receive(dialect.smtpd_codec().welcome(("alias",)))
    assert [type(event) for event in events] == [Ready]
    return codec


# -- inputs that come close


ANSWERS = (
    b"lookup-result|00000001|found|alice:$2b$10$x",
    *(
        b"lookup-result|00000001|" + rest
        for rest in (b"not-found", b"error", b"error|x", b"found|")
    ),
    *(b"check-result|00000002|" + rest for rest in (b"found", b"not-found", b"found|v", b"error")),
    *(b"fetch-result|00000003|" + rest for rest in (b"found|10.0.0.1", b"not-found", b"error")),
    *(b"update-result|00000004|" + rest for rest in (b"ok", b"error", b"error|gone", b"found")),
)
TEXT_WORDS = (
    *(b"lookup-result|", b"check-result|", b"fetch-result|", b"update-result|", b"|", b"\n"),
    *(b"00000001|", b"00000002|", b"00000003|", b"00000004|", b"found", b"found|", b"not-found"),
    *(b"error", b"error|", b"ok", b"foundation", b"\0", b"\r", b"register|", b"register|ready\n"),
    *(b"alias", b"none", b"credentials", b"auth"),
)
REQUEST_WORDS = (
    *(b"table|0.1|1700000000.123456|creds|", b"lookup|", b"check|", b"fetch|", b"update|", b"\n"),
    *(b"credentials|", b"alias|", b"source|", b"auth|", b"0000000a|", b"|", b"\r", b"\0", b"song|"),
    *(
        b"config|smtpd-version|",
        b"7.6.0",
        b"7.9.0",
        b"config|tablename|",
        b"config|ready\n",
        b"a|b",
    ),
    b"config|protocol|0.1\n",
)
IMSG_WORDS = (
    *(struct.pack("=IHHII", type_, size, 0, 0, 0) for type_ in (0, 4) for size in (16, 20, 22)),
    *(struct.pack("=IHHII", type_, 31, 0, 0, 0) for type_ in (1, 2, 3, 5, 6, 7)),
    *(struct.pack("=i", number) for number in (0, 1, -1, 2)),
    *(struct.pack("=iQ", 1 << bit, 0) for bit in (0, 2, 11, 12)),
    *(b"\0", b"v\0", struct.pack("=H", MAX_SIZE), struct.pack("=H", MAX_SIZE + 1)),
)


def joined(*parts: st.SearchStrategy[bytes], most: int = 6) -> st.SearchStrategy[bytes]:
    """Return strategies' bytes, a few of them one behind the other."""
    return st.lists(st.one_of(*parts), max_size=most).map(b"".join)


near_answers = joined(
    st.sampled_from(ANSWERS).map(lambda line: line + b"\n"),
    st.sampled_from(TEXT_WORDS),
    st.binary(max_size=5),
    st.builds(
        lambda operation, id_, rest: operation + b"-result|" + id_ + b"|" + rest + b"\n",
        st.sampled_from([b"lookup", b"check", b"fetch", b"update"]),
        st.sampled_from([b"00000001", b"00000002", b"00000003", b"0000000", b""]),
        st.sampled_from(b"found|v found found| not-found error error|m ok foundation".split(b" ")),
    ),
)
near_frames = joined(
    st.binary(max_size=20),
    st.sampled_from(IMSG_WORDS),
    st.builds(
        lambda type_, extra, number, rest: (
            struct.pack("=IHHIIi", type_, 20 + len(rest) + extra, 0, 0, 0, number) + rest
        ),
        st.sampled_from([0, 0, 0, 0, 1, 6, 2**32 - 1]),
        st.sampled_from([0, 0, 0, 0, 1, -1, -5, 16384]),
        st.sampled_from([1, 1, 0, -1, 2]),
        st.sampled_from([b"", b"v\0", b"v\0", b"\0", b"v", b"a\0b\0", b"v" * 3000 + b"\0"]),
    ),
)
near_text_requests = joined(
    st.sampled_from(questions(TEXT)).map(lambda request: request.raw),
    st.sampled_from(REQUEST_WORDS),
    near_answers,
)
near_imsg_requests = joined(
    st.sampled_from(questions(IMSG)).map(lambda request: request.raw),
    st.just(IMSG.hello("creds").raw),
    near_frames,
)


def told(events: object) -> list[object]:
    """Return events for comparing: of a damage only the kind, as a part may be all that came."""
    assert isinstance(events, list)
    return [event.kind if isinstance(event, Damage) else event for event in events]


def kept(codec: object) -> int:
    """Return how many bytes a codec keeps between two reads."""
    match codec:
        case TextBackend(_lines=lines):
            return len(lines._start)
        case TextSmtpd(_lines=lines, _greeting=greeting):
            return len(lines._start) + len(greeting)
        case ImsgBackend(_frames=frames) | ImsgSmtpd(_frames=frames):
            return len(frames._buffer)
    raise AssertionError(codec)


MOST_KEPT = {"text": LINE_LIMIT + 1 + GREETING_LIMIT, "imsg": MAX_SIZE}
