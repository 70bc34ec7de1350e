"""How places are written in the file: directories, files, addresses, and names of users."""

from __future__ import annotations

import os
import re

from tablewatch.config.quotes import shown
from tablewatch.config.values import Kind

_PLAIN = re.compile(r"[A-Za-z0-9/._+-]+")
_IPV6 = r"\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]"
_ADDRESS = re.compile(rf"({_IPV6}|[A-Za-z0-9.-]*):([1-9][0-9]{{0,4}})")
_LAST_PORT = 65535
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,30}")


class Directory(Kind):
    """The absolute path of a directory, of at most `longest` bytes."""

    longest: int = 1023  # PATH_MAX of OpenBSD, without the NUL

    def read(self, text: str) -> str:
        """Return the path."""
        path = _absolute(text, self.right())
        if len(os.fsencode(path)) > self.longest:
            most = f"{self.longest} bytes at most"
            raise ValueError(f"{shown(text)} is too long; write {self.right()}, {most}")
        return path

    def write(self, value: object) -> str:
        """Return the path, in quotes where YAML needs them."""
        return _quoted(str(value))

    def right(self) -> str:
        """Return an example."""
        return "a path that begins with /"


class File(Kind):
    """The absolute path of a file; empty for none."""

    def read(self, text: str) -> str:
        """Return the path."""
        return _absolute(text, self.right()) if text else text

    def write(self, value: object) -> str:
        """Return the path, in quotes where YAML needs them."""
        return _quoted(str(value))

    def right(self) -> str:
        """Return an example."""
        return 'a path that begins with /, or ""'


class Address(Kind):
    """Where to listen: ``HOST:PORT``, ``[IPv6]:PORT``, or ``:PORT`` for every address."""

    def read(self, text: str) -> str:
        """Return the text."""
        match = _ADDRESS.fullmatch(text)
        if match is None or int(match[2]) > _LAST_PORT:
            raise ValueError(f"{shown(text)} is no address; write {self.right()}")
        return text

    def write(self, value: object) -> str:
        """Return the address in quotes: YAML takes colons and brackets for its own."""
        return f"'{value}'"

    def right(self) -> str:
        """Return examples."""
        return "one like 127.0.0.1:10099 or '[::1]:10099'"


class User(Kind):
    """The name of a user of the system; it need not exist here."""

    def read(self, text: str) -> str:
        """Return the name."""
        if not _USER.fullmatch(text):
            raise ValueError(f"{shown(text)} is no name of a user; write {self.right()}")
        return text

    def write(self, value: object) -> str:
        """Return the name."""
        return str(value)

    def right(self) -> str:
        """Return an example."""
        return "one like _smtpd"


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of an address as :class:`Address` read it; "" is every address."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _absolute(text: str, right: str) -> str:
    if not text.startswith("/"):
        raise ValueError(f"{shown(text)} is not absolute; write {right}")
    if not text.isprintable():
        raise ValueError(f"{shown(text)} has unprintable characters; write {right}")
    return text


def _quoted(path: str) -> str:
    return path if _PLAIN.fullmatch(path) else "'" + path.replace("'", "''") + "'"
