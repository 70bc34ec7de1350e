"""The keys that are asked for. What a key is called says what it does to a backend.

Each holds a mark by which it is recognised wherever it must not turn up, and so does every
password and every hash.
"""

from typing import NamedTuple

MARK = "zqk"
SECRET = "zqp"
HASH = f"$6$salt${SECRET}QxR8mLk2/TgHh7"

# What the database does about a key, and nobody else is to notice. The first are harmless.
HARMLESS = ("good", "wide", "latin", "binary", "long", "bar", "short")
# Errors the key is at fault for, known as such.
QUERY_CLASS = ("poison", "bounded", "quote", "regex", "words")
# It fails without telling why, or in an unknown way.
UNKNOWN_CLASS = ("fatal", "hang", "spin", "odd")
# An answer smtpd would exit on, or take for another one.
DAMAGING = ("empty", "half", "foreign", "double", "operation", "nul", "huge", "garbage", "early")
OTHERS = ("slow", "bare", "lost", "flood", "leaves", "torn")
NATURES = (*HARMLESS, *QUERY_CLASS, *UNKNOWN_CLASS, *DAMAGING, *OTHERS)
# Those for whose characters every trait of theirs may be refused.
CHARACTERS = ("poison", "bounded", "words")

_ODD = {
    "poison": "ł".encode(),
    "bounded": "ł".encode(),
    "words": "ł".encode(),
    "wide": "😀".encode(),
    "latin": "é".encode(),
    "binary": b"\xff\x80",
    "long": b"x" * 9000,
    "bar": b"|",
}


class Asked(NamedTuple):
    """A key taken apart."""

    nature: str
    number: int


def compose(nature, number, service):
    """Return the key; every other one is a mail address, one of ``auth`` holds a password."""
    if nature == "short":
        return b"abcdefghij"[number % 10 : number % 10 + 1]
    key = b"%b.%d.%b%b" % (nature.encode(), number, _ODD.get(nature, b""), MARK.encode())
    if service == "auth":
        return b"%b:%b-word-%d" % (key, SECRET.encode(), number)
    return key if number % 2 else key + b"@example.org"


def taken_apart(key):
    """Return what `compose` made it from; a key of nobody's is good."""
    nature, _, rest = key.partition(b".")
    number, _, _ = rest.partition(b".")
    if nature.decode("latin-1") in NATURES and number.isdigit():
        return Asked(nature.decode(), int(number))
    return Asked("good", 0)


def is_there(key):
    """Return whether the database knows the key."""
    return taken_apart(key).number % 3 != 0


def leaks(text, *, keys=True):
    """Return what of a key or a secret stands in `text`; empty if nothing does."""
    low = text.lower()
    for mark in (MARK, SECRET) if keys else (SECRET,):
        if mark in low or mark.encode().hex() in low:
            return mark
    return ""
