"""tablewatchd(8) says what the program, its service files and the web configuration are like."""

import dataclasses
import re
import subprocess
from pathlib import Path

import pytest
from tests.support.programs import need

from tablewatch.daemon.main import PATIENCE, USAGE
from tablewatch.daemon.web import web_config

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "man" / "tablewatchd.8"
TEXT = PAGE.read_text()
EXAMPLES = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", TEXT, re.M | re.S)


def test_mandoc_finds_nothing_to_complain_about():
    command = [need("mandoc"), "-T", "lint", "-W", "style", str(PAGE)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    # Which other manuals are installed is no matter of this one.
    assert [line for line in said.splitlines() if "referenced manual not found" not in line] == []


def test_the_options_are_those_of_the_program():
    synopsis = TEXT.partition(".Sh SYNOPSIS")[2].partition(".Sh")[0]
    assert re.findall(r"\.Op Fl (.*)", synopsis) == ["dnv", "f Ar file"]
    assert USAGE == "usage: tablewatchd [-dnv] [-f file]\n"
    assert re.findall(r"^\.It Fl (\S+)", TEXT, re.M) == ["d", "f", "n", "v", "-version"]


def test_every_page_that_is_served_is_there():
    routes = (ROOT / "src/tablewatch/daemon/web/routes.py").read_text()
    served = re.findall(r'^            "(/[^"]*)": self\._', routes, re.M)
    assert len(served) >= 5
    assert set(re.findall(r"^\.It Pa (/\S*)$", TEXT, re.M)) >= set(served)


def test_every_key_of_the_web_configuration_is_there():
    for field in dataclasses.fields(web_config.TlsSettings):
        assert re.search(rf"^\.It Ic .*\b{field.name}\b", TEXT, re.M), field.name
    for word in ("RequireAndVerifyClientCert", "VerifyClientCertIfGiven", "NoClientCert"):
        assert re.search(rf"\bCm {word}\b", TEXT)
        assert word in (web_config.REQUIRED, web_config.ANY_CLIENT, web_config.NO_CLIENT)


def test_the_example_of_a_web_configuration_is_valid(tmp_path):
    (example,) = [each for each in EXAMPLES if each.startswith("tls_server_config:")]
    path = tmp_path / "web.yml"
    path.write_text(example)
    path.chmod(0o640)
    found = web_config.load(str(path))
    assert found.tls is not None
    assert list(found.users) == ["prometheus"]


def test_the_directory_is_made_as_the_service_files_make_it():
    (command,) = [each for each in EXAMPLES if " -m 2751 " in each]
    words = command.split()[1:]
    script = (ROOT / "rc.d" / "tablewatchd").read_text()
    openbsd = " ".join(words).replace("_tablewatch ", '"${daemon_user}" ')
    assert openbsd.replace("/var/run/tablewatch", '"${sockets}"') in script
    unit = (ROOT / "systemd" / "tablewatchd.service").read_text()
    debian = " ".join(words).replace("_smtpd", "opensmtpd").replace("/var/run", "/run")
    assert f"ExecStartPre=+/usr/bin/{debian}\n" in unit
    (command,) = [each for each in EXAMPLES if " -m 0750 " in each]
    words = command.split()[1:]
    openbsd = " ".join(words).replace("_tablewatch ", '"${daemon_user}" ')
    assert openbsd.replace("/var/db/tablewatch/incidents", '"${incidents}"') in script
    assert f"ExecStartPre=-+/usr/bin/{' '.join(words)}\n" in unit


def test_what_its_examples_install_exists():
    named = re.findall(r"^# install .* ((?:rc\.d|systemd)/\S+) ", "".join(EXAMPLES), re.M)
    assert len(named) == 2
    for each in named:
        assert (ROOT / each).is_file()


def test_it_promises_no_more_patience_than_there_is():
    assert PATIENCE <= 10
    assert "never more than ten" in TEXT


@pytest.mark.parametrize(
    "said",
    [
        "started; ",
        "page and metrics at",
        "settings read from",
        "settings stay as they were;",
        "its supervisor is here, pid",
        "its supervisor has left, pid",
        "refused a supervisor:",
        "an incident is not kept:",
        "kept in memory alone:",
        "written again",
        "left alone:",
        "lines were not written",
        "internal error in",
        "stopping",
    ],
)
def test_the_lines_it_explains_are_really_logged(said):
    assert said in TEXT.replace(" Cm ", " ").replace(" Pq Ar signal", "")
    sources = (ROOT / "src/tablewatch/daemon").glob("*.py")
    assert any(said in each.read_text() for each in sources)
