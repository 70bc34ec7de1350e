import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.config.values import Count, Duration, Probe, Several, Share, Size, Switch, Word


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


def test_a_count_may_have_zero_for_no_limit():
    kind = Count(16, 99, "because", or_none=True)
    assert kind.read("0") == 0
    with pytest.raises(ValueError, match="15 is too small; write 0, or 16 to 99"):
        kind.read("15")
    with pytest.raises(ValueError, match="0 is too small; write 16 to 99"):
        Count(16, 99, "because").read("0")


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


@given(st.integers(0, 100))
def test_a_share_is_written_in_percent_and_read_back(percent):
    kind = Share(0.0, 1.0, "because")
    assert kind.read(f"{percent}%") == percent / 100
    assert kind.write(percent / 100) == f"{percent}%"


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("20", '"20" is no percentage; write 20%'),
        ("20 %", "write 20%"),
        ("0.2", "write 20%"),
        ("1", "write 1%"),
        ("12.5%", "write 12%"),
        ("095%", "write 95%"),
        ("20%%", "write 1% to 95%"),
        ("150", "write 1% to 95%"),
        ("-5%", "write 1% to 95%"),
        ("", "write 1% to 95%"),
        ("a fifth", "write 1% to 95%"),
        ("\u0665%", "write 1% to 95%"),
        ("9" * 500, "write 1% to 95%"),
        ("20%\n", "write 1% to 95%"),
        ("0%", r"0% is too small; write 1% to 95% (because)"),
        ("96%", r"96% is too large; write 1% to 95% (because)"),
        ("999%", "999% is too large"),
    ],
)
def test_a_wrong_share_is_answered_with_a_right_one(text, remedy):
    with pytest.raises(ValueError, match=re.escape(remedy)):
        Share(0.01, 0.95, "because").read(text)


@given(st.one_of(st.just(0), st.integers(1024, 999_999_999).map(lambda k: k * 1024)))
def test_a_size_is_read_back_as_written(written):
    assert Size(1, 2**63, "because").read(Size(1, 2**63, "because").write(written)) == written


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("0M", 0), ("64K", 65_536), ("512M", 536_870_912), ("2G", 2_147_483_648)],
)
def test_a_size_is_in_bytes(text, number):
    assert Size(1024, 2**40, "because").read(text) == number


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("512", "512 has no unit; write 512M, or 512G"),
        ("512m", '"512m" is no size; write 512M'),
        ("512MB", "write 512M"),
        ("512 MiB", "write 512M"),
        ("0512M", "write one like 64M or 2G, or 0"),
        ("1.5G", "write one like 64M or 2G, or 0"),
        ("-1M", "write one like 64M or 2G, or 0"),
        ("", "write one like 64M or 2G, or 0"),
        ("\u0665M", "write one like 64M or 2G, or 0"),
        ("1T", "write one like 64M or 2G, or 0"),
        ("512M\n", "write one like 64M or 2G, or 0"),
        ("1M", "1M is too small; write 0, or 16M to 1G (because)"),
        ("2G", "2G is too large; write 0, or 16M to 1G (because)"),
    ],
)
def test_a_wrong_size_is_answered_with_a_right_one(text, remedy):
    with pytest.raises(ValueError, match=re.escape(remedy)):
        Size(16 * 1024**2, 1024**3, "because").read(text)


def test_a_probe_is_a_service_and_a_key_or_nothing():
    kind = Probe(("alias", "credentials"))
    assert kind.read("") == ""
    assert kind.read("credentials a b|c") == "credentials a b|c"


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("credential x", 'did you mean "credentials"?'),
        ("postmaster@example.org", "write a service and a plain key"),
        ("auth alice:secret", "write a service and a plain key"),
        ("credentials", '"credentials" is no lookup; write a service and a plain key'),
        ("credentials ", "is no lookup"),
        ("credentials  x", "is no lookup"),
        ("credentials x ", "is no lookup"),
        ("credentials a\u0142ice", "a key that is long or odd"),
        ("credentials a\nb", "a key that is long or odd"),
        ("credentials a\x7fb", "a key that is long or odd"),
        ("credentials " + "x" * 256, "a key that is long or odd"),
    ],
)
def test_a_wrong_probe_is_answered_with_a_right_one(text, remedy):
    with pytest.raises(ValueError, match=re.escape(remedy)):
        Probe(("alias", "credentials")).read(text)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=255))
def test_a_probe_survives_being_written(key):
    kind = Probe(("alias",))
    assert kind.read(yaml.load(kind.write(f"alias {key}"), yaml.BaseLoader)) == f"alias {key}"


@given(
    st.sampled_from([Share(0.01, 0.9, "why"), Size(1024, 2**30, "why"), Probe(("alias",))]),
    st.text() | st.text(alphabet="0123456789%KMGmb. ", max_size=8),
)
def test_whatever_is_written_is_read_or_answered_in_printable_words(kind, text):
    said = ""
    try:
        found = kind.read(text)
    except ValueError as error:
        said = str(error)
    if said:
        assert said.isascii()
        assert said.isprintable()
        assert "write" in said or "did you mean" in said
    else:
        assert kind.read(yaml.load(kind.write(found), yaml.BaseLoader)) == found


def test_values_are_written_as_in_the_file():
    assert Duration(0, 9, "").write(5400.0) == "1h30m"
    assert Count(0, 9, "").write(10_000) == "10000"
    assert Switch().write(True) == "yes"
    assert Switch().write(False) == "no"
    assert Several(Word(("a", "b"))).write(("a", "b")) == "[a, b]"
    assert Several(Word(("a",))).write(()) == "[]"
    assert Share(0.0, 1.0, "").write(0.2) == "20%"
    assert Size(0, 9, "").write(0) == "0"
    assert Size(0, 9, "").write(536_870_912) == "512M"
    assert Size(0, 9, "").write(1536 * 1024) == "1536K"
    assert Probe(()).write("alias o'neill") == "'alias o''neill'"
    assert Probe(()).write("") == "''"
