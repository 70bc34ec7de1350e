"""A configuration file from the disk, if it can be trusted; the only part that asks the system.

The file names directories of programs that run as smtpd's user, so whoever can write it, or
replace it, could run programs of their own. What counts is the file that was opened (a link may
point anywhere) and the directory that file lies in. Higher directories are not looked at: whoever
owns those owns the whole system's configuration.
"""

from __future__ import annotations

import os
import pwd
import shlex
import stat
from collections.abc import Iterable

from tablewatch.config.document import Document, Written
from tablewatch.config.quotes import bare
from tablewatch.config.settings import Config
from tablewatch.errors import ConfigError, Problem

# A thousand tables with every key written need less than half of it.
MAX_BYTES = 1 << 20

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_RUNS = "it names the programs tablewatch runs"


def load(path: str, *, required: bool) -> Config:
    """Return the configuration in the file `path`; raises ConfigError with all its problems.

    A missing file gives the built-in defaults (``Config.path`` is then "") unless `required`.
    """
    return read(path, required=required).config()


def read(path: str, *, required: bool) -> Document:
    """Return what the file `path` says; like :func:`load`, with the line of every value."""
    text = read_text(path, required=required)
    if text is None:
        return Document()
    # Imported only now: a supervisor without a file has no use for a YAML parser.
    from tablewatch.config.reader import parse  # noqa: PLC0415

    document = parse(text, path)
    if written := document.top.get("backend_path"):
        _check_backend_path(written, path)
    return document


def directory_trouble(path: str, danger: str = "programs are run from it") -> str:
    """Return why what is in the directory `path` can't be used safely, "" if it can.

    A directory that can't be examined (missing, closed) is no trouble: nothing in it is used.
    """
    try:
        status = os.stat(path)
    except OSError:
        return ""
    if not stat.S_ISDIR(status.st_mode):
        return "is no directory; name the directory the programs table-... are in"
    # Unlike in a directory of configuration, the sticky bit does not help: anybody could add one.
    return _distrust(status, os.path.realpath(path), danger, os.geteuid())


def directory_exists(path: str) -> bool:
    """Return whether there is a directory at `path`, as far as this user can see."""
    return os.path.isdir(path)


def sockets_trouble(path: str) -> str:
    """Return why sockets in the directory `path` could be anybody's, "" if they can't.

    Whoever can put a socket of his own there is tablewatchd to the supervisors, and could have
    them pause their tables. The directory may be of any user, as tablewatchd has one of its own,
    but only where nobody else could have made it first. One that is not there is no trouble.
    """
    try:
        real = os.path.realpath(path)
        parent = os.path.dirname(real)
        status, around = os.stat(real), os.stat(parent)
    except (OSError, ValueError):
        return ""
    if not stat.S_ISDIR(status.st_mode):
        return "is no directory; name one for the two sockets"
    danger = "another program could put its own sockets there"
    if status.st_mode & _OTHERS_WRITE and status.st_mode & stat.S_ISVTX:
        return f"is for everybody, and {danger}; name a directory of its own"
    if why := _distrust(status, real, danger, status.st_uid):
        return why
    if around.st_mode & stat.S_ISVTX and status.st_uid in (0, os.geteuid()):
        return ""
    if around.st_mode & _OTHERS_WRITE:
        return f"lies in {bare(parent, 200)}, where anybody can make it first; name one elsewhere"
    return ""


def file_trouble(path: str, reader: int, danger: str = _RUNS) -> str:
    """Return why the user `reader` would not trust the file `path`, "" if it would.

    `danger`: as for :func:`read_text`. Raises OSError if the file can't be examined.
    """
    return _file_distrust(os.stat(path), path, reader, danger)


def read_text(path: str, *, required: bool, danger: str = _RUNS) -> str | None:
    """Return the text of the file `path` if it can be trusted, None if it is not there.

    `danger`: what somebody else could do who can write it. Raises ConfigError with one problem; a
    missing file is one where it is `required`.
    """

    def refusal(message: str, line: int = 0) -> ConfigError:
        return ConfigError([Problem(path, line, "", message)])

    try:
        # Not blocking: a named pipe would otherwise wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        if required or os.path.islink(path):
            raise refusal("no such file; create it, or name the right one") from None
        return None
    except PermissionError:
        raise refusal(_closed(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refusal(f"can't be opened ({reason}); name a readable file") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise refusal(f"is {kind}; name a file")
        if why := _file_distrust(status, path, os.geteuid(), danger):
            raise refusal(why)
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise refusal(f"can't be read ({error.strerror}); name a readable file") from None
    finally:
        os.close(descriptor)
    if len(data) > MAX_BYTES:
        raise refusal("is larger than 1 MiB; a configuration of a thousand tables is not")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise refusal(f"the byte 0x{byte:02x} is not UTF-8; save the file as UTF-8", line) from None


def _check_backend_path(written: Written, path: str) -> None:
    directories = written.value
    assert isinstance(directories, Iterable)
    troubles = ((name, directory_trouble(name)) for name in directories)
    problems = [
        Problem(path, written.line, "backend_path", f"{name} {trouble}")
        for name, trouble in troubles
        if trouble
    ]
    if problems:
        raise ConfigError(problems)


def _file_distrust(status: os.stat_result, path: str, reader: int, danger: str = _RUNS) -> str:
    real = os.path.realpath(path)
    if why := _distrust(status, real, danger, reader):
        return why
    folder = os.path.dirname(real)
    around = os.stat(folder)
    if around.st_mode & stat.S_ISVTX and around.st_uid in (0, reader):
        return ""  # as in /tmp, nobody but the owner of a file can replace it
    why = _distrust(around, folder, "the file in it could be replaced", reader)
    return f"its directory {why}" if why else ""


def _distrust(status: os.stat_result, path: str, danger: str, reader: int) -> str:
    """Return how others than root and `reader` could change `path`, and the command against it."""
    quoted = shlex.quote(path)
    if status.st_uid not in (0, reader):
        owner, me = _user(status.st_uid), _user(reader)
        right = "root" if me == "root" else f"root or {me}"
        return f"belongs to {owner}, not to {right}, and {danger}; run: chown root {quoted}"
    if status.st_mode & _OTHERS_WRITE:
        who = "everybody" if status.st_mode & stat.S_IWOTH else "its group"
        mode = stat.S_IMODE(status.st_mode)
        return f"can be written by {who} (mode {mode:04o}), and {danger}; run: chmod go-w {quoted}"
    return ""


def _closed(path: str) -> str:
    """Return what keeps this user from reading `path`."""
    me = _user(os.geteuid())
    real = os.path.realpath(path)
    try:
        os.stat(real)
    except OSError:
        pass
    else:
        return f"permission denied; user {me} needs to read it: chmod o+r {shlex.quote(real)}"
    folder = os.path.dirname(real)
    while folder != "/":
        try:
            os.stat(folder)
            break
        except OSError:
            folder = os.path.dirname(folder)
    return f"permission denied; user {me} needs to pass {folder}: chmod o+x {shlex.quote(folder)}"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
