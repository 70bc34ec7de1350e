"""Targets: what a backend writes to its stderr, from bytes to what is shown of it."""

from __future__ import annotations

import re
from collections import deque

from hypothesis import strategies as st
from tests.fuzz.target import Targets, splits

from tablewatch.knowledge.catalogue import entries
from tablewatch.knowledge.classify import MAX_TEXT, Classifier
from tablewatch.knowledge.groups import MAX_GROUP
from tablewatch.knowledge.keys import printable
from tablewatch.knowledge.masking import scrub
from tablewatch.knowledge.records import ErrorClass, Sign
from tablewatch.knowledge.signatures import ERROR_TEXTS, SIGNATURES
from tablewatch.knowledge.stderr_lines import LINE_LIMIT, StderrLines
from tablewatch.policy.collapse import Collapser

STDERR = Targets()

IDS = {*entries()}
LONGEST_ID = max(map(len, IDS))
MEMORY = 4  # lines that the classifier remembers here

BETWEEN = b"\0--\0"
WORDS = (
    *dict.fromkeys(known.start.encode() for known in SIGNATURES),
    *dict.fromkeys(part.encode() for text in ERROR_TEXTS for part in text.parts),
    *(b"creds[123]: ", b"creds: ", b"ERROR:  ", b"alice@example.org", b"\n", b'"', b"'", b"..."),
    *(b'connection to server at "h", port 1 failed: ', b"password=", b"PASSWORD '", b"passwd "),
    *(b"postgresql://u:p@h/db", b"$2b$10$", b"{SSHA}", b"key too long: ", b"\xc5\x82", b"\\xC5"),
    *(b"Duplicate entry '", b"' for key ", b"character string: '", b'(result = "', b"->", b"=>"),
)
noise = st.lists(st.sampled_from(WORDS) | st.binary(max_size=40), max_size=12).map(b"".join)
SHOWN_WORDS = tuple(word for word in WORDS if len(word) < 64)


@STDERR("stderr-lines", noise, (b"\n", b"\n\n"))
def stderr_lines(data: bytes) -> None:
    """Lines come out in order, cut to the limit and nothing else; any split gives the same, what is
    lost is counted to the byte, and no more than the limit is kept.
    """
    whole = data.split(b"\n")
    for limit in (5, LINE_LIMIT):
        for pieces in ([data], *splits(data)):
            lines = StderrLines(limit)
            found = []
            for piece in pieces:
                found += lines.feed(piece)
                assert len(lines._partial) <= limit
            found += lines.flush()
            assert found == [line[:limit] for line in (whole if whole[-1] else whole[:-1])]
            assert lines.cut_lines == sum(len(line) > limit for line in whole)
            assert lines.lost_bytes == sum(max(0, len(line) - limit) for line in whole)
            assert lines.flush() == []


@STDERR("stderr-classes", noise, SHOWN_WORDS)
def stderr_classes(data: bytes) -> None:
    """Any line is read: its id and class are from the list, its text is printable, bounded and a
    part of the line, its group bounded; read again it means the same, taken for chatter it is of
    the same group, and memory is bounded.
    """
    lines, classifier = StderrLines(), Classifier(memory=MEMORY)
    for line in (*lines.feed(data), *lines.flush()):
        reading = classifier.read(line)
        assert reading.signature in IDS
        assert isinstance(reading.sign, Sign)
        assert reading.error_class is None or isinstance(reading.error_class, ErrorClass)
        assert len(reading.text) <= MAX_TEXT
        assert reading.text.isprintable()
        assert reading.text.removesuffix("...") in printable(line)
        assert len(reading.group) <= LONGEST_ID + 2 + max(MAX_GROUP, LONGEST_ID)
        assert reading.cause.isprintable()
        assert reading.error_class is None or reading.cause, f"{reading.signature} has no cause"
        assert Classifier().read(line) == reading
        assert classifier.chatter(line) in (None, reading.group)
        assert reading.is_chatter or classifier.chatter(line) is None
        assert Classifier().chatter(line) == (reading.group if reading.is_chatter else None)
        assert len(classifier._readings) <= MEMORY
        assert len(classifier._chatter) <= MEMORY


