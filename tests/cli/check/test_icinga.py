"""Icinga 2 reads our example, and runs the plugin: OK, CRITICAL, OK."""

import os
import pwd
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.cli.check.scene import FakeDaemon, plugin, reply
from tests.support.programs import need
from tests.support.statuses import down, host, report, well

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "nagios" / "icinga2.conf"
PATIENCE = 120  # seconds; a check takes a fraction of one

BASE = """
include <itl>
const PluginContribDir = "{directory}"
include "{example}"
"""

MAIL_SERVER = """
object Host "mx.example.org" {{
  check_command = "dummy"
  vars.tablewatch = true
  vars.tablewatch_socket = "{directory}/control.sock"
  vars.tablewatch_tables["creds"] = {{ tablewatch_warning = [ "failed=5", "p99=1" ] }}
  vars.tablewatch_tables["users"] = {{ }}
}}
"""

# Each result is appended to a file: its state, its text, its performance data.
FIELDS = ("name", "state", "output", "perfdata")
TEMPLATE = "\\t".join(f"$service.{field}$" for field in FIELDS) + "\\tEND"
SCHEDULE = """
object CheckerComponent "checker" {{ }}

object PerfdataWriter "results" {{
  rotation_interval = 1s
  service_perfdata_path = "{directory}/results"
  service_temp_path = "{directory}/writing"
  host_perfdata_path = "{directory}/host-results"
  host_temp_path = "{directory}/host-writing"
  service_format_template = "{template}"
}}

template Service "often" {{
  host_name = "mx.example.org"
  check_command = "tablewatch"
  check_interval = 0.5s
  retry_interval = 0.5s
  vars.tablewatch_timeout = "60"
}}

object Service "often" {{
  import "often"
}}

object Service "limits" {{
  import "often"
  vars.tablewatch_table = [ "creds" ]
  vars.tablewatch_warning = [ "last-good=300", "budget=-5:" ]
  vars.tablewatch_critical = [ "breaker=~:60" ]
  vars.tablewatch_metric = "memory"
}}
"""


