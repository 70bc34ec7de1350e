import json
import re
import signal
import subprocess
import sys

import pytest
from tests.cli.conftest import SOURCE, wait_until
from tests.cli.fake_daemon import status_reply
from tests.cli.screens import Screen
from tests.cli.test_activity import later
from tests.support import statuses

from tablewatch.cli.paper import Paper
from tablewatch.cli.watch import Latest
from tablewatch.errors import DaemonAbsent

GONE = DaemonAbsent("nobody listens")


def only(status):
    return statuses.host(statuses.report(status))


@pytest.fixture
def busy(daemon):
    """A daemon whose table has had fifty more lookups in ten more seconds whenever it is asked."""
    table = [statuses.well()]

    def answer(_):
        number = len(daemon.questions)
        table[0] = later(table[0], lookups=50 * number, failed=5 * number)
        return status_reply(only(table[0]))

    daemon.answers["status"] = answer
    return daemon


def screen(daemon, *arguments, **options):
    arguments = ("status", "--watch", "0.1", "--socket", daemon.path, *arguments)
    return Screen(*arguments, **options)


def test_what_was_heard_last_stays_while_nothing_comes():
    latest = Latest([])
    assert latest.exit_status == 3
    latest.heard(only(statuses.well()), 100.0)
    assert latest.exit_status == 0
    assert latest.notice(100.0, 2.0, Paper(80)) == ["every 2s; q quits"]
    latest.heard(GONE, 112.0)
    assert latest.host == only(statuses.well())
    assert latest.notice(112.0, 2.0, Paper(80)) == ["as of 12s ago: nobody listens"]
    assert latest.exit_status == 3
    latest.heard(only(statuses.troubled()), 114.0)
    assert latest.before == only(statuses.well())
    assert (latest.error, latest.exit_status) == ("", 1)


def test_a_table_that_is_no_longer_there_is_told_and_the_others_are_shown():
    latest = Latest(["creds", "usrs"])
    latest.heard(statuses.everything(), 0.0)
    assert latest.error == "no table usrs; did you mean users?"
    assert [each.table for each in latest.host.tables] == ["creds"]


def test_rates_are_shown_on_the_terminal(busy):
    with screen(busy) as watching:
        rows = watching.wait_for("creds", "496ms")
        assert re.search(r"LOOK/S +FAIL/S +p99", rows[3])
        assert rows[1] == "every 0.1s; q quits"


def test_the_last_report_stays_while_the_daemon_is_away_until_it_is_back(busy):
    with screen(busy) as watching:
        watching.wait_for("creds", "every 0.1s; q quits")
        busy.stop()
        rows = watching.wait_for("as of [0-9]+s ago: .* nobody listens", "creds ok")
        assert "q quits" not in "\n".join(rows)
        watching.wait_for("as of [1-9][0-9]*s ago: ")  # and it is seen to grow old
        busy.start()
        watching.wait_for("every 0.1s; q quits", "creds")
        watching.press(b"q")
        assert watching.end() == 0


def test_before_the_daemon_is_there_it_is_waited_for(daemon):
    daemon.stop()
    with screen(daemon) as watching:
        watching.wait_for("nobody listens")
        daemon.answers["status"] = status_reply(statuses.everything())
        daemon.start()
        watching.wait_for("users", "critical 5m12s")
        watching.press(b"q")
        assert watching.end() == 2


def test_keys_are_heeded_while_the_daemon_hangs(daemon):
    with screen(daemon) as watching:
        watching.wait_for("waiting for tablewatchd")
        wait_until(lambda: daemon.questions)
        watching.press(b"q")
        assert watching.end() == 3


def test_colour_is_for_terminals_and_only_without_no_color(busy):
    with screen(busy) as watching:
        watching.wait_for("ok 22h")
        assert "\x1b[32mok 22h" in watching.output
    with screen(busy, NO_COLOR="1") as watching:
        watching.wait_for("ok 22h")
        assert "\x1b[32m" not in watching.output


def test_a_terminal_that_can_do_nothing_gets_one_report_after_the_other(busy):
    with screen(busy, term="dumb") as watching:
        wait_until(lambda: (watching.rows(), watching.output.count("tablewatchd 0.1.0"))[1] > 1)
        assert "\x1b" not in watching.output
        watching.press(b"\x03")
        assert watching.end() == 130


def pipe(daemon, *arguments):
    command = [sys.executable, "-m", "tablewatch.cli.main", "status", "--watch", "0.1"]
    return subprocess.Popen(
        [*command, "--socket", daemon.path, *arguments],
        env={"PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_pipe_gets_report_after_report_each_behind_its_time(busy):
    with pipe(busy) as process:
        lines = [process.stdout.readline() for _ in range(15)]
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr.read() == ""
    stamps = [line for line in lines if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n", line)]
    assert len(stamps) >= 2
    assert "\x1b" not in "".join(lines)
    assert re.search(r"creds +ok 22h\d+m +\d+ +0\.5 +496ms", "".join(lines))


def test_as_json_each_report_is_a_line(busy):
    with pipe(busy, "--json") as process:
        first, second = (json.loads(process.stdout.readline()) for _ in range(2))
        process.stdout.close()
        assert process.wait() == 141  # noticed with the next report
        assert process.stderr.read() == ""
    assert first["level"] == second["level"] == "ok"
    assert second["tables"][0]["status"]["age"] > first["tables"][0]["status"]["age"]


def test_a_pipe_is_told_on_stderr_of_a_daemon_that_is_away_and_goes_on_when_it_is_back(busy):
    with pipe(busy) as process:
        assert process.stdout.readline()
        busy.stop()
        assert "nobody listens" in process.stderr.readline()
        busy.start()
        asked = len(busy.questions)
        wait_until(lambda: len(busy.questions) > asked + 1)
        process.terminate()
        assert process.wait() == -signal.SIGTERM
        assert process.stdout.read().count("tablewatchd 0.1.0") > 1
        process.stderr.read()
