import os

import pytest

from tablewatch.cli import main


class Host:
    """A mail server on which two backends are installed, and the command run there."""

    def __init__(self, path, capsys):
        self.libexec = path / "libexec"
        self.libexec.mkdir()
        self.conf = path / "smtpd.conf"
        self.conf.write_text("table creds mysql:/etc/mail/mysql.conf\n", encoding="utf-8")
        for name in ("mysql", "ldap"):
            (self.libexec / f"table-{name}").touch(mode=0o755)
            self.link(name).symlink_to("/opt/tablewatch/bin/table-watch")
        self._capsys = capsys

    def link(self, name):
        return self.libexec / f"table-watch-{name}"

    def linked(self):
        return sorted(name for name in os.listdir(self.libexec) if name.startswith("table-watch-"))

    def run(self, *arguments):
        places = ("--libexec", str(self.libexec), "--smtpd-conf", str(self.conf))
        status = main.main(["uninstall", *arguments, *places])
        captured = self._capsys.readouterr()
        return status, captured.out, captured.err


@pytest.fixture
def host(tmp_path, capsys):
    return Host(tmp_path, capsys)


def test_the_link_is_removed_and_no_other(host):
    status, out, _ = host.run("mysql")
    assert status == 0
    assert host.linked() == ["table-watch-ldap"]
    assert f"removed: {host.link('mysql')}" in out
    assert "until it is restarted" in out


def test_all_are_removed_but_only_ours(host):
    theirs = host.link("theirs")
    theirs.symlink_to("table-mysql")
    assert host.run("--all")[0] == 0
    assert host.linked() == ["table-watch-theirs"]


def test_doing_it_twice_is_no_error_and_says_so(host):
    host.run("mysql")
    status, out, _ = host.run("mysql")
    assert status == 0
    assert "not installed: table-watch-mysql" in out
    host.run("--all")
    assert "nothing installed" in host.run("--all")[1]


def test_a_file_in_its_place_is_left_alone_and_stops_all(host):
    host.link("mysql").unlink()
    host.link("mysql").write_text("mine", encoding="utf-8")
    status, _, err = host.run("ldap", "mysql")
    assert status == 1
    assert "left alone" in err
    assert host.linked() == ["table-watch-ldap", "table-watch-mysql"]


def test_while_smtpd_conf_uses_it_nothing_is_removed_and_the_way_back_is_shown(host):
    host.conf.write_text("table creds watch-mysql:/etc/mail/mysql.conf\n", encoding="utf-8")
    status, out, err = host.run("ldap", "mysql")
    assert (status, out) == (1, "")
    assert (
        f"  {host.conf}:1\n"
        "    -table creds watch-mysql:/etc/mail/mysql.conf\n"
        "    +table creds mysql:/etc/mail/mysql.conf\n"
    ) in err
    assert f"smtpd -n -f {host.conf}" in err
    assert host.linked() == ["table-watch-ldap", "table-watch-mysql"]


def test_another_backends_use_does_not_matter(host):
    host.conf.write_text("table creds watch-mysql:/etc/mail/mysql.conf\n", encoding="utf-8")
    assert host.run("ldap")[0] == 0
    assert host.linked() == ["table-watch-mysql"]


def test_an_smtpd_conf_that_cannot_be_read_counts_as_using_it(host):
    host.conf.unlink()
    status, _, err = host.run("mysql")
    assert status == 1
    assert "--force" in err
    assert len(host.linked()) == 2


@pytest.mark.parametrize("readable", [True, False])
def test_force_removes_it_all_the_same(host, readable):
    if readable:
        host.conf.write_text("table creds watch-mysql:/etc/mail/mysql.conf\n", encoding="utf-8")
    else:
        host.conf.unlink()
    status, _, err = host.run("mysql", "--force")
    assert status == 0
    assert ("does not start" in err) == readable
    assert host.linked() == ["table-watch-ldap"]


def test_a_dry_run_only_tells(host):
    status, out, _ = host.run("--all", "--dry-run")
    assert status == 0
    assert "would remove" in out
    assert len(host.linked()) == 2


@pytest.mark.parametrize("arguments", [[], ["mysql", "--all"]])
def test_which_ones_must_be_said_in_one_way(host, arguments):
    with pytest.raises(SystemExit) as raised:
        host.run(*arguments)
    assert raised.value.code == 64
    assert len(host.linked()) == 2


def test_every_directory_of_smtpds_is_looked_at(host, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "table-watch-mysql").symlink_to("/x/table-watch")
    paths = (str(tmp_path / "none"), str(other), str(host.libexec))
    monkeypatch.setattr("tablewatch.cli.uninstall.BACKEND_PATHS", paths)
    assert main.main(["uninstall", "mysql", "--smtpd-conf", str(host.conf)]) == 0
    assert host.linked() == ["table-watch-ldap"]
    assert os.listdir(other) == []
