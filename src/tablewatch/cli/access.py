"""Whether somebody else may run a program or read a file, told from owners and modes.

smtpd starts its backends as a user of its own. When that user can't reach the program, all that is
ever seen is smtpd saying nothing or "exec failed", so it is worth finding out beforehand.
"""

from __future__ import annotations

import os
import pwd
import re
import stat
from collections.abc import Iterable, Iterator
from typing import NamedTuple

READ = 4
EXECUTE = 1
# pip writes this second line where the interpreter's path is too long for a `#!` line.
_LONG_SHEBANG = re.compile(rb"""#!/bin/sh\n'''exec' "?([^"\n]+?)"? "\$0" """)


class Account(NamedTuple):
    """A user with all of its groups."""

    name: str
    uid: int
    groups: frozenset[int]


def account(names: Iterable[str]) -> Account | None:
    """Return the first of the users `names` that exists here."""
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, frozenset(os.getgrouplist(name, entry.pw_gid)))
    return None


def run_obstacles(program: str, who: Account) -> list[str]:
    """Return what keeps `who` from running `program`; empty if nothing is known to.

    Looks at the program, at the interpreter of its ``#!`` line, and at every directory on the way
    to either. What we may not look at ourselves is passed over.
    """
    found = _obstacles(program, who, EXECUTE)
    interpreter = _interpreter(program)
    if interpreter is not None:
        found += _obstacles(program, who, READ) + _obstacles(interpreter, who, EXECUTE)
    return list(dict.fromkeys(found))


def read_obstacles(path: str, who: Account) -> list[str]:
    """Return what keeps `who` from reading the file `path`; empty if nothing is known to."""
    return list(dict.fromkeys(_obstacles(path, who, READ)))


def _obstacles(path: str, who: Account, need: int) -> list[str]:
    if who.uid == 0:
        return []
    found = []
    for step in _steps(path):
        for directory in _directories(step):
            if not _allowed(directory, who, EXECUTE):
                found.append(f"{directory} is closed to {who.name} ({_mode(directory)})")
    if not os.path.lexists(path) or not os.path.exists(path):
        found.append(f"{path} does not exist")
    elif not _allowed(path, who, need):
        verb = "read" if need == READ else "executed"
        found.append(f"{path} can't be {verb} by {who.name} ({_mode(path)})")
    return found


def _steps(path: str) -> Iterator[str]:
    """Yield `path` and, where it is a link, what it leads to, one link after the other."""
    seen: set[str] = set()
    path = os.path.abspath(path)
    while path not in seen:
        yield path
        seen.add(path)
        try:
            path = os.path.join(os.path.dirname(path), os.readlink(path))
        except OSError:
            return


def _directories(path: str) -> Iterator[str]:
    """Yield the real directories that lead to `path`, beginning with the root."""
    directory = os.path.realpath(os.path.dirname(path))
    parts = directory.split(os.sep)
    for end in range(1, len(parts) + 1):
        yield os.sep.join(parts[:end]) or os.sep
        if directory == os.sep:
            return


def _allowed(path: str, who: Account, need: int) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return True
    if status.st_uid == who.uid:
        return bool(status.st_mode >> 6 & need)
    if status.st_gid in who.groups:
        return bool(status.st_mode >> 3 & need)
    return bool(status.st_mode & need)


def _mode(path: str) -> str:
    return f"mode {stat.S_IMODE(os.stat(path).st_mode):04o}"


def _interpreter(program: str) -> str | None:
    try:
        with open(program, "rb") as file:
            head = file.read(4096)
    except OSError:
        return None
    long = _LONG_SHEBANG.match(head)
    if long:
        return os.fsdecode(long[1])
    words = head.split(b"\n", 1)[0][2:].split(None, 1)
    return os.fsdecode(words[0]) if head.startswith(b"#!") and words else None
