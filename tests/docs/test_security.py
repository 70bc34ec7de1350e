"""docs/security.md: every claim that something can't be done names a test, and every test is there.

Its tables are held against the settings, the unit, the rc.d script and the modules they tell of.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tablewatch.config.daemon_settings import (
    CONTROL_SOCKET,
    LINK_SOCKET,
    DaemonSettings,
)
from tablewatch.core.operator import MAX_PAUSE, MAX_REFUSAL
from tablewatch.daemon.confinement import PROMISES
from tablewatch.daemon.rounds import FRESH
from tablewatch.daemon.web.connection import Limits
from tablewatch.supervisor.reporter import _FRESH as REPORT_FRESH
from tablewatch.supervisor.tracer import PROGRAMS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())

# Links by reference: named in the text, and where they lead to at the end.
LINK = re.compile(r"\[(tests/[\w/]+\.py)::(test_\w+)\](?!:)")
TARGET = re.compile(r"^\[(tests/[\w/]+\.py)::(test_\w+)\]: (\S+)$", re.M)
LINKS = sorted(set(TARGET.findall(PAGE)))
# Of whom the page tells what they can and what they can't.
WHO = (
    "Somebody who can talk SMTP",
    "A hostile database",
    "A hostile backend",
    "Another user of the host",
    "A hostile tablewatchd",
    "Somebody who can read the page, and no more",
    "An operator",
)
# Where each item of a list is a claim.
CLAIMS = (
    "What files are trusted",
    "What our programs load and hand on",
    "Secrets",
    "HTTP",
)


@cache
def functions_of(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def section(title):
    """The text below a heading, up to the next."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert found, title
    return found[1]


def items(text):
    """The items of the lists in a text, each in one line."""
    return [" ".join(each.split()) for each in re.findall(r"^\* .*\n(?:  .*\n)*", text, re.M)]


@pytest.mark.parametrize(("path", "name", "target"), LINKS, ids=[each[1] for each in LINKS])
def test_every_test_that_is_named_is_there(path, name, target):
    assert target == f"../{path}"
    assert name in functions_of(path)


def test_every_test_in_the_text_is_a_link_and_every_link_is_in_the_text():
    assert {(path, name) for path, name, _ in LINKS} == set(LINK.findall(PAGE))
    assert len(LINKS) > 100
    assert PAGE.count("tests/") == 2 * len(LINKS) + len(LINK.findall(PAGE))


@pytest.mark.parametrize("title", WHO)
def test_what_somebody_cannot_do_names_a_test(title):
    can, between, cannot = section(title).partition("Can't")
    assert between
    assert "Can:" in can
    found = items(cannot.partition("\n\n")[2])
    assert items(can)
    assert found
    assert [each for each in found if not LINK.search(each)] == []


@pytest.mark.parametrize("title", CLAIMS)
def test_every_claim_names_a_test(title):
    found = items(section(title))
    assert found
    assert [each for each in found if not LINK.search(each)] == []


def test_the_promises_are_those_that_are_made_with_their_reasons():
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section("OpenBSD: pledge and unveil"), re.M)
    assert dict(rows) == PROMISES


def test_the_places_modes_and_users_are_those_of_the_settings_and_of_what_makes_them():
    settings = DaemonSettings()
    for place in (settings.directory, settings.incidents_directory):
        assert f"| `{place}/` |" in PAGE
    (address,) = settings.listen
    assert f"| `{address}`, HTTP |" in PAGE
    assert f"| `{LINK_SOCKET}` in it | `_tablewatch:_smtpd` 0660 |" in PAGE
    assert f"| `{CONTROL_SOCKET}` in it | `_tablewatch:_smtpd` 0666 |" in PAGE
    made = {
        "rc.d/tablewatchd": ('-g _smtpd -m 2751 "${sockets}"', '-m 0750 "${incidents}"'),
        "systemd/tablewatchd.service": ("-g opensmtpd -m 2751", "-m 0750 /var/db/tablewatch"),
    }
    for path, commands in made.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        assert [each for each in commands if each not in text] == []
    assert "`_tablewatch:_smtpd` 2751" in PAGE
    assert "`_tablewatch:_tablewatch` 0750" in PAGE
    assert settings.confine is False


def test_the_figures_are_those_of_the_program():
    assert f"{Limits().connections} clients are served at a time" in TEXT
    assert f"more than {round(1 / REPORT_FRESH)} reports".replace("5", "five") in TEXT
    assert FRESH >= REPORT_FRESH
    assert MAX_PAUSE == 86_400
    assert (
        f"for longer than a day, or refuse a key for longer than {MAX_REFUSAL / 86_400:.0f}" in TEXT
    )
    named = [f"`{each}`" for each in PROGRAMS.split(":")]
    assert f"{', '.join(named[:-1])} or {named[-1]}" in TEXT


def test_its_tables_are_whole():
    """A line of a table has as many cells as its head."""
    tables = re.findall(r"(?:^\|.*\|\n)+", PAGE, re.M)
    assert len(tables) == 4
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table


def test_lines_are_no_wider_than_is_read_well():
    """But for tables and the names of tests, which can't be broken."""
    lines = [line for line in PAGE.splitlines() if not line.startswith(("|", "["))]
    assert [line for line in lines if len(LINK.sub("", line)) > 115] == []
