"""rc.d/tablewatchd, run in a Korn shell.

Always under a small rc.subr of our own; under OpenBSD's, too, where TABLEWATCH_RC_SUBR names a copy
of it (etc/rc.d/rc.subr of the OpenBSD sources; it is not ours to ship).
"""

import os
import re
import socket
import stat
import subprocess
from pathlib import Path

import pytest
from tests.rcd.stage import HERE, SCRIPT, Stage
from tests.support.programs import need

from tablewatch.config.daemon_settings import DaemonSettings

THEIRS = os.environ.get("TABLEWATCH_RC_SUBR", "")
TEXT = SCRIPT.read_text()
# Set by rc.subr for the script, or by the script for rc.subr.
BY_OTHERS = "SC1091,SC2034,SC2154"
UNQUOTED = "SC2086"  # rc_cmd $1, as every script has it


@pytest.fixture(params=[str(HERE / "rc.subr"), *([THEIRS] if THEIRS else [])])
def stage(request, tmp_path):
    made = Stage(tmp_path, request.param, need("mksh"))
    made.configure(listen="[]")
    yield made
    made.close()


@pytest.fixture
def started(stage):
    assert stage.rc("start") == (0, "tablewatchd(ok)")
    stage.until(lambda: "started; sockets in" in stage.log)
    return stage


@pytest.mark.skipif(not THEIRS, reason="TABLEWATCH_RC_SUBR does not name OpenBSD's rc.subr")
def test_it_was_tried_under_openbsds_rc_subr():
    assert Path(THEIRS).read_text().startswith("#\t$OpenBSD: rc.subr,v ")


def test_it_is_korn_shell():
    subprocess.run([need("mksh"), "-n", str(SCRIPT)], check=True)


