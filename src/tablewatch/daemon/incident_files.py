"""Incidents on the disk: a file for each, in a directory of the daemon's own.

What is not one of ours is left alone, whatever it is called. Nothing here remembers anything.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from tablewatch.control.incident import Kept
from tablewatch.control.incident_summary import is_id
from tablewatch.control.records import from_plain
from tablewatch.control.wire import MAX_LINE, decode
from tablewatch.errors import ControlError

_SUFFIX = ".json"
# What is being written; there is one writer, and a name it can't take for an incident's.
_UNFINISHED = ".unfinished"
# Readable by the group of the directory (OpenBSD) or of the daemon (Linux), and by nobody else.
_MODE = 0o640

# As long as what a supervisor may say, as that is what is kept.
MAX_BYTES = MAX_LINE

_NAMED = 10  # files that are not ours, by name; then only how many


class Folder:
    """The directory, while it is open. All methods raise OSError."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, name: str, line: bytes) -> None:
        """Have `line` be all there is of the incident `name`; before or after, never in between."""
        # A new file, whatever lies there: a link could lead to one that is none of ours.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_UNFINISHED, dir_fd=self._descriptor)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(_UNFINISHED, flags, 0o600, dir_fd=self._descriptor)
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(file, left) :]
            os.fchmod(file, _MODE)  # whatever the umask is
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(
            _UNFINISHED,
            name + _SUFFIX,
            src_dir_fd=self._descriptor,
            dst_dir_fd=self._descriptor,
        )
        os.fsync(self._descriptor)

    def remove(self, name: str) -> None:
        """Remove the incident `name`, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name + _SUFFIX, dir_fd=self._descriptor)

    def read(self) -> tuple[list[Kept], list[str]]:
        """Return the incidents, and what to say of the other files."""
        found: list[Kept] = []
        strange: list[str] = []
        for file in sorted(os.listdir(self._descriptor)):
            if file == _UNFINISHED:
                continue
            try:
                found.append(self._read(file))
            except (OSError, ControlError) as error:
                why = error.strerror if isinstance(error, OSError) else str(error)
                strange.append(f"{file}: left alone: {why}")
        if len(strange) > _NAMED:
            strange[_NAMED:] = [f"{len(strange) - _NAMED} more files: left alone as well"]
        return found, strange

    def _read(self, file: str) -> Kept:
        name, suffix = os.path.splitext(file)
        if suffix != _SUFFIX or not is_id(name):
            raise ControlError("no incident has such a name")
        # Without waiting for a writer, should it be a pipe.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(file, flags, dir_fd=self._descriptor)
        with open(descriptor, "rb") as opened:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ControlError("it is no file")
            line = opened.read(MAX_BYTES + 1)
        if len(line) > MAX_BYTES:
            raise ControlError(f"it has more than {MAX_BYTES} bytes")
        kept = from_plain(Kept, decode(line))
        if kept.report.id != name:
            raise ControlError("it is of an incident with another name")
        return kept


class IncidentFiles:
    """Where the files are."""

    def __init__(self, path: str) -> None:
        self.path = path

    @contextlib.contextmanager
    def opened(self) -> Iterator[Folder]:
        """Open the directory. Raises OSError, also where others could put files into it."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if os.fstat(descriptor).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                others = f"others than its owner can write to it; run: chmod go-w {self.path}"
                raise OSError(errno.EPERM, others)
            yield Folder(descriptor)
        finally:
            os.close(descriptor)

    def trouble(self, error: OSError) -> str:
        """Return what is wrong, and what to do about it where that is plain."""
        make = f"install -d -o _tablewatch -g _tablewatch -m 0750 {self.path}"
        remedy = {
            errno.ENOENT: f"; make it with: {make}",
            errno.EACCES: f"; give it to our user: chown _tablewatch {self.path}",
            errno.ENOSPC: "; make room",
            errno.EDQUOT: "; make room",
        }.get(error.errno or 0, "")
        return f"{self.path}: {error.strerror or error}{remedy}"
