"""The Nagios and NRPE examples: read by the real programs, and their command lines by ours."""

import os
import pwd
import re
import shlex
import socket
import subprocess
import time
from pathlib import Path

import pytest
from tests.cli.check.scene import FakeDaemon, place_for_everybody, plugin, reply
from tests.support.programs import need
from tests.support.statuses import down, host, report, well

from tablewatch.cli.check.options import parse

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "nagios"
NRPE = EXAMPLES / "nrpe.cfg"
NAGIOS = EXAMPLES / "nagios.cfg"
COMMANDS = dict(re.findall(r"^command\[(\w+)\]=(.*)$", NRPE.read_text(), re.M))
CHECK_NRPE = "/usr/lib/nagios/plugins/check_nrpe"

# What every installation has already.
BASICS = """
define command {
  command_name nothing
  command_line /bin/true
}
define timeperiod {
  timeperiod_name 24x7
  alias           always
  monday          00:00-24:00
}
define contact {
  contact_name                  admin
  host_notification_period      24x7
  service_notification_period   24x7
  host_notification_commands    nothing
  service_notification_commands nothing
  host_notification_options     d
  service_notification_options  c
}
define contactgroup {
  contactgroup_name admins
  alias             us
  members           admin
}
define host {
  host_name             mx.example.org
  alias                 mx
  address               192.0.2.25
  max_check_attempts    3
  check_command         nothing
  check_period          24x7
  contact_groups        admins
  notification_interval 60
  notification_period   24x7
}
"""


def test_nagios_finds_nothing_to_complain_about(tmp_path):
    nagios = need("nagios4", "nagios4-core")
    basics = tmp_path / "basics.cfg"
    basics.write_text(BASICS)
    main = tmp_path / "nagios.cfg"
    me = pwd.getpwuid(os.geteuid())
    main.write_text(
        f"nagios_user={me.pw_name}\nnagios_group={me.pw_gid}\n"
        "illegal_macro_output_chars=`~$&|'<>\n"
        f"log_file={tmp_path}/log\ncheck_result_path={tmp_path}\n"
        f"cfg_file={basics}\ncfg_file={NAGIOS}\n"
    )
    done = subprocess.run(
        [nagios, "-v", str(main)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "Checked 2 services." in done.stdout
    assert re.search(r"Total Errors: +0\n", done.stdout)
    assert re.search(r"Total Warnings: +0\n", done.stdout), done.stdout


def test_every_command_line_of_the_nagios_example_is_one_of_ours():
    text = NAGIOS.read_text()
    line = re.search(r"command_line\t\$USER1\$/check_tablewatch (.*)", text)[1]
    arguments = re.search(r"check_tablewatch_https!(.*)", text)[1]
    filled = line.replace("$HOSTNAME$", "mx.example.org").replace("$ARG1$", arguments)
    options = parse(shlex.split(filled))
    assert options.url == "https://mx.example.org:10099"
    assert options.tables == ("creds",)
    asked = re.search(r"check_tablewatch_nrpe!(\w+)", text)[1]
    assert asked in COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_nrpe_example_is_in_time(name):
    program, *arguments = shlex.split(COMMANDS[name])
    assert program == "/opt/tablewatch/bin/check_tablewatch"
    assert parse(arguments).seconds < 10, "check_nrpe would give up first"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Nrpe:
    """The real NRPE with our example, on loopback; it refuses to run as root."""

    def __init__(self, place, user, group, python, socket_path):
        self._program = need("nrpe", "nagios-nrpe-server")
        need(CHECK_NRPE, "nagios-nrpe-plugin")
        ours = f"{plugin(place, python, place / 'src')} -s {socket_path}"
        text = NRPE.read_text().replace("/opt/tablewatch/bin/check_tablewatch", ours)
        # A slow machine is not what is tried here.
        text = text.replace("-t 8", "-t 60")
        self.port = free_port()
        self._config = place / "nrpe.cfg"
        self._config.write_text(
            f"server_address=127.0.0.1\nserver_port={self.port}\nallowed_hosts=127.0.0.1\n"
            f"nrpe_user={user}\nnrpe_group={group}\npid_file={place}/nrpe.pid\n"
            f"dont_blame_nrpe=0\ncommand_timeout=60\n{text}"
        )

    def __enter__(self):
        # In the foreground, without TLS.
        self._process = subprocess.Popen(
            [self._program, "-n", "-f", "-c", str(self._config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin"},
        )
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def check(self, name):
        """Ask for `name` as a monitoring host does; again while NRPE is starting."""
        command = [
            CHECK_NRPE,
            "-n",
            "-H",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-t",
            "90",
            "-c",
            name,
        ]
        limit = time.monotonic() + 60
        while True:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            starting = "refused" in done.stdout + done.stderr and self._process.poll() is None
            if not starting or time.monotonic() > limit:
                return done.returncode, done.stdout
            time.sleep(0.1)


def test_nrpe_runs_every_command_and_hands_everything_on():
    good = reply(host(report(well("creds"))))
    with (
        place_for_everybody() as (place, *who),
        FakeDaemon(place / "control.sock", good) as daemon,
        Nrpe(place, *who, daemon.path) as nrpe,
    ):
        for name in COMMANDS:
            status, said = nrpe.check(name)
            assert status == 0, said
            assert said.startswith("TABLEWATCH OK: ")
        assert "'failed.creds'=0.25%;5;20;0;100" in nrpe.check("check_tablewatch_figures")[1]
        daemon.says = reply(host(report(down("creds"))))
        status, said = nrpe.check("check_tablewatch_creds")
        assert status == 2
        assert said.splitlines()[1:] == [
            "creds: CRITICAL for 5m12s: the database can't be reached",
            "  done: left alone",
            "  to do: start it",
        ]
        daemon.says = good
        assert nrpe.check("check_tablewatch_creds")[0] == 0
