"""Traits: told exactly, because whoever shares one with an attacker's keys may be refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.keytraits import PLAIN, Trait, in_words, traits_of

BEYOND = Trait.BEYOND_LATIN1


@pytest.mark.parametrize(
    ("key", "traits"),
    [
        (b"", PLAIN),
        (b"alice@example.org", PLAIN),
        (b"a|b '\"\\~", PLAIN),
        (b"al\0ice", Trait.CONTROL),
        (b"al\tice", Trait.CONTROL),
        (b"al\x7fice", Trait.CONTROL),
        ("José@example.org".encode(), Trait.LATIN1),
        ("Strauß".encode(), Trait.LATIN1),
        ("5€".encode(), Trait.LATIN1),
        ("Šimon Œuvre ‰ ™".encode(), Trait.LATIN1),
        ("\xa0\xff".encode(), Trait.LATIN1),
        ("ałice@example.org".encode(), BEYOND),
        ("José ałice".encode(), BEYOND),
        ("Jose\u0301".encode(), BEYOND),  # decomposed, as macOS writes file names
        ("Иван".encode(), BEYOND),
        ("\uffff".encode(), BEYOND),
        ("\U00010000".encode(), BEYOND | Trait.FOUR_BYTE_UTF8),
        ("a😀ł".encode(), BEYOND | Trait.FOUR_BYTE_UTF8),
        (b"Jos\xe9", Trait.INVALID_UTF8),
        (b"\xc0\xaf", Trait.INVALID_UTF8),  # overlong
        (b"\xed\xa0\x80", Trait.INVALID_UTF8),  # a surrogate
        (b"\xf4\x90\x80\x80", Trait.INVALID_UTF8),  # above U+10FFFF
        (b"Jos\xe9\n", Trait.INVALID_UTF8 | Trait.CONTROL),
        ("ł\n".encode(), BEYOND | Trait.CONTROL),
        ("\x81".encode(), Trait.LATIN1 | Trait.CONTROL),
        ("\x80".encode(), BEYOND | Trait.CONTROL),
    ],
)
def test_traits(key, traits):
    assert traits_of(key) == traits


def test_mysqls_latin1_has_exactly_256_characters():
    held = [
        code
        for code in range(0x20000)
        if not 0xD800 <= code < 0xE000 and BEYOND not in traits_of(chr(code).encode())
    ]
    assert len(held) == 256
    # Those that MariaDB 10.11 was found to accept besides Windows-1252 itself.
    gaps = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
    assert gaps < set(held)
    assert all(chr(code).encode("cp1252") for code in held if code not in gaps)


@given(st.text())
def test_text_is_beyond_latin1_if_one_of_its_characters_is(text):
    beyond = any(BEYOND in traits_of(char.encode("utf-8", "replace")) for char in text)
    assert (BEYOND in traits_of(text.encode("utf-8", "replace"))) == beyond


@given(st.one_of(st.binary(max_size=40), st.text(max_size=20).map(str.encode)))
def test_every_key_is_told_consistently(key):
    traits = traits_of(key)
    kinds = (Trait.LATIN1, BEYOND, Trait.INVALID_UTF8)
    assert sum(kind in traits for kind in kinds) == (not key.isascii())
    assert Trait.FOUR_BYTE_UTF8 not in traits or BEYOND in traits
    assert (traits == PLAIN) == all(0x20 <= byte < 0x7F for byte in key)
    try:
        text = key.decode()
    except UnicodeDecodeError:
        assert Trait.INVALID_UTF8 in traits
    else:
        assert (Trait.FOUR_BYTE_UTF8 in traits) == any(ord(char) > 0xFFFF for char in text)


def test_traits_are_told_in_words():
    assert in_words(PLAIN) == "plain ASCII"
    assert in_words(Trait.INVALID_UTF8 | Trait.CONTROL) == "invalid UTF-8, control characters"
    assert in_words(BEYOND | Trait.FOUR_BYTE_UTF8) == "four-byte UTF-8"
    assert all(in_words(trait) for trait in Trait)
