"""The links ``table-watch-BACKEND`` through which smtpd runs the supervisor.

Everything is looked at first (:func:`plan_install`, :func:`plan_removal`) and done afterwards
(:meth:`Change.make`), so that a refusal leaves nothing half done.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable
from typing import NamedTuple

from tablewatch.cli import host
from tablewatch.errors import BackendNotFound, InstallError
from tablewatch.supervisor.programs import (
    BACKEND_PREFIX,
    LINK_PREFIX,
    backend_name,
    find_backend,
)

SUPERVISOR = "table-watch"


class Action(enum.Enum):
    """What happens to a link."""

    CREATE = "create"
    REPLACE = "replace"
    KEEP = "keep"
    REMOVE = "remove"


class Change(NamedTuple):
    """One link and what is to become of it; ``before`` is where it leads now, "" if nowhere."""

    action: Action
    path: str
    target: str = ""
    before: str = ""

    def make(self) -> None:
        """Do it. A link is never missing in between. Raises InstallError."""
        try:
            if self.action is Action.CREATE:
                os.symlink(self.target, self.path)  # atomic, and fails if something is there now
            elif self.action is Action.REPLACE:
                self._swap()
            elif self.action is Action.REMOVE:
                os.unlink(self.path)
        except OSError as error:
            raise InstallError(f"can't {self.action.value} {self.path}: {error.strerror}") from None

    def _swap(self) -> None:
        directory, name = os.path.split(self.path)
        temporary = os.path.join(directory, f".{name}.{os.getpid()}")
        os.symlink(self.target, temporary)
        try:
            os.replace(temporary, self.path)
        except OSError:
            os.unlink(temporary)
            raise


def is_ours(path: str) -> bool:
    """Return whether `path` is a link of ours, wherever the program has gone meanwhile."""
    return (
        bool(backend_name(path))
        and os.path.islink(path)
        and os.path.basename(os.readlink(path)) == SUPERVISOR
    )


def installed(libexec: str) -> list[str]:
    """Return the names of the backends that have a link of ours in `libexec`, sorted."""
    try:
        names = sorted(os.listdir(libexec))
    except OSError:
        return []
    return [backend_name(name) or "" for name in names if is_ours(os.path.join(libexec, name))]


def plan_install(
    backends: Iterable[str], libexec: str, program: str, backend_path: Iterable[str]
) -> list[Change]:
    """Return what makes `libexec` hold a link to `program` for each of `backends`.

    Raises InstallError when any of them is refused.
    """
    if os.path.basename(program) != SUPERVISOR:
        raise InstallError(f"{program}: the program to link to must be named {SUPERVISOR}")
    if not (os.path.isfile(program) and os.access(program, os.X_OK)):
        raise InstallError(f"{program}: no such program")
    if not os.path.isdir(libexec):
        raise InstallError(f"{libexec}: no such directory; is OpenSMTPD installed?")
    directories = [libexec, *backend_path]
    return [_plan_link(name, libexec, program, directories) for name in dict.fromkeys(backends)]


def plan_removal(backends: Iterable[str], libexec: str) -> list[Change]:
    """Return what rids `libexec` of the links for `backends`; those that have none are left out.

    Raises InstallError when something else stands in a link's place.
    """
    changes = []
    for name in dict.fromkeys(backends):
        path = _link(libexec, name)
        if not os.path.lexists(path):
            continue
        if not is_ours(path):
            raise InstallError(f"{path} is {_what(path)}, not a link of ours; left alone")
        changes.append(Change(Action.REMOVE, path, before=os.readlink(path)))
    return changes


def _plan_link(name: str, libexec: str, program: str, directories: list[str]) -> Change:
    path = _link(libexec, name)
    _check_backend(name, directories)
    if not os.path.lexists(path):
        return Change(Action.CREATE, path, program)
    if not is_ours(path):
        raise InstallError(
            f"{path} is {_what(path)}, not a link to {SUPERVISOR}; move it away if it is not needed"
        )
    before = os.readlink(path)
    action = Action.KEEP if before == program else Action.REPLACE
    return Change(action, path, program, before)


def _check_backend(name: str, directories: list[str]) -> None:
    if name.startswith("watch-"):
        raise InstallError(f"{name}: give the backend's own name, {name.removeprefix('watch-')}")
    try:
        find_backend(name, directories)
    except BackendNotFound as error:
        there = _backends_in(directories)
        known = f"; there is: {', '.join(there)}" if there else ""
        raise InstallError(f"{error} ({host.backend_package(name)}){known}") from None


def _backends_in(directories: list[str]) -> list[str]:
    names: set[str] = set()
    for directory in directories:
        if os.path.isdir(directory):
            names.update(os.listdir(directory))
    return sorted(
        name.removeprefix(BACKEND_PREFIX)
        for name in names
        if name.startswith(BACKEND_PREFIX) and not name.startswith(LINK_PREFIX)
    )


def _link(libexec: str, name: str) -> str:
    if not name or "/" in name:
        raise InstallError(f"{name!r} is no name of a table backend (mysql, postgres, ...)")
    return os.path.join(libexec, LINK_PREFIX + name)


def _what(path: str) -> str:
    if os.path.islink(path):
        return f"a link to {os.readlink(path)}"
    return "a directory" if os.path.isdir(path) else "a file"
