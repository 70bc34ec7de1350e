import os

import pytest

from tablewatch.cli import access, main

CONF = """\
table aliases file:/etc/aliases
table creds mysql:/etc/mail/mysql.conf
table domains watch-mysql:/etc/mail/domains.conf
table users ldap:/etc/mail/ldap.conf
"""


class Host:
    """A mail server's directories, and the command run there."""

    def __init__(self, path, capsys):
        self.libexec = path / "libexec"
        self.bin = path / "bin"
        self.conf = path / "smtpd.conf"
        self.config = path / "none.yml"
        for directory in (self.libexec, self.bin):
            directory.mkdir()
        for program in ("libexec/table-mysql", "libexec/table-ldap", "bin/table-watch"):
            (path / program).write_text("#!/bin/sh\n", encoding="utf-8")
            (path / program).chmod(0o755)
        self.conf.write_text(CONF, encoding="utf-8")
        self.link = self.libexec / "table-watch-mysql"
        self._capsys = capsys

    def run(self, *arguments):
        """Run `tablewatch` with the directories of this host; return its status and output."""
        places = ("--libexec", str(self.libexec), "--smtpd-conf", str(self.conf))
        status = main.main([*arguments, *places])
        captured = self._capsys.readouterr()
        return status, captured.out, captured.err


@pytest.fixture
def host(tmp_path, capsys, monkeypatch):
    made = Host(tmp_path, capsys)
    monkeypatch.setattr("sys.argv", [str(made.bin / "tablewatch")])
    monkeypatch.delenv("TABLEWATCH_CONFIG", raising=False)
    return made


def test_the_link_leads_to_the_program_beside_ours(host):
    status, out, _ = host.run("install", "mysql")
    assert status == 0
    assert os.readlink(host.link) == str(host.bin / "table-watch")
    assert f"made: {host.link} -> {host.bin}/table-watch" in out


def test_the_program_is_found_when_ours_is_a_link(host, tmp_path, monkeypatch):
    (host.bin / "tablewatch").touch()
    (tmp_path / "tablewatch").symlink_to(host.bin / "tablewatch")
    monkeypatch.setattr("sys.argv", [str(tmp_path / "tablewatch")])
    host.run("install", "mysql")
    assert os.readlink(host.link) == str(host.bin / "table-watch")