KEYS = (b"alice", b"alice@example.org", b"al'ice@example.org", b"a\xc5\x82ice", b"al\xffice")


@STDERR(
    "masked-keys",
    st.builds(
        lambda key, before, after: key + BETWEEN + before + key + after,
        st.sampled_from(KEYS) | st.binary(min_size=4, max_size=60),
        noise,
        noise,
    ),
    (*SHOWN_WORDS, *KEYS, BETWEEN),
)
def masked_keys(data: bytes) -> None:
    """Whatever a line holds, what is shown of it is one printable line without the key that was
    asked for, however much is around it.
    """
    key, _, line = data.replace(b"\n", b"").partition(BETWEEN)
    shown = scrub(Classifier().read(line).text, [key])
    assert shown.isprintable()
    # What is short is masked only where it is quoted; what is left of a key that is nothing but a
    # domain is that domain.
    if len(key) >= 4 and b"*" not in key and not key.startswith(b"@"):
        assert printable(key) not in shown


SECRET = "xyzzy7Q"
SECRETS = (
    f"password={SECRET}",
    f"password='{SECRET}'",
    f'bindpw: Password => "{SECRET}"',
    f"conninfo: postgresql://mail:{SECRET}@db.example.org/mail",
    f"value $6$rounds=5000$salt${SECRET}",
    f"value $2b$10${SECRET}",
    f"value {{SSHA}}{SECRET}",
    f'debug: (result = "{SECRET}")',
)


@STDERR("masked-secrets", noise, (*SHOWN_WORDS, b"\\", b'\\"', b"://", b"@"))
def masked_secrets(data: bytes) -> None:
    """A password or a hash, written in any of the ways that backends have, is not shown, whatever
    stands before it in the line, and not even where keys are.
    """
    before = printable(data.replace(b"\n", b""))[:200]
    for secret in SECRETS:
        line = f"{before} {secret}".encode()
        text = Classifier().read(line).text
        for show_keys in (True, False):
            assert SECRET not in scrub(text, [b"alice"], show_keys=show_keys), secret


_REPEATED = re.compile(r"repeated (\d+) times? in ")
_HIDDEN = re.compile(r"(\d+) more lines? of \d+ kinds? not shown in ")
_INTERVAL, _SIGNATURES, _LINES = 60.0, 3, 5


@STDERR("collapser", st.binary(max_size=200), (bytes(16), bytes(range(16)), b"\xf0\xf0\xf0"))
def collapser(data: bytes) -> None:
    """However lines come (a byte each: its kind, and the pause before it), every one is shown or
    counted in exactly one summary, what comes out in a window is bounded, and so is memory.
    """
    flood = Collapser(_INTERVAL, max_signatures=_SIGNATURES, max_lines=_LINES)
    now, shown, told = 0.0, 0, 0
    out: deque[float] = deque()  # when lines came out, in the last window
    for byte in data:
        now += (byte >> 4) * 1.5
        summaries = flood.due(now)
        kind = f"kind {byte & 15}"
        if flood.admit(kind, kind, now) is not None:
            shown += 1
            out.append(now)
        told += counted(summaries)
        out += [now] * len(summaries)
        assert len(flood._entries) <= _SIGNATURES
        while out and out[0] <= now - _INTERVAL:
            out.popleft()
        assert len(out) <= 2 * (2 * _LINES + _SIGNATURES + 1), "more than two windows may hold"
        due = flood.next_due()
        assert due is None or not summaries or due <= now + _INTERVAL
    told += counted(flood.flush(now))
    assert shown + told == flood.seen == len(data)
    assert flood.collapsed == told


def counted(summaries: list[str]) -> int:
    """Return how many lines these summaries stand for."""
    total = 0
    for each in summaries:
        match = _REPEATED.match(each) or _HIDDEN.match(each)
        assert match is not None, each
        total += int(match[1])
    return total
