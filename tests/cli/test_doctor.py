"""``tablewatch doctor`` with databases in files: what it reads, says and writes."""

import json
import sqlite3
import stat
import tempfile
from pathlib import Path

import pytest

PASSWORD = "a-password-of-nobody"


@pytest.fixture
def mail():
    """A mail server's configuration with a table in SQLite, and one in MariaDB that is down.

    Where everybody may read it: run by root, the doctor looks as smtpd's user.
    """
    with tempfile.TemporaryDirectory(prefix="tablewatch-doctor-") as name:
        Path(name).chmod(0o755)
        yield fill(Path(name))


def fill(directory):
    with sqlite3.connect(directory / "mail.db") as database:
        database.execute("CREATE TABLE vusers (mail TEXT PRIMARY KEY, c_password TEXT NOT NULL)")
    database.close()
    (directory / "sqlite.conf").write_text(
        f"dbpath {directory / 'mail.db'}\n"
        "query_credentials SELECT mail, c_password FROM vusers WHERE mail = ?\n"
    )
    (directory / "mysql.conf").write_text(
        f"host 127.77.255.254\nusername smtpd\npassword {PASSWORD}\ndatabase mail\n"
        "query_domain SELECT domain FROM vdomains WHERE domain = ?\n"
    )
    (directory / "smtpd.conf").write_text(
        'db = "watch-sqlite"\n'
        "table aliases file:/etc/aliases\n"
        f"table creds $db:{directory}/sqlite.conf\n"
        f"table domains mysql:{directory}/mysql.conf\n"
        "listen on lo auth <creds>\n"
    )
    for file in directory.iterdir():
        file.chmod(0o644)
    return directory


def doctor(libexec, mail, *arguments):
    named = () if "--smtpd-conf" in arguments else ("--smtpd-conf", str(mail / "smtpd.conf"))
    done = libexec.tablewatch("doctor", *named, *arguments)
    assert PASSWORD not in done.stdout.decode() + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_every_table_of_smtpd_conf_is_examined(libexec, mail):
    done = doctor(libexec, mail, "--json")
    data = json.loads(done.stdout)
    tables = {each["table"]: each for each in data["tables"]}
    assert tables.keys() == {"creds", "domains"}  # smtpd itself serves the aliases
    assert tables["creds"]["watched"]
    assert tables["creds"]["examined"]
    assert not tables["domains"]["watched"]
    assert "127.77.255.254" in tables["domains"]["why"]
    unwatched = next(each for each in data["findings"] if each["id"] == "unwatched")
    assert unwatched["places"] == [f"{mail}/smtpd.conf:4"]
    assert unwatched["repair"][0]["text"] == f"table domains watch-mysql:{mail}/mysql.conf"


def test_what_can_not_be_examined_is_said_in_plain_words(libexec, mail):
    done = doctor(libexec, mail)
    text = done.stdout.decode()
    assert "1 table examined, 1 not" in text.replace("\n  ", " ")
    assert "domains: not examined: can't log in to the database server" in text
    assert done.returncode in (2, 3)


def test_one_table_is_examined_as_smtpd_conf_has_it(libexec, mail):
    done = doctor(libexec, mail, "--json", f"watch-sqlite:{mail}/sqlite.conf")
    (table,) = json.loads(done.stdout)["tables"]
    assert (table["table"], table["watched"]) == ("creds", True)


def test_one_table_is_examined_without_any_smtpd_conf(libexec, mail):
    none = ("--smtpd-conf", str(mail / "none"))
    done = doctor(libexec, mail, "--json", *none, f"sqlite:{mail}/sqlite.conf")
    (table,) = json.loads(done.stdout)["tables"]
    assert (table["table"], table["examined"]) == ("sqlite", True)


def test_the_exit_status_is_that_of_a_check_plugin(libexec, mail):
    one = f"sqlite:{mail}/sqlite.conf"
    level = json.loads(doctor(libexec, mail, "--json", one).stdout)["level"]
    status = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
    assert doctor(libexec, mail, one).returncode == status[level]
    down = doctor(libexec, mail, "--json", f"mysql:{mail}/mysql.conf")
    assert json.loads(down.stdout)["level"] in ("unknown", "critical")
    assert down.returncode in (2, 3)


def test_a_script_is_written_for_root_only_and_never_over_another(libexec, mail):
    script = mail / "fix.sh"
    done = doctor(libexec, mail, "--fix-script", str(script))
    assert str(script) in done.stdout.decode()
    assert stat.S_IMODE(script.stat().st_mode) == 0o600
    text = script.read_text()
    assert f"# > table domains watch-mysql:{mail}/mysql.conf" in text
    assert PASSWORD not in text
    again = doctor(libexec, mail, "--fix-script", str(script))
    assert "there already" in again.stderr
    assert again.returncode == 3
    assert script.read_text() == text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--smtpd-conf", "/nowhere/smtpd.conf"), "can't read /nowhere/smtpd.conf"),
        (("--smtpd-conf", "/dev/null"), "no table with a backend is in /dev/null"),
    ],
)
def test_without_a_table_there_is_nothing_to_examine(libexec, mail, arguments, told):
    done = doctor(libexec, mail, *arguments)
    assert told in done.stderr
    assert done.returncode == 3


@pytest.mark.parametrize("wrong", ["mysql", "mysql:mysql.conf", ":/c", "/bin/sh:/c"])
def test_a_table_that_is_written_wrongly(libexec, mail, wrong):
    done = doctor(libexec, mail, wrong)
    assert done.returncode == 64
    assert "like mysql:/etc/mail/mysql.conf" in done.stderr


def test_a_configuration_that_can_not_be_read_is_a_table_not_examined(libexec, mail):
    done = doctor(libexec, mail, "--json", f"mysql:{mail}/none.conf")
    (table,) = json.loads(done.stdout)["tables"]
    assert "No such file" in table["why"]
    assert done.returncode == 3
