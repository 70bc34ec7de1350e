"""KeyFilter: refuses what can't be in the column, and nothing that can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.policy.keyfilter import CHARSETS, KeyFilter

# How Python writes what the columns hold. utf8mb3 and MySQL's latin1 have no codec of their own.
ORACLES = {
    "ascii": lambda text: text.isascii(),
    "latin1": lambda text: all(
        char in "\x81\x8d\x8f\x90\x9d" or char.encode("cp1252", "ignore") for char in text
    ),
    "utf8mb3": lambda text: all(char <= "\uffff" for char in text),
    "utf8": lambda _: True,
}
TEXT = st.text(
    st.one_of(
        st.characters(codec="ascii"),
        st.characters(min_codepoint=0x80, max_codepoint=0x17F),
        st.characters(codec="utf-8"),
    ),
    max_size=10,
)


@pytest.mark.parametrize(
    ("charset", "good", "bad"),
    [
        ("ascii", "alice", "José"),
        ("latin1", "José", "ałice"),
        ("latin1", "5€", "5₤"),
        ("utf8mb3", "ałice", "a😀"),
    ],
)
def test_what_the_column_holds_passes_and_the_rest_does_not(charset, good, bad):
    key_filter = KeyFilter(charset)
    assert key_filter.objection(good.encode()) is None
    assert charset in key_filter.objection(bad.encode())


@given(TEXT, st.sampled_from(sorted(CHARSETS)))
def test_text_passes_exactly_if_the_column_holds_it(text, charset):
    assert (KeyFilter(charset).objection(text.encode()) is None) == ORACLES[charset](text)


@given(st.binary(max_size=20), st.sampled_from(sorted(CHARSETS)))
def test_what_is_not_utf8_is_in_no_column(key, charset):
    try:
        key.decode()
    except UnicodeDecodeError:
        assert "invalid UTF-8" in KeyFilter(charset).objection(key)


@given(st.binary(max_size=20))
def test_without_settings_everything_passes(key):
    assert KeyFilter().objection(key) is None


@given(TEXT, st.integers(1, 12))
def test_length_is_counted_in_characters(text, limit):
    objection = KeyFilter(max_length=limit).objection(text.encode())
    assert (objection is None) == (len(text) <= limit)


def test_length_is_counted_in_bytes_where_there_are_no_characters():
    assert KeyFilter(max_length=3).objection(b"\xe9\xe9\xe9") is None
    assert KeyFilter(max_length=3).objection(b"\xe9\xe9\xe9\xe9") == (
        "key is longer than 3 characters"
    )


def test_control_characters_are_no_matter_of_the_character_set():
    assert KeyFilter("ascii").objection(b"al\tice") is None


def test_an_objection_names_what_is_wrong_and_not_the_key():
    assert KeyFilter("latin1").objection("sécret-ł".encode()) == (
        "key has characters beyond latin1, the column is latin1"
    )


@pytest.mark.parametrize("wrong", [{"charset": "latin2"}, {"max_length": 0}])
def test_a_setting_that_means_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        KeyFilter(**wrong)
