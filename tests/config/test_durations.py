import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.config.durations import format_duration, parse_duration

TEN_YEARS = 10 * 365 * 86_400_000


@given(st.integers(0, TEN_YEARS))
def test_what_is_formatted_is_parsed_back(milliseconds):
    seconds = milliseconds / 1000
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.text(alphabet="0123456789dhms. -", max_size=12))
def test_what_is_parsed_is_formatted_back(text):
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("5s", 5),
        ("250ms", 0.25),
        ("1h", 3600),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("1d1h1m1s1ms", 90_061.001),
        ("90m", 5400),
    ],
)
def test_a_duration_is_in_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("5", "5 has no unit; write 5s, or 5ms"),
        ("1.5", "write 1s500ms"),
        ("1.5s", "write 1s500ms"),
        ("0.5m", "write 30s"),
        ("5 s", "write 5s"),
        ("5S", "write 5s"),
        ("5sec", "write one like"),
        ("30m1h", "write one like"),
        ("1m1m", "write one like"),
        ("1:30", "write one like"),
        ("-5s", "write one like"),
        ("", "write one like"),
        ("5s\n", "write one like"),
        ("\u0665s", "write one like"),
        ("9999999999s", "write one like"),
    ],
)
def test_a_wrong_duration_is_answered_with_a_right_one(text, remedy):
    with pytest.raises(ValueError, match=re.escape(remedy)):
        parse_duration(text)


def test_a_negative_duration_cannot_be_written():
    with pytest.raises(ValueError, match="0 or more"):
        format_duration(-1.0)