def test_shellcheck_finds_nothing():
    command = [need("shellcheck"), "-s", "ksh", "-e", f"{BY_OTHERS},{UNQUOTED}", str(SCRIPT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_has_the_form_that_rc_subr_asks_for():
    lines = TEXT.splitlines()
    assert lines[0] == "#!/bin/ksh"
    assert lines[-1] == "rc_cmd $1"
    sourced = lines.index(". /etc/rc.d/rc.subr")
    for line, text in enumerate(lines):
        if re.match("daemon(_[a-z]+)?=", text):
            assert line < sourced, text
        if re.match(r"pexp=|rc_[a-z]+(=|\(\))", text):
            assert line > sourced, text
    assert re.fullmatch(r"[_a-zA-Z][_a-zA-Z0-9]*", SCRIPT.name)
    assert SCRIPT.stat().st_mode & stat.S_IXUSR


def test_it_runs_as_a_user_of_its_own_and_logs_to_syslog():
    assert 'daemon_user="_tablewatch"\n' in TEXT
    assert 'daemon_logger="daemon.info"\n' in TEXT
    assert "rc_bg=YES\n" in TEXT


def test_start_runs_one_daemon_with_its_directory_made_before(started):
    assert len(started.pids()) == 1
    assert started.installed() == [
        f"-d -o _tablewatch -g _tablewatch -m 0750 {started.incidents}",
        f"-d -o _tablewatch -g _smtpd -m 2751 {started.run}",
    ]
    assert "incidents:" not in started.log  # nothing to complain about
    assert stat.S_ISSOCK((started.run / "control.sock").stat().st_mode)
    assert started.rc("check") == (0, "tablewatchd(ok)")


def test_the_directories_are_those_that_are_configured_by_default():
    assert f'sockets="{DaemonSettings().directory}"\n' in TEXT
    assert f'incidents="{DaemonSettings().incidents_directory}"\n' in TEXT


def test_it_starts_without_a_place_for_incidents(stage):
    stage.incidents.write_text("in the way")
    assert stage.rc("start") == (0, "tablewatchd(ok)")
    stage.until(lambda: "started; sockets in" in stage.log)
    assert f"incidents: kept in memory alone: {stage.incidents}: Not a directory" in stage.log


def test_a_second_start_starts_nothing(started):
    before = started.pids()
    assert started.rc("start")[0] == 0
    assert started.pids() == before


def test_check_of_nothing_fails(stage):
    assert stage.rc("check") == (1, "tablewatchd(failed)")


def test_stop_ends_it_in_good_order(started):
    assert started.rc("stop") == (0, "tablewatchd(ok)")
    assert started.pids() == []
    assert list(started.run.iterdir()) == []
    assert "stopping (SIGTERM)" in started.log
    assert started.rc("check") == (1, "tablewatchd(failed)")


def test_reload_has_it_read_its_configuration(started):
    before = started.pids()
    started.configure(listen="[]", timeout="7s")
    assert started.rc("reload") == (0, "tablewatchd(ok)")
    started.until(lambda: f"settings read from {started.conf}" in started.log)
    assert started.pids() == before


def test_a_reload_of_a_bad_configuration_fails_and_changes_nothing(started):
    before = started.pids()
    started.configure(listn="[]")
    assert started.rc("reload") == (1, "tablewatchd(failed)")
    assert started.pids() == before
    assert f'{started.conf}:2: daemon.listn: unknown key; did you mean "listen"?' in started.log


def test_reload_of_nothing_fails(stage):
    assert stage.rc("reload")[0] == 1


def test_restart_is_another_process_at_the_same_place(started):
    before = started.pids()
    code, said = started.rc("restart")
    assert code == 0
    assert said.endswith("(ok)")
    assert "failed" not in said
    started.until(lambda: started.log.count("started; sockets in") == 2)
    assert len(started.pids()) == 1
    assert started.pids() != before
    assert (started.run / "control.sock").exists()


def test_a_restart_with_a_bad_configuration_leaves_the_old_one_running(started):
    before = started.pids()
    started.configure(timeout="soon")
    code, said = started.rc("restart")
    assert code == 1
    assert said.endswith("(failed)")
    assert started.pids() == before


def test_configtest_needs_no_daemon_and_disturbs_none(stage):
    assert stage.rc("configtest") == (0, "tablewatchd(ok)")
    assert "configuration OK" in stage.log
    assert not stage.run.exists()
    assert stage.rc("start")[0] == 0
    stage.until(lambda: "started; sockets in" in stage.log)
    before = stage.pids()
    assert stage.rc("configtest") == (0, "tablewatchd(ok)")
    assert stage.pids() == before


def test_a_start_with_a_bad_configuration_fails_and_says_why(stage):
    stage.configure(timeout="1h")
    assert stage.rc("configtest") == (1, "tablewatchd(failed)")
    assert stage.rc("start") == (1, "tablewatchd(failed)")
    assert stage.pids() == []
    assert "daemon.timeout: 1h is too long; write 100ms to 1m" in stage.log


def test_a_start_is_over_when_it_listens(stage):
    assert stage.rc("start") == (0, "tablewatchd(ok)")
    assert stat.S_ISSOCK((stage.run / "control.sock").stat().st_mode)


def test_a_start_fails_when_an_address_is_taken(stage):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        stage.configure(listen=f"'127.0.0.1:{other.getsockname()[1]}'")
        assert stage.rc("start") == (1, "tablewatchd(failed)")
    assert stage.pids() == []
    assert "somebody else listens there already" in stage.log


def test_a_daemon_whose_socket_was_removed_can_still_be_stopped(started):
    (started.run / "control.sock").unlink()
    assert started.rc("check") == (0, "tablewatchd(ok)")
    assert started.rc("stop") == (0, "tablewatchd(ok)")
    assert started.pids() == []


def test_a_daemon_that_is_switched_off_is_not_started(stage):
    stage.flags("NO")
    assert stage.rc("start") == (1, "")
    assert "need -f to force start" in stage.complaint.read_text()
    assert stage.pids() == []


def test_changed_flags_take_effect_with_a_restart(started):
    other = started.path / "other.yml"
    other.write_text(started.conf.read_text())
    other.chmod(0o644)
    assert started.rc("stop")[0] == 0
    started.flags(f"-v -f {other}")
    assert started.rc("start") == (0, "tablewatchd(ok)")
    started.until(lambda: started.log.count("started; sockets in") == 2)
    assert started.rc("check") == (0, "tablewatchd(ok)")
    assert started.rc("stop") == (0, "tablewatchd(ok)")
    assert started.pids() == []
