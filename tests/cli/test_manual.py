"""tablewatch(1) has every command, option and member of what is printed as JSON."""

import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from tests.support import incidents, statuses

from tablewatch.cli.completion_shells import tree
from tablewatch.cli.incident_view import listing
from tablewatch.cli.main import COMMANDS, make_parser
from tablewatch.cli.paper import Paper
from tablewatch.cli.status_view import body
from tablewatch.control import incident, status
from tablewatch.control.entries import QuarantineEntry
from tablewatch.control.incident_summary import Summary, summary

FILE = Path(__file__).parents[2] / "man" / "tablewatch.1"
MANUAL = FILE.read_text(encoding="utf-8")
GROUPS = ("/incidents", "/quarantine")  # commands that have others below them
NODES = [node for node in tree(make_parser(COMMANDS)) if node.path and node.path not in GROUPS]
INCIDENT = [each for each in vars(incident).values() if hasattr(each, "__slots__")]
RECORDS = [
    each for each in vars(status).values() if isinstance(each, type) and hasattr(each, "__slots__")
]


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.path)
def test_every_option_is_in_the_manual(node):
    name = node.path[1:].replace("/", " ")
    synopsis = MANUAL.partition(f".Cm {name}\n")[2].partition(".Nm tablewatch")[0]
    section = MANUAL.partition(f".Ss tablewatch {name.split()[0]}\n")[2]
    section = re.split(r"\n\.S[hs] ", section)[0]
    options = [word for word in node.words if word.startswith("--") and word != "--help"]
    assert options
    for option in options:
        assert f"Fl {option[1:]}" in synopsis, option
        if name != "uninstall":  # refers to install for what they have in common
            assert f"Fl {option[1:]}" in section, option


def members(title):
    """What is listed in a section as members of an object."""
    section = re.split(r"\n\.Sh ", MANUAL.partition(f".Sh {title}\n")[2])[0]
    listed = re.findall(r"^\.(?:It )?Ic (.*)$", section, re.M)
    return {word for line in listed for word in re.findall(r"[a-z_]+", line)}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_member_of_the_status_in_json_is_in_the_manual(record):
    assert {each.name for each in fields(record)} <= members("STATUS IN JSON")


def test_the_manual_lists_no_member_that_is_not_there():
    known = {each.name for record in RECORDS for each in fields(record)}
    assert members("STATUS IN JSON") <= known | {"level", "error", "condition"}


def test_the_members_of_an_incident_in_json_are_those_of_the_manual():
    known = {each.name for record in (Summary, *INCIDENT) for each in fields(record)}
    assert known | {"ok", "text", "incident", "incidents"} == members("INCIDENTS IN JSON")


def test_every_column_of_the_incidents_is_in_the_manual():
    titles = listing([summary(incidents.kept())], Paper())[0].split()
    section = MANUAL.partition(".Ss tablewatch incidents\n")[2].partition("\n.Ss ")[0]
    assert titles == ["ID", "TABLE", "STATE", "OPENED", "LASTED", "SEEN", "CAUSE"]
    for title in titles:
        assert f".It {title}\n" in section or title == "TABLE"


def test_every_member_of_the_other_answers_is_in_the_manual():
    known = {each.name for each in fields(QuarantineEntry)}
    assert known | {"ok", "text", "tables", "released", "entries", "total"} <= members(
        "COMMANDS IN JSON"
    )


def test_every_column_of_the_status_is_in_the_manual():
    titles = body(statuses.everything(), Paper())[0].split()
    assert titles[0] == "TABLE"
    for title in titles[1:]:
        assert f".It {title}\n" in MANUAL


def test_the_bounds_of_the_latencies_are_those_of_the_manual():
    assert (
        *(each / 1000 for each in (1, 2.5, 5, 10, 25, 50, 100)),
        *(0.5, 1, 5, 10),
    ) == status.LATENCY_BUCKETS
    assert "1, 2.5, 5, 10, 25, 50 and 100 milliseconds, half a\nsecond, 1, 5 and 10" in MANUAL


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_finds_nothing_to_complain_about():
    command = ["mandoc", "-T", "lint", "-W", "style", str(FILE)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    # Which other manuals are installed is no matter of this one.
    assert [line for line in said.splitlines() if "referenced manual not found" not in line] == []
