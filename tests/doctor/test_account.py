"""Acting as smtpd's user."""

import os
import pwd

import pytest

from tablewatch.doctor.account import Account, acting_as, acting_name, without_environment

NOBODY = Account("nobody", 65534, 65534, (65534,))
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs the rights of root")


@as_root
def test_root_acts_as_the_account_and_is_itself_again():
    before = os.geteuid(), os.getegid(), os.getgroups()
    with acting_as(NOBODY):
        assert (os.geteuid(), os.getegid(), os.getgroups()) == (65534, 65534, [65534])
    assert (os.geteuid(), os.getegid(), os.getgroups()) == before


@as_root
def test_root_is_itself_again_after_an_error():
    with pytest.raises(OSError, match="x"), acting_as(NOBODY):
        raise OSError("x")
    assert os.geteuid() == 0


def test_without_an_account_nothing_changes():
    before = os.geteuid()
    with acting_as(None):
        assert os.geteuid() == before
    assert acting_name(None) == pwd.getpwuid(before).pw_name


def test_a_user_without_a_name_is_its_number(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    assert acting_name(NOBODY) == "4000000"


def test_variables_are_gone_for_a_while(monkeypatch):
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("OTHER", "1")
    with without_environment("PG"):
        assert "PGHOST" not in os.environ
        assert "OTHER" in os.environ
    assert os.environ["PGHOST"] == "elsewhere"