class Icinga:
    """Icinga 2 with a directory of its own."""

    def __init__(self, directory):
        self.directory = directory
        plugin(directory)
        (directory / "run").mkdir()

    def command(self, text, *arguments):
        config = self.directory / "icinga2.conf"
        config.write_text(text.format(directory=self.directory, example=EXAMPLE, template=TEMPLATE))
        me = pwd.getpwuid(os.geteuid()).pw_name
        here = {
            **dict.fromkeys(("DataDir", "CacheDir", "LogDir", "SpoolDir"), self.directory),
            "InitRunDir": self.directory / "run",
            "PidPath": self.directory / "run" / "icinga2.pid",
            "NodeName": "monitor.example.org",
            "RunAsUser": me,
            "RunAsGroup": me,
        }
        defined = [f"-D{name}={value}" for name, value in here.items()]
        return [need("icinga2", "icinga2-bin"), "daemon", "-c", str(config), *defined, *arguments]

    def validate(self, text):
        done = subprocess.run(
            self.command(text, "-C"), capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def results(self, service):
        """All there is so far of one service, oldest first, as (state, lines, perfdata)."""
        found = []
        for file in sorted(self.directory.glob("results.*")):
            for each in file.read_text().split("\tEND\n")[:-1]:
                name, state, text, perfdata = each.split("\t")
                if name == service:
                    found.append((state, text.splitlines(), perfdata.split()))
        return found

    def wait_for(self, service, state):
        """Return the next result of that state that begins after now."""
        seen = len(self.results(service))
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            for result in self.results(service)[seen:]:
                if result[0] == state:
                    return result
            time.sleep(0.1)
        pytest.fail(f"{service} is not {state}: {self.results(service)[-3:]}\n{self.log()}")

    def log(self):
        return (self.directory / "stdout").read_text()[-3000:]

    def __enter__(self):
        command = self.command(BASE + MAIL_SERVER + SCHEDULE)
        with (self.directory / "stdout").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        return self

    def __exit__(self, *_):
        os.killpg(self._process.pid, signal.SIGKILL)  # it has several processes
        self._process.wait()


@pytest.fixture
def icinga(tmp_path):
    need("icinga2", "icinga2-bin")
    return Icinga(tmp_path)


def test_the_example_is_valid_without_any_host(icinga):
    status, said = icinga.validate(BASE)
    assert status == 0, said


def test_a_host_with_tables_has_a_service_for_all_and_one_for_each(icinga):
    status, said = icinga.validate(BASE + MAIL_SERVER)
    assert status == 0, said
    assert "Instantiated 3 Services." in said


def test_the_host_in_the_comment_is_valid(icinga):
    comment = re.search(r"(?s) \*   object Host .*?\n \*   }\n", EXAMPLE.read_text())[0]
    shown = "\n".join(line.removeprefix(" *") for line in comment.splitlines())
    # Its agent, and the template every installation has.
    more = 'object Endpoint "mx.example.org" {{ }}\n'
    more += 'object Zone "mx" {{ endpoints = ["mx.example.org"]; parent = "here" }}\n'
    more += 'object Endpoint "monitor.example.org" {{ }}\n'
    more += 'object Zone "here" {{ endpoints = ["monitor.example.org"] }}\n'
    more += 'template Service "here" default {{ zone = "here" }}\n'
    more += 'template Host "generic-host" {{ check_command = "dummy" }}\n'
    status, said = icinga.validate(BASE + more + shown.replace("{", "{{").replace("}", "}}"))
    assert status == 0, said
    assert "Instantiated 2 Services." in said


def test_a_real_scheduler_sees_ok_critical_and_ok(icinga):
    good = reply(host(report(well("creds")), report(well("users"))))
    bad = reply(host(report(well("creds")), report(down("users"))))
    with FakeDaemon(icinga.directory / "control.sock", good) as daemon, icinga:
        _, lines, perfdata = icinga.wait_for("often", "OK")
        assert lines == ["TABLEWATCH OK: 2 tables are well "]
        assert perfdata[-2:] == ["requests.users=2001c", "failures.users=5c"]
        daemon.says = bad
        _, lines, perfdata = icinga.wait_for("often", "CRITICAL")
        assert lines == [
            "TABLEWATCH CRITICAL: users: the database can't be reached (5m12s) ",
            "users: CRITICAL for 5m12s: the database can't be reached",
            "  done: left alone",
            "  to do: start it",
        ]
        assert "critical=1;;;0;2" in perfdata
        daemon.says = good
        icinga.wait_for("often", "OK")


def test_every_argument_of_the_command_arrives(icinga):
    slow = well("creds", last_good=301.0)
    with FakeDaemon(icinga.directory / "control.sock", reply(host(report(slow)))), icinga:
        _, lines, perfdata = icinga.wait_for("limits", "WARNING")
    assert lines[0] == "TABLEWATCH WARNING: creds: last-good 301s is outside 300 "
    assert perfdata == [
        "memory.creds=19500000B;;;0",
        "last-good.creds=301s;300;;0",
        "budget.creds=12.5;-5:",
        "breaker.creds=0s;;~:60;0",
    ]


def test_a_daemon_that_goes_away_and_comes_back_is_seen(icinga):
    good = reply(host(report(well("creds"))))
    with icinga:
        _, lines, perfdata = icinga.wait_for("often", "CRITICAL")
        assert lines[0] == "TABLEWATCH CRITICAL: tablewatchd can't be reached"
        assert "rcctl start tablewatchd" in lines[1]
        assert perfdata == []
        with FakeDaemon(icinga.directory / "control.sock", good):
            icinga.wait_for("often", "OK")
        icinga.wait_for("often", "CRITICAL")
