"""Repairs: for every error one, short enough to be shown, with steps that can be copied."""

import re

import pytest

from tablewatch.cli.main import main
from tablewatch.config.pattern_kinds import LONGEST_TEXT
from tablewatch.config.reader import parse
from tablewatch.knowledge import repairs
from tablewatch.knowledge.repair import Medium, Repair, lines, person, shell, sql
from tablewatch.knowledge.repairs import (
    backends,
    mysql_query,
    mysql_server,
    others,
    postgres,
    silent,
)
from tablewatch.knowledge.signatures import ERROR_TEXTS, SIGNATURES

MODULES = (backends, mysql_query, mysql_server, others, postgres)
NAMED = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, Repair)
} | silent.SILENT
REPAIRS = [pytest.param(repair, id=name) for name, repair in NAMED.items()]
STEPS = [
    pytest.param(step, id=f"{name} {number}")
    for name, repair in NAMED.items()
    for number, step in enumerate(repair.steps, 1)
]
# What stands for something that differs from host to host, in steps and summaries.
GAPS = {
    *("NAME", "CONF", "HOST", "USER", "PASSWORD", "DATABASE", "ADDRESS", "PORT", "PATH", "PID"),
    *("TABLE_NAME", "COLUMN_NAME", "FUNCTION_NAME", "VIEW_NAME", "SCHEMA_NAME", "COLUMN_NAME_IX"),
    *("NEW_DATABASE", "CONNINFO", "DBPATH", "RECOVERED", "SOCKET", "URL", "USERNAME", "BASEDN"),
    *("CA_FILE", "BACKEND", "SERVICE", "KEY", "HASH", "UID", "GID", "HOST1", "HOST2"),
}


@pytest.mark.parametrize("repair", REPAIRS)
def test_a_summary_fits_a_line_of_a_log_and_two_of_a_screen(repair):
    for text in (repair.summary, repair.for_table("customers").summary):
        assert 20 <= len(text) <= LONGEST_TEXT, len(text)
        assert text.isprintable()
        assert text.isascii()
        assert not text.endswith(".")


@pytest.mark.parametrize("repair", REPAIRS)
def test_a_repair_has_references_a_reader_can_follow(repair):
    assert repair.references or repair is silent.UNEXPLAINED or "mail log" in repair.summary
    for text in repair.references:
        assert re.match(r"https://[a-z.]+/|RFC \d+|[\w.-]+\(\d\)", text), text
        assert len(text) <= LONGEST_TEXT


@pytest.mark.parametrize("step", STEPS)
def test_a_step_fits_eighty_columns_beside_a_margin_and_is_plain(step):
    assert step.text.isascii()
    for line in step.text.replace("\t", "    ").split("\n"):
        assert line.isprintable()
        if step.medium is not Medium.PERSON:
            assert len(line) <= 100, line
    assert len(step.note) <= 100
    assert not step.note.endswith(".")
    assert bool(step.file) is (step.medium is Medium.FILE)


@pytest.mark.parametrize("step", STEPS)
def test_capitals_in_a_step_are_gaps_or_of_the_language(step):
    if step.medium is Medium.SHELL:
        words = set(
            re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", re.sub(r"'[^']*'|\"[^\"]*\"", "", step.text))
        )
        assert words <= GAPS | {"FNR", "UTF8"}, words - GAPS


@pytest.mark.parametrize("step", STEPS)
def test_lines_for_our_own_file_can_be_used_there(step):
    if step.file != "/etc/tablewatch.yml":
        return
    assert parse(step.text.replace("NAME", "creds"), "/x.yml").tables["creds"]


def commands():
    texts = {
        text for each in NAMED.values() for text in (each.summary, *(s.text for s in each.steps))
    }
    found = {word for text in texts for word in re.findall(r"\btablewatch ([a-z][a-z-]+)", text)}
    return sorted(found - {"replaces", "replace"})


def test_commands_are_named():
    assert {"query", "check-config", "reload"} <= set(commands())


@pytest.mark.parametrize("command", commands())
def test_a_command_of_ours_exists(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out


@pytest.mark.parametrize("known", [*ERROR_TEXTS, *SIGNATURES], ids=lambda known: known[0])
def test_every_error_has_a_repair_and_nothing_else_has(known):
    if known.error_class is None:
        assert known.repair is None
    else:
        assert known.repair in NAMED.values()


def test_no_repair_is_without_an_error():
    used = {each.repair for each in (*ERROR_TEXTS, *SIGNATURES)} | set(silent.SILENT.values())
    assert [name for name, repair in NAMED.items() if repair not in used] == []


def test_no_two_repairs_are_the_same():
    assert len(set(NAMED.values())) == len({id(repair) for repair in NAMED.values()})


def test_the_table_is_named_in_summary_and_steps_and_nowhere_else():
    repair = Repair(
        "then: smtpctl update table NAME",
        (sql("SET NAMES utf8mb4; -- TABLE_NAME"), shell("grep NAME"), lines("NAME", "NAME:")),
        ("NAME",),
    )
    named = repair.for_table("creds")
    assert named.summary == "then: smtpctl update table creds"
    assert [step.text for step in named.steps] == [
        "SET NAMES utf8mb4; -- TABLE_NAME",
        "grep creds",
        "creds:",
    ]
    assert named.references == ("NAME",)
    assert repair.for_table("") is repair


def test_an_odd_name_of_a_table_stays_one_word_in_a_shell():
    repair = Repair("x", (shell("smtpctl update table NAME"), person("the table NAME")))
    shell_step, person_step = repair.for_table("a b; rm -r \\1").steps
    assert shell_step.text == "smtpctl update table 'a b; rm -r \\1'"
    assert person_step.text == "the table a b; rm -r \\1"


def test_the_repair_of_the_incident_arrives_at_what_its_author_did():
    text = "\n".join(step.text for step in mysql_query.CONVERT_COLUMNS.steps)
    assert "information_schema.columns" in text
    assert "CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci" in text
    assert "character_set_server = utf8mb4" in text
    assert "collation_server = utf8mb4_general_ci" in text
    assert "doctor" in mysql_query.CONVERT_COLUMNS.summary


def test_the_package_says_what_its_modules_are_for():
    assert repairs.__doc__
