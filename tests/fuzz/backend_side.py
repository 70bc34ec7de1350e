"""Targets: smtpd's role in both protocols, which reads what a backend sends."""

from __future__ import annotations

from tests.fuzz.dialogue import (
    CODECS,
    IMSG_WORDS,
    KINDS,
    MOST_KEPT,
    TEXT_WORDS,
    greeted,
    joined,
    kept,
    near_answers,
    near_frames,
    questions,
    told,
)
from tests.fuzz.smtpd_reads import NoAnswer, smtpd_reads
from tests.fuzz.target import chance, cut, splits

from tablewatch.protocol import Dialect
from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.messages import (
    Answer,
    Damage,
    Ready,
    Request,
)
from tablewatch.protocol.text import TEXT


def answers(dialect: Dialect, data: bytes) -> None:
    """Have a backend that was asked each of the questions send `data`."""
    for request in (None, *questions(dialect)):
        whole = answers_to(dialect, request, [data])
        for pieces in splits(data):
            assert answers_to(dialect, request, pieces) == whole
        if request is not None:
            must_get_through(dialect, request, data, whole)
    conversation(dialect, data)


def answers_to(dialect: Dialect, request: Request | None, pieces: list[bytes]) -> list[object]:
    """Return what comes out for `pieces`, sent by a backend that was asked `request`."""
    codec, smtpd = greeted(dialect), dialect.smtpd_codec()
    if request is not None:
        codec.ask(request)
    events = []
    for piece in pieces:
        events += codec.receive(piece)
        assert kept(codec) <= MOST_KEPT[dialect.name]
    answered = [event for event in events if isinstance(event, Answer)]
    assert len(answered) <= (request is not None)
    assert all(isinstance(event, Damage) for event in events[len(answered) :])
    assert len(events) - len(answered) <= 1, "something came out after a damage"
    for event in events:
        if isinstance(event, Answer):
            assert request is not None
            forwarded = smtpd.answer(request, event)
            assert forwarded == event.raw
            assert smtpd_reads(dialect, request, forwarded) is event.verdict
        else:
            assert isinstance(event, Damage)
            assert event.kind in KINDS
            assert "alice" not in event.detail
            assert event.detail.isprintable()
    return told(events)


def must_get_through(dialect: Dialect, request: Request, data: bytes, events: list[object]) -> None:
    """Assert that what smtpd's own parser takes is not refused."""
    try:
        verdict = smtpd_reads(dialect, request, data)
    except NoAnswer:
        return
    (event,) = events
    assert isinstance(event, Answer)
    assert (event.verdict, event.raw) == (verdict, data)


def conversation(dialect: Dialect, data: bytes) -> None:
    """Have one backend send `data` in pieces and be asked the next question whenever it may be."""
    codec, asked, outstanding, damaged = greeted(dialect), 0, False, False
    choose = chance(data)
    for piece in cut(data, choose):
        if not outstanding and choose.random() < 0.8:
            codec.ask(questions(dialect)[asked % 4])
            asked, outstanding = asked + 1, True
        for event in codec.receive(piece):
            assert not damaged
            assert isinstance(event, Answer | Damage)
            if isinstance(event, Answer):
                assert outstanding, "an answer nobody waits for"
                smtpd_reads(dialect, questions(dialect)[(asked - 1) % 4], event.raw)
                outstanding = False
            damaged = isinstance(event, Damage)


@CODECS("answers-text", near_answers, TEXT_WORDS)
def answers_text(data: bytes) -> None:
    """Whatever a backend sends, an Answer comes out only for the request that is outstanding, once,
    and smtpd's own parser understands the same by its bytes; what that parser takes always comes
    out. Any split gives the same, nothing follows a Damage, no more than a line is kept.
    """
    answers(TEXT, data)


@CODECS("answers-imsg", near_frames, IMSG_WORDS)
def answers_imsg(data: bytes) -> None:
    """As answers-text, in the imsg protocol; no more than a message is kept."""
    answers(IMSG, data)


@CODECS("handshakes", joined(near_answers, near_frames), (*TEXT_WORDS, *IMSG_WORDS))
def handshakes(data: bytes) -> None:
    """Whatever a backend begins with, Ready comes out at most once and first, with names smtpd can
    be told, which make a welcome that is read as the same; any split gives the same events.
    """
    for dialect in (TEXT, IMSG):

        def run(pieces: list[bytes], dialect: Dialect = dialect) -> list[object]:
            codec = dialect.backend_codec()
            return told([event for piece in pieces for event in codec.receive(piece)])

        whole = run([data])
        for pieces in splits(data):
            assert run(pieces) == whole
        assert len(whole) <= 2
        assert not any(isinstance(event, Answer) for event in whole)
        if whole and isinstance(ready := whole[0], Ready):
            again = dialect.backend_codec().receive(dialect.smtpd_codec().welcome(ready.services))
            assert again == [ready]
            assert "ready" not in ready.services
            assert "none" not in ready.services
