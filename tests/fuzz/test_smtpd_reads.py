"""The stand-in for smtpd's parser exits where smtpd was seen, or read, to exit."""

from __future__ import annotations

import pytest
from tests.fuzz.dialogue import questions
from tests.fuzz.smtpd_reads import NoAnswer, smtpd_reads

from tablewatch.protocol.frames import compose
from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.imsg_words import OK, RESULT
from tablewatch.protocol.messages import Verdict
from tablewatch.protocol.text import TEXT

LOOKUP, CHECK, FETCH, UPDATE = range(4)


@pytest.mark.parametrize(
    ("which", "line", "verdict"),
    [
        (LOOKUP, b"lookup-result|00000001|found|v\n", Verdict.FOUND),
        (LOOKUP, b"lookup-result|00000001|not-found\n", Verdict.NOT_FOUND),
        (LOOKUP, b"lookup-result|00000001|error|gone\n", Verdict.ERROR),
        (CHECK, b"check-result|00000002|found\n", Verdict.FOUND),
        (FETCH, b"fetch-result|00000003|found|192.0.2.1\n", Verdict.FOUND),
        (UPDATE, b"update-result|00000004|ok\n", Verdict.FOUND),
    ],
)
def test_good_answers_are_understood(which: int, line: bytes, verdict: Verdict) -> None:
    assert smtpd_reads(TEXT, questions(TEXT)[which], line) is verdict


@pytest.mark.parametrize(
    ("which", "line"),
    [
        (LOOKUP, b"lookup-result|00000001|found|\n"),  # an empty value
        (LOOKUP, b"lookup-result|00000009|found|v\n"),  # another id
        (LOOKUP, b"lookup-result|00000001|perhaps\n"),  # an unknown status
        (LOOKUP, b"lookup-result|00000001|found|v"),  # no end
        (LOOKUP, b"lookup-result|00000001|found|v\n" * 2),  # two answers
        (FETCH, b"lookup-result|00000003|found|v\n"),  # the manual's example
    ],
)
def test_what_smtpd_exits_on_is_no_answer(which: int, line: bytes) -> None:
    with pytest.raises(NoAnswer):
        smtpd_reads(TEXT, questions(TEXT)[which], line)


@pytest.mark.parametrize(
    ("number", "value", "verdict"),
    [(1, b"v\0", Verdict.FOUND), (0, b"", Verdict.NOT_FOUND), (-1, b"", Verdict.ERROR)],
)
def test_imsg_answers_are_understood(number: int, value: bytes, verdict: Verdict) -> None:
    lookup = questions(IMSG)[LOOKUP]
    whole = compose(OK, RESULT.pack(number) + value)
    assert smtpd_reads(IMSG, lookup, whole) is verdict
    for broken in (whole[:-1], whole + b"\0", compose(1, whole[16:]), b""):
        with pytest.raises(NoAnswer):
            smtpd_reads(IMSG, lookup, broken)
