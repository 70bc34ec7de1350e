"""The tables of smtpd.conf(5). It is only ever read: changing it is the operator's."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from tablewatch.doctor.smtpd_lexer import Lexer, Token

_PREFIX = "watch-"
# What needs no quotes.
_PLAIN = re.compile(r"[A-Za-z0-9/._:@%+-]*")
# The service a table is asked for, by what stands before `<table>` (parse.y, `table_check_use`).
_ANYWHERE = {
    "alias": "alias",
    "virtual": "alias",
    "userbase": "userinfo",
    "senders": "mailaddrmap",
    "hostnames": "addrname",
    "helo-src": "addrname",
    "helo": "domain",
    "rdns": "domain",
    "mail-from": "mailaddr",
    "rcpt-to": "mailaddr",
    "host": "relayhost",
    "tag": "string",
    "auth-optional": "credentials",
}
_SERVICES = {
    "listen": {"auth": "credentials"},
    "action": {"auth": "credentials", "src": "source", "domain": "relayhost"},
    "match": {"auth": "string", "src": "netaddr", "domain": "domain"},
    "filter": {"auth": "string", "src": "netaddr"},
}


@dataclass(frozen=True, slots=True)
class TableLine:
    """One table that is looked up through a backend.

    ``line`` counts from 1 and is where the backend's name stands, ``column`` from 0; ``text`` is
    that line as it is in the file, and ``width`` how much of it says ``BACKEND:/path``. ``conf``
    is that path. ``services`` are those that the table is used for.
    """

    file: str
    line: int
    column: int
    text: str
    table: str
    backend: str
    conf: str
    width: int
    services: frozenset[str] = frozenset()

    @property
    def watched(self) -> bool:
        """Whether the table goes through a supervisor already."""
        return self.backend.startswith(_PREFIX)

    @property
    def bare(self) -> str:
        """The backend's name without our prefix."""
        return self.backend.removeprefix(_PREFIX)

    def watch(self) -> str:
        """Return the line's text with its table put under supervision."""
        return self._with(_PREFIX + self.bare)

    def unwatch(self) -> str:
        """Return the line's text with its table looked up without a supervisor."""
        return self._with(self.bare)

    def _with(self, backend: str) -> str:
        end = self.column + self.width
        word = self.text[self.column : end]
        if word.startswith(f"{self.backend}:"):
            word = backend + word.removeprefix(self.backend)
        else:  # made with a macro
            word = f"{backend}:{self.conf}"
            if not _PLAIN.fullmatch(word):
                word = '"' + word.replace('"', '\\"') + '"'
        return f"{self.text[: self.column]}{word}{self.text[end:]}"


def tables(path: str) -> list[TableLine]:
    """Return the tables declared in `path` and in the files it includes. Raises OSError.

    They come in the order in which smtpd reads them.
    """
    found: list[TableLine] = []
    uses: dict[str, set[str]] = {}
    for file, text, statement in _statements(path, {}, set()):
        words = [token.text for token in statement]
        if words[0] == "table" and len(words) == 3:
            backend, colon, conf = words[2].partition(":")
            if colon and conf.startswith("/"):
                found.append(_table_line(file, text, statement, backend, conf))
        for name, service in _uses(words):
            uses.setdefault(name, set()).add(service)
    return [replace(each, services=frozenset(uses.get(each.table, ()))) for each in found]


def _statements(
    path: str, macros: dict[str, str], seen: set[str]
) -> Iterator[tuple[str, str, list[Token]]]:
    """Yield every statement with the file it is in, and that file's text."""
    if "\0" in path:
        raise OSError(errno.EINVAL, "the name of an included file has a NUL in it")
    if os.path.realpath(path) in seen:
        return
    seen.add(os.path.realpath(path))
    with open(path, encoding="utf-8", errors="surrogateescape") as stream:
        text = stream.read()
    statement: list[Token] = []
    depth = 0
    # Read one by one: a macro is known from its definition on.
    for token in chain(Lexer(text, macros), [Token("\n", len(text), len(text))]):
        if token.text == "\n" and not token.quoted:
            if depth > 0 or not statement:
                continue
            words = [each.text for each in statement]
            if words[0] == "include" and len(words) == 2:
                yield from _statements(words[1], macros, seen)
            elif words[1:2] == ["="] and len(words) == 3:
                macros[words[0]] = words[2]
            else:
                yield path, text, statement
            statement = []
            continue
        if not token.quoted:
            depth += (token.text == "{") - (token.text == "}")
        statement.append(token)
    if statement:
        yield path, text, statement


def _uses(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each ``<table>`` of a statement with the service it is asked for, if that is known."""
    known = _ANYWHERE | _SERVICES.get(words[0], {})
    for index in range(1, len(words) - 2):
        if words[index] == "<" and words[index + 2] == ">":
            before = words[index - 1]
            service = "regex" if before == "regex" else known.get(before)
            if service:
                yield words[index + 1], service


def _table_line(
    file: str, text: str, statement: Sequence[Token], backend: str, conf: str
) -> TableLine:
    token = statement[2]
    start = text.rfind("\n", 0, token.start) + 1
    end = text.find("\n", token.start)
    return TableLine(
        file,
        text.count("\n", 0, token.start) + 1,
        token.start - start,
        text[start : end if end >= 0 else len(text)],
        statement[1].text,
        backend,
        conf,
        token.end - token.start,
    )
