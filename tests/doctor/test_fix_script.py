import shutil
import stat
import subprocess
from datetime import datetime

import pytest

from tablewatch.doctor import fix_script
from tablewatch.doctor.findings import Finding, Medium, Severity, Step
from tablewatch.errors import DoctorError

WHEN = datetime(2026, 11, 22, 12, 0)
FINDINGS = (
    Finding(
        "mysql-charset",
        Severity.CRITICAL,
        "mail.t: 1 column can't hold every character",
        "why",
        "creds, it's",
        "mail.t",
        "mail.t.a",
        (
            Step(Medium.PERSON, "Look first."),
            Step(
                Medium.SQL, "ALTER TABLE `it's`;\nSELECT '$HOME';", "", "a second", "mariadb mail"
            ),
            Step(Medium.SHELL, "smtpctl update table creds", note="afterwards"),
        ),
    ),
    Finding(
        "conf-exposed",
        Severity.WARNING,
        "Everybody can read it",
        "why",
        repair=(Step(Medium.SHELL, "chmod 0640 conf"),),
    ),
    Finding(
        "default",
        Severity.NOTE,
        "New tables\nget it\ntouch injected",
        "why",
        repair=(
            Step(Medium.FILE, "[mysqld]\nkey = value", "my.cnf"),
            Step(Medium.SQL, "ALTER TABLE mine;"),
            Step(Medium.SQL, "SELECT 1;\nEND_OF_SQL\ntouch injected", client="mariadb mail"),
        ),
    ),
    Finding("nothing", Severity.NOTE, "Nothing to do", "why"),
)


@pytest.fixture
def done(tmp_path):
    """What the script does, with programs that write down what they are given."""
    fix_script.write(str(tmp_path / "fix.sh"), FINDINGS, WHEN)
    for name in ("mariadb", "smtpctl", "chmod"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> log\n')
        program.chmod(0o755)
    (tmp_path / "mariadb").write_text('#!/bin/sh\necho "mariadb $*" >> log\ncat >> log\n')
    subprocess.run(
        ["/bin/sh", "fix.sh"],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "MARIADB": "mariadb --user=admin"},
        check=True,
        timeout=60,
    )
    return tmp_path


def test_it_does_what_is_to_be_done_and_lets_smtpd_ask_again_last(done):
    assert (done / "log").read_text().splitlines() == [
        "mariadb --user=admin mail",
        "ALTER TABLE `it's`;",
        "SELECT '$HOME';",
        "chmod 0640 conf",
        "smtpctl update table creds",
    ]
    assert not (done / "injected").exists()


def test_what_can_not_be_run_is_there_to_be_read():
    text = fix_script.text(FINDINGS, "fix.sh", WHEN)
    for line in (
        "# Look first.",
        "# Note: a second",
        "# In my.cnf:",
        "# > [mysqld]",
        "# > key = value",
        "# > ALTER TABLE mine;",
        "# > END_OF_SQL",
        "# mail.t: 1 column can't hold every character (table creds, it's)",
    ):
        assert f"{line}\n" in text
    assert "Nothing to do" not in text


def test_it_is_for_its_owner_only(tmp_path):
    path = tmp_path / "fix.sh"
    fix_script.write(str(path), FINDINGS, WHEN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["file", "link"])
def test_nothing_is_overwritten(tmp_path, kind):
    path = tmp_path / "fix.sh"
    if kind == "file":
        path.write_text("mine")
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DoctorError, match="there already"):
        fix_script.write(str(path), FINDINGS, WHEN)
    assert kind == "link" or path.read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_a_directory_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DoctorError, match="No such file"):
        fix_script.write(str(tmp_path / "none" / "fix.sh"), FINDINGS, WHEN)


def test_without_repairs_it_says_so():
    assert "There is nothing to repair" in fix_script.text(FINDINGS[-1:], "fix.sh", WHEN)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_has_nothing_to_say(tmp_path):
    fix_script.write(str(tmp_path / "fix.sh"), FINDINGS, WHEN)
    said = subprocess.run(
        ["shellcheck", str(tmp_path / "fix.sh")], capture_output=True, text=True, check=False
    )
    assert said.stdout == ""
