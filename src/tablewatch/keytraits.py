"""What about a key makes databases fail."""

from __future__ import annotations

import enum
import re


class Trait(enum.Flag):
    """A property that many keys share and a column's character set may not.

    Of LATIN1, BEYOND_LATIN1 and INVALID_UTF8 a key has at most one, for "José" works where
    "ałice" does not. FOUR_BYTE_UTF8 comes only with BEYOND_LATIN1: what can't hold the second can't
    hold the first either. So a column that fails on keys with some traits fails on those with more.
    """

    LATIN1 = enum.auto()  # not ASCII, but every character is in MySQL's latin1
    BEYOND_LATIN1 = enum.auto()  # has a character that MySQL's latin1 lacks
    FOUR_BYTE_UTF8 = enum.auto()  # has one above U+FFFF, which MySQL's utf8mb3 lacks
    INVALID_UTF8 = enum.auto()
    CONTROL = enum.auto()  # has a control character: C0, DEL or C1


PLAIN = Trait(0)  # printable ASCII: no character set lacks that

_WORDS = {
    Trait.LATIN1: "characters beyond ASCII, all in latin1",
    Trait.BEYOND_LATIN1: "characters beyond latin1",
    Trait.FOUR_BYTE_UTF8: "four-byte UTF-8",
    Trait.INVALID_UTF8: "invalid UTF-8",
    Trait.CONTROL: "control characters",
}

# MySQL's "latin1" is Windows-1252, with the five bytes which that leaves undefined standing for
# the C1 controls of the same number (strings/ctype-latin1.c, WL#1494). MariaDB 10.11 agrees for
# every character of the first 12,288: outside of these, comparing with a latin1 column is
# error 1267.
_GAPS = b"\x81\x8d\x8f\x90\x9d"
_LATIN1 = "".join(
    chr(byte) if byte in _GAPS else bytes([byte]).decode("cp1252") for byte in range(0x80, 0x100)
)
_BEYOND_LATIN1 = re.compile(f"[^\0-\x7f{_LATIN1}]")
_FOUR_BYTE = re.compile("[\U00010000-\U0010ffff]")
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")


def traits_of(key: bytes) -> Trait:
    """Return the traits of `key`; a third of a microsecond for a plain one."""
    if key.isascii():
        return PLAIN if key.decode().isprintable() else Trait.CONTROL
    try:
        text = key.decode()
    except UnicodeDecodeError:
        found, text = Trait.INVALID_UTF8, key.decode("ascii", "ignore")
    else:
        found = Trait.BEYOND_LATIN1 if _BEYOND_LATIN1.search(text) else Trait.LATIN1
        if _FOUR_BYTE.search(text):
            found |= Trait.FOUR_BYTE_UTF8
    return found | Trait.CONTROL if _CONTROL.search(text) else found


def in_words(traits: Trait) -> str:
    """Return ``four-byte UTF-8, control characters``; ``plain ASCII`` for none."""
    if Trait.FOUR_BYTE_UTF8 in traits:
        traits &= ~Trait.BEYOND_LATIN1
    return ", ".join(_WORDS[trait] for trait in traits) or "plain ASCII"