def test_the_program_is_looked_for_in_path_at_last(host, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", [str(tmp_path / "main.py")])
    monkeypatch.setenv("PATH", str(host.bin))
    host.run("install", "mysql")
    assert os.readlink(host.link) == str(host.bin / "table-watch")


def test_without_a_program_it_says_how_to_name_one(host, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", [str(tmp_path / "main.py")])
    monkeypatch.setenv("PATH", str(tmp_path))
    status, _, err = host.run("install", "mysql")
    assert status == 1
    assert "--program" in err


def test_the_program_can_be_named(host, tmp_path):
    other = tmp_path / "table-watch"
    other.write_text("#!/bin/sh\n", encoding="utf-8")
    other.chmod(0o755)
    host.run("install", "mysql", "--program", str(other))
    assert os.readlink(host.link) == str(other)


def test_doing_it_twice_is_no_error_and_says_so(host):
    host.run("install", "mysql")
    status, out, _ = host.run("install", "mysql")
    assert status == 0
    assert f"already there: {host.link}" in out


def test_after_a_move_the_link_is_changed_and_says_from_where(host):
    host.link.symlink_to("/opt/old/bin/table-watch")
    status, out, _ = host.run("install", "mysql")
    assert status == 0
    assert f"changed: {host.link} -> {host.bin}/table-watch (was /opt/old/bin/table-watch)" in out


def test_one_refusal_stops_all(host):
    status, out, err = host.run("install", "mysql", "mysqul")
    assert (status, out) == (1, "")
    assert "table-mysqul" in err
    assert not host.link.is_symlink()


def test_a_dry_run_only_tells(host):
    status, out, _ = host.run("install", "mysql", "--dry-run")
    assert status == 0
    assert f"would make: {host.link}" in out
    assert not host.link.is_symlink()


def test_the_line_to_change_is_shown_and_not_changed(host):
    _, out, _ = host.run("install", "mysql")
    assert (
        f"  {host.conf}:2\n"
        "    -table creds mysql:/etc/mail/mysql.conf\n"
        "    +table creds watch-mysql:/etc/mail/mysql.conf\n"
    ) in out
    assert "ldap" not in out
    assert f"Supervised already: table domains ({host.conf}:3)" in out
    assert f"smtpd -n -f {host.conf}" in out
    assert "restart" in out
    assert host.conf.read_text(encoding="utf-8") == CONF


def test_with_everything_changed_there_is_nothing_left_to_do(host):
    host.conf.write_text("table a watch-mysql:/a\n", encoding="utf-8")
    _, out, _ = host.run("install", "mysql")
    assert "Supervised already: table a" in out
    assert "restart" not in out


@pytest.mark.parametrize("missing", [True, False])
def test_without_such_a_table_the_general_change_is_told(host, missing):
    if missing:
        host.conf.unlink()
    else:
        host.conf.write_text("listen on lo\n", encoding="utf-8")
    status, out, _ = host.run("install", "mysql")
    assert status == 0
    assert "table NAME mysql:/path" in out
    assert "table NAME watch-mysql:/path" in out
    assert missing == (f"can't read {host.conf}" in out)


def test_a_program_smtpds_user_cannot_run_is_warned_of(host, monkeypatch):
    who = access.Account("_smtpd", 65000, frozenset({65000}))
    monkeypatch.setattr(access, "account", lambda names: who)
    host.bin.chmod(0o700)
    status, out, _ = host.run("install", "mysql")
    assert status == 0
    assert f"{host.bin} is closed to _smtpd (mode 0700)" in out
    assert "below /opt or /usr/local" in out


@pytest.mark.parametrize("who", ["its group", "everybody"])
def test_a_program_others_can_change_is_warned_of(host, monkeypatch, who):
    monkeypatch.setattr(
        access, "account", lambda _: access.Account("_smtpd", 65000, frozenset({65000}))
    )
    (host.bin / "table-watch").chmod(0o775 if who == "its group" else 0o777)
    status, out, _ = host.run("install", "mysql")
    assert status == 0
    assert f"Warning: {host.bin}/table-watch:" in out
    assert f"can be written by {who}" in out
    assert f"and smtpd is going to run it; run: chmod go-w {host.bin}/table-watch" in out


def test_without_an_smtpd_user_nothing_is_warned_of(host, monkeypatch):
    monkeypatch.setattr(access, "account", lambda names: None)
    host.bin.chmod(0o700)
    assert "Warning" not in host.run("install", "mysql")[1]


def test_a_broken_configuration_does_not_stop_it(host, monkeypatch):
    host.config.write_text("nonsense: [\n", encoding="utf-8")
    monkeypatch.setenv("TABLEWATCH_CONFIG", str(host.config))
    status, _, err = host.run("install", "mysql")
    assert status == 0
    assert str(host.config) in err
    assert "built-in defaults" in err


def test_the_default_directory_is_the_one_that_has_the_backend(host, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    paths = (str(tmp_path / "none"), str(empty), str(host.libexec))
    monkeypatch.setattr("tablewatch.cli.install.BACKEND_PATHS", paths)
    assert main.main(["install", "mysql", "--smtpd-conf", str(host.conf)]) == 0
    assert host.link.is_symlink()


def test_without_any_directory_it_says_how_to_name_one(host, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tablewatch.cli.install.BACKEND_PATHS", (str(tmp_path / "none"),))
    assert main.main(["install", "mysql", "--smtpd-conf", str(host.conf)]) == 1
    assert "--libexec" in capsys.readouterr().err
