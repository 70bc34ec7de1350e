"""The file and what is beside it."""

import contextlib
import os
import sqlite3

import pytest

from tablewatch.doctor.account import Account, smtpd_account
from tablewatch.doctor.sqlite_file import DatabaseFile, look_at
from tablewatch.errors import DoctorError

from .sqlite_files import make, open_directory

NOBODY = Account("nobody", 65534, 65534, (65534,))
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs the rights of root")


@pytest.fixture
def directory():
    with open_directory() as path:
        yield path


def test_a_rollback_journal_needs_no_file_to_be_read(directory):
    file = look_at(str(make(directory)))
    assert (file.wal, file.readable, file.journal) == (False, True, False)


def test_a_write_ahead_log_that_is_open_can_be_read(directory):
    path = make(directory, wal=True)
    with contextlib.closing(sqlite3.connect(path)) as writer:
        writer.execute("SELECT count(*) FROM users").fetchall()
        file = look_at(str(path))
        assert (file.wal, file.log, file.index, file.readable) == (True, True, True, True)


@as_root
def test_one_that_is_closed_can_not_where_the_user_may_make_no_files(directory):
    path = make(directory, wal=True, mode=0o644)
    file = look_at(str(path), NOBODY)
    assert (file.wal, file.log, file.makes_files, file.readable) == (True, False, False, False)
    directory.chmod(0o777)
    assert look_at(str(path), NOBODY).readable


@as_root
def test_a_file_that_is_closed_to_the_user(directory):
    path = make(directory, mode=0o600)
    with pytest.raises(DoctorError, match=r"as nobody: can't open .*: Permission denied"):
        look_at(str(path), NOBODY)


@as_root
def test_a_directory_that_is_closed_to_the_user_is_named(directory):
    closed = directory / "closed"
    closed.mkdir(mode=0o700)
    path = make(closed, mode=0o644)
    with pytest.raises(DoctorError, match=f"{closed} is closed to us"):
        look_at(str(path), NOBODY)


def test_a_file_that_is_not_there(directory):
    with pytest.raises(DoctorError, match="No such file or directory"):
        look_at(str(directory / "nothing"))


def test_a_file_that_is_no_database(directory):
    path = directory / "text"
    path.write_text("alice: hash\n" * 20)
    with pytest.raises(DoctorError, match="no SQLite database"):
        look_at(str(path))


def test_an_empty_file_is_an_empty_database(directory):
    path = directory / "empty"
    path.touch()
    assert look_at(str(path), smtpd_account()).size == 0


@pytest.mark.parametrize(("mode", "exposed"), [(0o640, False), (0o644, True), (0o604, True)])
def test_whether_everybody_can_read_it(mode, exposed):
    file = DatabaseFile("/x", 0, mode, False, False, False, True, True, False)
    assert file.exposed is exposed
