import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.config.values import (
    Count,
    Directory,
    Duration,
    Several,
    Switch,
    Word,
    bare,
    format_duration,
    nearest,
    parse_duration,
    shown,
)

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


def test_a_range_includes_both_ends_and_gives_its_reason():
    kind = Duration(1.0, 60.0, "because")
    assert kind.read("1s") == 1.0
    assert kind.read("1m") == 60.0
    with pytest.raises(ValueError, match=r"999ms is too short; write 1s to 1m \(because\)"):
        kind.read("999ms")
    with pytest.raises(ValueError, match="too long"):
        kind.read("1m1ms")


def test_a_count_is_plain_decimal():
    kind = Count(0, 100, "because")
    assert kind.read("0") == 0
    assert kind.read("100") == 100
    for text in ("010", "0x10", "1_0", "1.0", "-1", "", "ten", "1" * 5000, "²"):
        with pytest.raises(ValueError, match="no whole number; write 0 to 100"):
            kind.read(text)
    with pytest.raises(ValueError, match=r"101 is too large; write 0 to 100 \(because\)"):
        kind.read("101")


def test_a_count_below_its_range_is_too_small():
    with pytest.raises(ValueError, match="0 is too small"):
        Count(1, 2, "because").read("0")


@pytest.mark.parametrize(("text", "on"), [("yes", True), ("True", True), ("off", False)])
def test_a_switch_takes_the_words_of_yaml(text, on):
    assert Switch().read(text) is on


def test_a_switch_takes_nothing_else():
    with pytest.raises(ValueError, match='"1" is neither yes nor no; write yes or no'):
        Switch().read("1")


def test_a_word_is_known_or_gets_the_nearest_one():
    kind = Word(("alias", "domain"), refused=(("auth", "it is dangerous"),))
    assert kind.read("alias") == "alias"
    with pytest.raises(ValueError, match='did you mean "domain"'):
        kind.read("domian")
    with pytest.raises(ValueError, match="one of alias, domain"):
        kind.read("zzz")
    with pytest.raises(ValueError, match="it is dangerous; leave it out"):
        kind.read("auth")


def test_a_directory_is_absolute_and_printable():
    assert Directory().read("/usr/lib") == "/usr/lib"
    for text in ("", "lib", "./lib", "~/lib", "/a\0b", "/a\nb", "/\udcff"):
        with pytest.raises(ValueError, match="write a path that begins with /"):
            Directory().read(text)


def test_values_are_written_as_in_the_file():
    assert Duration(0, 9, "").write(5400.0) == "1h30m"
    assert Count(0, 9, "").write(10_000) == "10000"
    assert Switch().write(True) == "yes"
    assert Switch().write(False) == "no"
    assert Several(Word(("a", "b"))).write(("a", "b")) == "[a, b]"
    assert Several(Word(("a",))).write(()) == "[]"
    assert Directory().write("/usr/lib") == "/usr/lib"
    assert Directory().write("/a b, c's") == "'/a b, c''s'"


@given(st.text())
def test_text_in_messages_is_short_and_printable_anywhere(text):
    for said in (shown(text), bare(text)):
        assert said.isascii()
        assert said.isprintable() or said == ""
        assert len(said) <= 62


def test_only_something_similar_is_near():
    assert nearest("dedline", ["deadline", "burst"]) == "deadline"
    assert nearest("x", ["deadline", "burst"]) == ""
