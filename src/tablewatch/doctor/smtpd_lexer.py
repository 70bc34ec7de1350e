"""smtpd.conf(5) as smtpd reads it: words, with macros put in (parse.y, ``yylex``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_MACRO = re.compile(r"[A-Za-z0-9_]*")
_QUOTES = "\"'"
# What ends a word, beyond white space (`allowed_in_string`).
_APART = "(){}<>!=#,"


class Token(NamedTuple):
    """A word, or one character that stands for itself; "\\n" is the end of a line.

    ``start`` and ``end`` are where it stands in the file, without quotes around it; a word made
    with a macro stands where the macro is used.
    """

    text: str
    start: int
    end: int
    quoted: bool = False


class Lexer:
    """Iterates over the tokens of `text`.

    `macros` is looked at whenever one is used, so whoever reads the tokens can define them.
    """

    def __init__(self, text: str, macros: dict[str, str]) -> None:
        self._text = text
        self._macros = macros
        self._position = 0
        self._expansion = ""  # what is left of a macro's value, read before the rest of the text
        self._began = 0

    def __iter__(self) -> Iterator[Token]:
        while True:
            char = self._skip()
            if not char:
                return
            start = self._began
            if char in _QUOTES:
                yield self._quoted(char, start)
            elif char == "\n" or char in _APART:
                yield Token(char, start, self._position)
            else:
                word = char
                while (char := self._peek()) and not char.isspace() and char not in _APART:
                    word += self._next()
                yield Token(word, start, self._position)

    def _skip(self) -> str:
        """Return the first character of the next token; "" at the end."""
        while True:
            self._began = self._position if not self._expansion else self._began
            expanding = bool(self._expansion)
            char = self._next()
            if char == "#":
                while (char := self._next()) not in ("\n", ""):
                    pass
            if char == "$" and not expanding:
                match = _MACRO.match(self._text, self._position)
                name = match[0] if match else ""
                if name not in self._macros:
                    return char
                self._position += len(name)
                self._expansion = self._macros[name]
                continue
            if char not in (" ", "\t", "\r", "\f", "\v"):
                return char

    def _quoted(self, quote: str, start: int) -> Token:
        text = ""
        while (char := self._raw()) not in (quote, ""):
            if char == "\n":
                continue
            if char == "\\":
                after = self._raw()
                if after == "\n":
                    continue
                char = after if after in (quote, " ", "\t") else char + after
            text += char
        # Without the quote at its end, if there is one.
        return Token(text, start + 1, self._position - (char == quote), quoted=True)

    def _next(self) -> str:
        """Return a character outside quotes, where a backslash hides the end of a line."""
        char = self._raw()
        while char == "\\":
            char = self._raw()
            if char != "\n":
                return char
            char = self._raw()
        return char

    def _peek(self) -> str:
        position, expansion = self._position, self._expansion
        char = self._next()
        self._position, self._expansion = position, expansion
        return char

    def _raw(self) -> str:
        if self._expansion:
            char, self._expansion = self._expansion[0], self._expansion[1:]
            return char
        char = self._text[self._position : self._position + 1]
        self._position += len(char)
        return char
