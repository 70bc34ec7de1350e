"""systemd/tablewatchd.service: what systemd makes of it, and what it must not lose."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.programs import need

from tablewatch.config.daemon_settings import DaemonSettings
from tablewatch.daemon.main import PATIENCE

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "tablewatchd.service"
PROGRAM = "/opt/tablewatch/bin/tablewatchd"
SETTINGS = [
    tuple(line.split("=", 1)) for line in UNIT.read_text().splitlines() if re.match("[A-Z]", line)
]


def setting(key):
    (found,) = [value for name, value in SETTINGS if name == key]
    return found


def all_of(key):
    return [value for name, value in SETTINGS if name == key]


def test_systemd_understands_every_line(tmp_path):
    analyze = need("systemd-analyze", "systemd")
    copy = tmp_path / UNIT.name
    # It wants the programs and the manuals to be there.
    text = UNIT.read_text().replace(PROGRAM, shutil.which("true"))
    copy.write_text(re.sub("^Documentation=.*\n", "", text, flags=re.M))
    done = subprocess.run(
        [analyze, "verify", str(copy)], capture_output=True, text=True, timeout=120, check=False
    )
    assert [line for line in done.stderr.splitlines() if "tablewatchd.service" in line] == []
    copy.write_text(copy.read_text().replace("ProtectHome=yes", "ProtectHme=yes"))
    done = subprocess.run(
        [analyze, "verify", str(copy)], capture_output=True, text=True, timeout=120, check=False
    )
    assert "ProtectHme" in done.stderr


def test_it_is_exposed_to_little_in_systemds_own_account():
    command = [need("systemd-analyze", "systemd"), "security", "--offline=yes", "--threshold=13"]
    done = subprocess.run(
        [*command, str(UNIT)], capture_output=True, text=True, timeout=120, check=False
    )
    told = re.search(r"Overall exposure level for tablewatchd\.service: ([0-9.]+)", done.stdout)
    assert told, done.stderr
    assert float(told[1]) <= 1.3
    assert done.returncode == 0


def test_the_programs_are_where_the_readme_installs_them():
    readme = (ROOT / "README.md").read_text()
    assert f"{PROGRAM.rpartition('/')[0]}/pip install ." in readme
    assert setting("ExecStart") == PROGRAM


def test_the_directories_are_made_before_the_start_and_may_be_missing_until_then():
    directory = DaemonSettings().directory.replace("/var/run/", "/run/")
    incidents = DaemonSettings().incidents_directory
    make, also, check = all_of("ExecStartPre")
    assert make == f"+/usr/bin/install -d -o _tablewatch -g opensmtpd -m 2751 {directory}"
    # Where to keep incidents is no reason not to start.
    assert also == f"-+/usr/bin/install -d -o _tablewatch -g _tablewatch -m 0750 {incidents}"
    assert check == f"{PROGRAM} -n"
    assert setting("ReadWritePaths") == f"-{directory} -{incidents}"


def test_a_reload_checks_the_configuration_first():
    assert all_of("ExecReload") == [f"{PROGRAM} -n", "/bin/kill -HUP $MAINPID"]


def test_systemd_waits_longer_for_a_stop_than_a_stop_takes():
    assert int(setting("TimeoutStopSec")) > PATIENCE


# What its exposure consists of, by systemd's account; whatever comes in addition needs a reason.
EXPOSED = {
    "RootDirectory=/RootImage=": "Python and the configuration are the host's",
    "RestrictAddressFamilies=~AF_UNIX": "supervisors and tools come over two sockets",
    "RestrictAddressFamilies=~AF_(INET|INET6)": "HTTP",
    "PrivateNetwork=": "HTTP",
    "IPAddressDeny=": "listen in tablewatch.yml says who may come",
    "PrivateUsers=": "the kernel tells who connects",
    "ProcSubset=": "/proc/stat tells when it started",
    "DeviceAllow=": "ProtectClock lets the clock be read",
}


def test_each_exposure_that_is_left_has_its_reason():
    command = [need("systemd-analyze", "systemd"), "security", "--offline=yes", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    found = {line[1:].split()[0] for line in done.stdout.splitlines() if line.startswith("✗")}
    assert found
    assert found <= set(EXPOSED), done.stdout


def test_it_leaves_no_core_file_wherever_they_go():
    """See corefile.py: Linux does not heed a limit of 0 where core files go to a program."""
    assert setting("LimitCORE") == "1"


@pytest.mark.parametrize("key", ["PrivateUsers", "ProcSubset", "DynamicUser", "IPAddressDeny"])
def test_what_would_blind_it_is_left_out(key):
    assert all_of(key) == []


def test_it_runs_as_a_user_of_its_own_without_any_privilege():
    assert setting("User") == setting("Group") == "_tablewatch"
    assert setting("CapabilityBoundingSet") == setting("AmbientCapabilities") == ""
    assert setting("NoNewPrivileges") == "yes"
    assert setting("Type") == "notify"
