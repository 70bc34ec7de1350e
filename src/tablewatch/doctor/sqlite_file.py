"""The file of an SQLite database, and those SQLite keeps beside it, as smtpd's user finds them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from tablewatch.doctor.account import Account, acting_as, acting_name
from tablewatch.errors import DoctorError

# The database header: "The SQLite Database File Format", 1.3.
_MAGIC = b"SQLite format 3\0"
_READ_VERSION = 19
_WAL = 2
_HEADER = 100
_MANY = 4096  # a directory's path, as a limit for the walk upwards


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """A database file that can be read.

    ``wal`` says that its journal is a write-ahead log; ``log`` and ``index``, that its ``-wal``
    and ``-shm`` are there. ``makes_files`` says that the user may create files beside it, and
    ``log_open`` that the two that are there are no obstacle. ``journal``: a ``-journal`` is there,
    of a transaction that goes on, or of one that was cut off.
    """

    path: str
    size: int
    mode: int
    wal: bool
    log: bool
    index: bool
    log_open: bool
    makes_files: bool
    journal: bool

    @property
    def exposed(self) -> bool:
        """Whether every user of the host can read it."""
        return bool(self.mode & stat.S_IROTH)

    @property
    def readable(self) -> bool:
        """Whether SQLite can read it without making a file that the user may not make."""
        if not self.wal:
            return True
        return self.makes_files or (self.log and self.index and self.log_open)


def look_at(path: str, account: Account | None = None) -> DatabaseFile:
    """Look at a database as `account`. Raises DoctorError if it can't be read."""
    with acting_as(account):
        try:
            with open(path, "rb") as file:
                header = file.read(_HEADER)
                status = os.fstat(file.fileno())
        except OSError as error:
            why = f"as {acting_name(account)}: {_obstacle(path)}: {error.strerror}"
            raise DoctorError(why) from None
        return _looked_at(path, header, status)


def _looked_at(path: str, header: bytes, status: os.stat_result) -> DatabaseFile:
    if header and not header.startswith(_MAGIC):
        raise DoctorError(f"{path} is no SQLite database, or it is encrypted")
    log, index = path + "-wal", path + "-shm"
    directory = os.path.dirname(os.path.realpath(path))
    return DatabaseFile(
        path,
        status.st_size,
        stat.S_IMODE(status.st_mode),
        len(header) > _READ_VERSION and header[_READ_VERSION] == _WAL,
        os.path.exists(log),
        os.path.exists(index),
        _may(log, os.R_OK) and _may(index, os.R_OK),
        _may(directory, os.W_OK | os.X_OK),
        os.path.exists(path + "-journal"),
    )


def _may(path: str, what: int) -> bool:
    return os.access(path, what, effective_ids=os.access in os.supports_effective_ids)


def _obstacle(path: str) -> str:
    """Return what on the way to `path` keeps us out: a directory, or the file itself."""
    parts = os.path.abspath(path)[:_MANY].split(os.sep)[1:-1]
    for end in range(len(parts) + 1):
        directory = os.sep + os.sep.join(parts[:end])
        if not _may(directory, os.X_OK):
            return f"can't open {path}: {directory} is closed to us, or is not there"
    return f"can't open {path}"
