"""Keys that can't be in the column, refused on sight: no database cost, nothing to be learned."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tablewatch.keytraits import Trait, in_words, traits_of

_NOT_TEXT = Trait.INVALID_UTF8

# What a key must not have, by the character set of the column, in MySQL's names. "utf8" is all
# of UTF-8 (MySQL's utf8mb4, PostgreSQL's UTF8, SQLite). Where a column was created with plain
# `CHARACTER SET utf8`, MySQL before 9 and MariaDB made it utf8mb3, on which a four-byte key is
# error 1267 like "ł" on latin1 (measured on MariaDB 10.11): hence a word of its own.
CHARSETS: Mapping[str, Trait] = MappingProxyType(
    {
        "ascii": _NOT_TEXT | Trait.LATIN1 | Trait.BEYOND_LATIN1,
        "latin1": _NOT_TEXT | Trait.BEYOND_LATIN1,
        "utf8mb3": _NOT_TEXT | Trait.FOUR_BYTE_UTF8,
        "utf8": _NOT_TEXT,
    }
)


class KeyFilter:
    """Objects to keys by their characters and length; to none by default.

    Off by default because only the operator knows the column. Not to be asked about ``auth``
    keys: they hold a password, which is in no column as it is.
    """

    def __init__(self, charset: str | None = None, max_length: int | None = None) -> None:
        """Set what the column holds.

        `charset`: one of CHARSETS, or None for anything. `max_length`: characters (bytes for a key
        that is not UTF-8), at least 1, as in VARCHAR(n); None for any length. ValueError otherwise.
        """
        if charset is not None and charset not in CHARSETS:
            raise ValueError(f"charset is one of {', '.join(CHARSETS)}, not {charset}")
        if max_length is not None and max_length < 1:
            raise ValueError(f"max_length is at least 1, not {max_length}")
        self.charset = charset
        self.max_length = max_length
        self.is_on = charset is not None or max_length is not None
        self._barred = CHARSETS[charset] if charset is not None else Trait(0)

    def objection(self, key: bytes) -> str | None:
        """Return why `key` can't be in the column, without quoting it; None if it can."""
        if self._barred:
            found = traits_of(key) & self._barred
            if found:
                return f"key has {in_words(found)}, the column is {self.charset}"
        limit = self.max_length
        # A character takes at least a byte, so most keys need not be decoded.
        if limit is not None and len(key) > limit and _characters(key) > limit:
            return f"key is longer than {limit} characters"
        return None


def _characters(key: bytes) -> int:
    try:
        return len(key.decode())
    except UnicodeDecodeError:
        return len(key)
