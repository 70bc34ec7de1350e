"""check_tablewatch(1) and docs/nagios.md say what the program does."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from tests.cli.check.scene import reply
from tests.support.programs import need
from tests.support.statuses import down, host, report, troubled, well

from tablewatch.cli.check import main as program
from tablewatch.cli.check.metrics import METRICS
from tablewatch.cli.check.options import MAX_SECONDS, SOCKET, _parser, parse
from tablewatch.cli.check.ranges import parse_range
from tablewatch.cli.check.states import State
from tablewatch.config.settings import DEFAULT_CONFIG

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "man" / "check_tablewatch.1"
MANUAL = PAGE.read_text()
GUIDE = (ROOT / "docs" / "nagios.md").read_text()
COMMAND = re.compile(r"^ *\$ (check_tablewatch.*)$", re.M)


def section(name):
    """Return the text of a section of the manual."""
    return re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", MANUAL, re.M | re.S)[1]


def test_mandoc_finds_nothing_to_complain_about():
    command = [need("mandoc"), "-T", "lint", "-W", "style", str(PAGE)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    # Which other manuals are installed is no matter of this one.
    assert [line for line in said.splitlines() if "referenced manual not found" not in line] == []


def test_the_manual_has_every_option():
    for action in _parser()._actions:
        short, long = ([None, *action.option_strings])[-2:]
        flags = f"Fl {short[1:]} , Fl {long[1:]}" if short else f"Fl {long[1:]}"
        assert re.search(rf"^\.It {flags}\b", section("DESCRIPTION"), re.M), flags


def test_the_manual_has_no_other_options():
    known = {flag for action in _parser()._actions for flag in action.option_strings}
    named = {f"-{each}" for each in re.findall(r"\bFl (-?[a-zA-Z-]+)", MANUAL)}
    assert named == known


def test_the_manual_has_every_metric_and_its_unit():
    text = section("METRICS")
    items = re.findall(r"^\.It Cm (.*)\n((?:(?!\.It|\.El).*\n)*)", text, re.M)
    told = {name: body for names, body in items for name in names.split(" , ")}
    assert set(told) == set(METRICS)
    for name, metric in METRICS.items():
        assert (f".Pq {metric.unit}" in told[name]) is bool(metric.unit), name


def test_the_manual_has_every_state_and_status():
    assert re.findall(r"^\.It (\w+)$", section("STATES"), re.M) == [each.name for each in State]
    for state in State:
        assert f".It {state.value}\n{state.name}" in section("EXIT STATUS")


def test_the_manual_tells_each_range_as_it_is():
    told = dict(re.findall(r"^\.It (\S+)\n(.*)$", section("RANGES"), re.M))
    assert len(told) == 5
    wrong = {
        "less than 0 or more than 10": {-1, 11, 15, 25},
        "less than 10": {-1, 5},
        "more than 10": {11, 15, 25},
        "less than 10 or more than 20": {-1, 5, 25},
        "from 10 to 20": {10, 11, 15},
    }
    for text, words in told.items():
        alerts = parse_range(text).alerts
        assert {each for each in (-1, 5, 10, 11, 15, 25) if alerts(each)} == wrong[words]


def test_the_defaults_of_the_manual_are_those_of_the_program():
    options = parse([])
    assert f"Default {options.seconds:g}:{options.late.name}.\n" in MANUAL
    assert f".Pa {SOCKET} ,\n" in MANUAL
    assert f".Pa {DEFAULT_CONFIG} .\n" in MANUAL
    assert "by default 10099." in MANUAL
    assert parse(["-H", "mx"]).url.endswith(":10099")
    assert MAX_SECONDS == 3600


@pytest.mark.parametrize("text", [MANUAL, GUIDE], ids=["manual", "guide"])
def test_every_command_that_is_shown_is_understood(text):
    shown = COMMAND.findall(text.replace("\\e\n", ""))
    assert len(shown) >= 4
    for each in shown:
        program, *arguments = shlex.split(each)
        assert program == "check_tablewatch"
        parse(arguments)


def shown_outputs():
    """Return the commands of the guide that are shown with what they print."""
    found = []
    for block in re.findall(r"(?:^    .*\n)+", GUIDE, re.M):
        command, _, printed = block.partition("\n")
        if printed.lstrip().startswith("TABLEWATCH"):
            arguments = shlex.split(command.strip().removeprefix("$ check_tablewatch"))
            found.append(pytest.param(arguments, printed, id=" ".join(arguments) or "none"))
    return found


@pytest.mark.parametrize(("arguments", "printed"), shown_outputs())
def test_every_output_that_is_shown_is_what_is_printed(daemon, capsys, arguments, printed):
    tables = [well()] if arguments else [well("aliases"), troubled(), down()]
    daemon.says = reply(host(*map(report, tables)))
    program.main(["-s", daemon.path, *arguments])
    said = capsys.readouterr().out.splitlines()
    lines = [line.removeprefix("    ") for line in printed.splitlines()]
    assert len(said) == len(lines)
    for line, wanted in zip(said, lines, strict=True):
        assert line.startswith(wanted.removesuffix("..."))
        assert line == wanted or wanted.endswith("...")


def test_outputs_are_shown():
    assert len(shown_outputs()) == 3


def test_every_message_in_the_table_of_troubles_is_one_of_ours():
    messages = re.findall(r"^\| `([^`]+)` \|", GUIDE.partition("## When it does not work")[2], re.M)
    source = "".join(
        file.read_text()
        for folder in ("cli/check", "control")
        for file in (ROOT / "src" / "tablewatch" / folder).glob("*.py")
    )
    assert len(messages) == 4
    for message in messages:
        words = message.removesuffix(" 10 s")
        assert words in source, message
