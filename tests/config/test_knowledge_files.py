"""Patterns of the administrator's own: from the disk, if they can be trusted, read strictly."""

import os
import pwd
import re
import stat
from pathlib import Path

import pytest

from tablewatch.config import knowledge_files
from tablewatch.config.knowledge_files import directory_beside, read_directory
from tablewatch.config.pattern_kinds import (
    KEYS,
    LONGEST_PATTERN,
    LONGEST_STEP,
    LONGEST_TEXT,
    SHORTEST_START,
)
from tablewatch.config.pattern_reader import MAX_STEPS, parse
from tablewatch.config.patterns import MEDIA, OTHER_SIGNS, Pattern, PatternStep
from tablewatch.config.values import Word
from tablewatch.errors import ConfigError

ME = os.geteuid()
OTHER = 1 + max(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid < 60_000)
as_root = pytest.mark.skipif(ME != 0, reason="only root can give files away")

WHOLE = """\
patterns:
  quota:
    line:
    - 'warn: quota of * exceeded'
    - 'quota service: *'
    class: configuration
    sign: fatal
    cause: the user has no quota
    repair: give the user a quota, then smtpctl update table NAME
    steps:
    - shell: quota NAME
    - sql: |
        UPDATE quota
        SET x = 1;
    - file: /etc/quota.conf
      lines: |
        x = 1
    - person: ask the boss
    references: [quota(1), 'https://wiki.example.org/quota']
  maintenance:
    message: 'Maintenance until *'
    class: connection
    cause: the database is being worked on
"""
ONE = "patterns:\n  {}:\n    line: 'warn: quota of *'\n    class: query\n    cause: no quota\n"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "tablewatch.d"
    path.mkdir(mode=0o755)
    path.chmod(0o755)
    return path


def write(folder, text, name="local.yml", mode=0o644):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def problems_of(what, *arguments):
    with pytest.raises(ConfigError) as error:
        what(*arguments)
    return error.value.problems


def refused(text):
    """Return line, key and message of the one problem in `text`."""
    (problem,) = problems_of(parse, text, "/x.yml")
    assert problem.file == "/x.yml"
    return problem.line, problem.key, problem.message


# --- the directory


def test_it_is_beside_the_configuration_file():
    assert directory_beside("/etc/tablewatch.yml") == "/etc/tablewatch.d"
    assert directory_beside("/srv/other.conf") == "/srv/other.conf.d"


def test_without_a_directory_there_are_no_patterns(tmp_path):
    assert read_directory(str(tmp_path / "none")) == ()


def test_an_empty_directory_has_none(folder):
    assert read_directory(str(folder)) == ()


def test_the_files_are_read_in_the_order_of_their_names(folder):
    write(folder, ONE.format("b"), "20.yml")
    write(folder, ONE.format("a"), "30.yml")
    write(folder, ONE.format("c"), "10.yml")
    assert [each.name for each in read_directory(str(folder))] == ["c", "b", "a"]


def test_other_files_are_left_alone(folder):
    for name in ("README", "local.yml~", ".local.yml.swp", ".hidden.yml", "local.yml.bak"):
        write(folder, "patterns: nonsense", name)
    assert read_directory(str(folder)) == ()


def test_a_file_that_is_nearly_called_right_is_told_so(folder):
    write(folder, WHOLE, "local.yaml")
    (problem,) = problems_of(read_directory, str(folder))
    assert problem.message == "is not read; call it local.yml"


def test_a_pattern_knows_its_file_and_line(folder):
    path = write(folder, "\n" + ONE.format("a"))
    (pattern,) = read_directory(str(folder))
    assert (pattern.file, pattern.line_number) == (str(path), 3)


def test_a_name_in_two_files_is_refused(folder):
    first = write(folder, ONE.format("a"), "10.yml")
    second = write(folder, ONE.format("a"), "20.yml")
    (problem,) = problems_of(read_directory, str(folder))
    assert (problem.file, problem.line, problem.key) == (str(second), 2, "patterns.a")
    assert problem.message == f"stands twice, first in {first}:2; keep one of them"


def test_the_problems_of_all_files_are_told(folder):
    write(folder, "patterns: {a: {lin: x}}", "10.yml")
    write(folder, ONE.format("good"), "20.yml")
    write(folder, "patern: {}", "30.yml")
    found = problems_of(read_directory, str(folder))
    assert [Path(problem.file).name for problem in found] == ["10.yml", "30.yml"]


def test_there_is_a_limit_to_patterns(folder, monkeypatch):
    monkeypatch.setattr(knowledge_files, "MAX_PATTERNS", 2)
    for number in range(2):
        write(folder, ONE.format(f"p{number}"), f"{number}.yml")
    assert len(read_directory(str(folder))) == 2
    write(folder, ONE.format("p3"), "3.yml")
    (problem,) = problems_of(read_directory, str(folder))
    assert problem.message == "has 3 patterns in its files; 2 are the limit"


def test_there_is_a_limit_to_files(folder, monkeypatch):
    monkeypatch.setattr(knowledge_files, "MAX_FILES", 1)
    write(folder, ONE.format("a"), "1.yml")
    assert len(read_directory(str(folder))) == 1
    write(folder, ONE.format("b"), "2.yml")
    (problem,) = problems_of(read_directory, str(folder))
    assert "2 files; 1 are the limit" in problem.message


@pytest.mark.parametrize("bits", [stat.S_IWGRP, stat.S_IWOTH])
def test_a_file_others_may_write_is_refused(folder, bits):
    path = write(folder, WHOLE, mode=0o644 | bits)
    (problem,) = problems_of(read_directory, str(folder))
    assert "a pattern decides which keys are refused" in problem.message
    assert f"chmod go-w {path}" in problem.message


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_a_directory_others_may_write_is_refused(folder, mode):
    write(folder, WHOLE)
    folder.chmod(mode)
    (problem, *_) = problems_of(read_directory, str(folder))
    assert "files could be added" in problem.message
    assert f"chmod go-w {folder}" in problem.message


@as_root
def test_a_file_of_somebody_else_is_refused(folder):
    path = write(folder, WHOLE)
    os.chown(path, OTHER, -1)
    (problem,) = problems_of(read_directory, str(folder))
    assert f"run: chown root {path}" in problem.message


@as_root
def test_a_directory_that_is_closed_is_told(folder):
    write(folder, WHOLE)
    folder.chmod(0o700)
    os.seteuid(OTHER)
    try:
        (problem,) = problems_of(read_directory, str(folder))
    finally:
        os.seteuid(0)
    assert "can't be read" in problem.message or "permission denied" in problem.message


def test_what_is_no_directory_is_told(tmp_path):
    path = write(tmp_path, WHOLE, "tablewatch.d")
    (problem,) = problems_of(read_directory, str(path))
    assert problem.message.startswith("is no directory; ")


def test_a_large_file_is_refused(folder):
    write(folder, "#" * ((1 << 20) + 1))
    (problem,) = problems_of(read_directory, str(folder))
    assert "larger than 1 MiB" in problem.message


# --- what is written


def test_everything_that_can_be_written():
    quota, maintenance = parse(WHOLE, "/x.yml")
    assert quota == Pattern(
        "quota",
        lines=("warn: quota of * exceeded", "quota service: *"),
        error_class="configuration",
        sign="fatal",
        cause="the user has no quota",
        repair="give the user a quota, then smtpctl update table NAME",
        steps=(
            PatternStep("shell", "quota NAME"),
            PatternStep("sql", "UPDATE quota\nSET x = 1;"),
            PatternStep("file", "x = 1", "/etc/quota.conf"),
            PatternStep("person", "ask the boss"),
        ),
        references=("quota(1)", "https://wiki.example.org/quota"),
        file="/x.yml",
        line_number=2,
    )
    assert maintenance.messages == ("Maintenance until *",)
    assert maintenance.sign == "error"


@pytest.mark.parametrize("text", ["", "# nothing\n", "patterns:\n", "patterns: {}\n"])
def test_nothing_is_nothing(text):
    assert parse(text, "/x.yml") == ()


@pytest.mark.parametrize("sign", OTHER_SIGNS)
def test_a_line_that_is_no_error_needs_no_class_and_no_cause(sign):
    (pattern,) = parse(f"patterns: {{a: {{line: abcd, sign: {sign}}}}}", "/x.yml")
    assert (pattern.sign, pattern.error_class, pattern.cause) == (sign, "", "")


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        ("paterns: {}", 1, "paterns", "patterns: is the only one"),
        ("- a", 1, "", "a list stands here; write keys (patterns)"),
        ("patterns: x", 1, "patterns", "write keys (the names of patterns)"),
        ("patterns:\n  Quota: {}", 2, "patterns.Quota", "no name of a pattern"),
        ("patterns:\n  a--b: {}", 2, "patterns.a--b", "no name of a pattern"),
        ("patterns:\n  " + "a" * 41 + ": {}", 2, "patterns." + "a" * 41, "40 at most"),
        ("patterns:\n  a: x", 2, "patterns.a", "write keys (line, message)"),
        ("patterns:\n  a: {lien: abcd}", 2, "patterns.a.lien", 'did you mean "line"?'),
        ("patterns:\n  a: {step: []}", 2, "patterns.a.step", 'did you mean "steps"?'),
        ("patterns:\n  a: {zzz: x}", 2, "patterns.a.zzz", "known here: line, message, class"),
        ("patterns:\n  a: {}", 2, "patterns.a", "has neither line nor message"),
        ("patterns:\n  a: {line: 'abc*def'}", 2, "patterns.a.line", '"abc*def" fits too much'),
        ("patterns:\n  a: {line: '*abcd'}", 2, "patterns.a.line", "at least 4 fixed characters"),
        ("patterns:\n  a:\n    line:\n    - abcd\n    - x", 5, "patterns.a.line", "fits too much"),
        ("patterns:\n  a: {line: [abcd, abcd]}", 2, "patterns.a.line", "stands twice"),
        ('patterns:\n  a: {line: "abcd\\t"}', 2, "patterns.a.line", "unprintable"),
        ("patterns:\n  a: {line: " + "x" * 301 + "}", 2, "patterns.a.line", "300 characters"),
        ("patterns:\n  a: {line: abcd, class: qury}", 2, "patterns.a.class", '"query"?'),
        ("patterns:\n  a: {line: abcd, sign: oops}", 2, "patterns.a.sign", "is not known"),
        ("patterns:\n  a: {line: abcd, cause: x}", 2, "patterns.a.class", "is missing; write quer"),
        ("patterns:\n  a: {line: abcd, class: query}", 2, "patterns.a.cause", "is missing; write"),
        (
            "patterns:\n  a: {line: abcd, sign: other, class: query, cause: x}",
            2,
            "patterns.a.class",
            "a line of sign other is no error; leave class out",
        ),
        (
            "patterns:\n  a: {message: abcd, sign: reconnect}",
            2,
            "patterns.a.sign",
            "a message is an error, and reconnect is none",
        ),
        (
            "patterns:\n  a: {line: abcd, class: query, cause: x, references: [y]}",
            2,
            "patterns.a.repair",
            "is missing; write in a sentence",
        ),
        (
            "patterns:\n  a: {line: abcd, class: query, cause: " + "x" * 161 + "}",
            2,
            "patterns.a.cause",
            f"has 161 characters; write one line of at most {LONGEST_TEXT} characters",
        ),
        ("patterns:\n  a: {line: abcd, cause: ''}", 2, "patterns.a.cause", "is empty"),
        ("patterns:\n  a: {line: abcd, cause: }", 2, "patterns.a.cause", "has no value"),
        ("patterns:\n  a: {steps: x}", 2, "patterns.a.steps", "is no list"),
        ("patterns:\n  a:\n    steps:\n    - x", 4, "patterns.a.steps", '"x" stands here'),
        ("patterns:\n  a: {steps: [{sq: x}]}", 2, "patterns.a.steps.sq", 'did you mean "sql"?'),
        ("patterns:\n  a: {steps: [{}]}", 2, "patterns.a.steps", "write one of sql, shell, file"),
        (
            "patterns:\n  a: {steps: [{sql: x, shell: y}]}",
            2,
            "patterns.a.steps",
            "write one of sql, shell, file, person for each step; lines go with file",
        ),
        ("patterns:\n  a: {steps: [{lines: x}]}", 2, "patterns.a.steps", "lines go with file"),
        ("patterns:\n  a: {steps: [{file: /x}]}", 2, "patterns.a.steps", "lines go with file"),
        ("patterns:\n  a: {steps: [{file: x, lines: y}]}", 2, "patterns.a.steps.file", "absolute"),
        ("patterns:\n  a: {steps: [{sql: ''}]}", 2, "patterns.a.steps.sql", "is empty"),
        (
            "patterns:\n  a: {steps: [{sql: " + "x" * 2001 + "}]}",
            2,
            "patterns.a.steps.sql",
            "has 2001 characters; write at most 2000 characters",
        ),
        ("patterns:\n  a: {line: !x abcd}", 2, "patterns.a.line", 'the YAML tag "!x"'),
        ("patterns:\n  a: [", 2, "", "column"),
    ],
)
def test_a_mistake_is_named_with_line_key_value_and_what_would_be_right(text, line, key, said):
    found = refused(text)
    assert found[:2] == (line, key)
    assert said in found[2]


def test_text_is_taken_as_it_stands_whatever_yaml_thinks_it_is():
    (pattern,) = parse("patterns: {a: {line: 12345, sign: other, repair: on}}", "/x")
    assert (pattern.lines, pattern.repair) == (("12345",), "on")


def test_a_name_that_stands_twice_in_a_file_is_told_with_the_first_line():
    line, key, message = refused(ONE.format("a") + ONE.format("a").partition("\n")[2])
    assert (line, key) == (6, "patterns.a")
    assert message == "stands twice, first in line 2; keep one of them"


def test_too_many_steps_are_told():
    steps = ", ".join("{sql: x}" for _ in range(21))
    _, key, message = refused(f"patterns: {{a: {{steps: [{steps}]}}}}")
    assert key == "patterns.a.steps"
    assert message == "has 21 steps; 20 are the limit"


def test_several_mistakes_are_all_told():
    found = problems_of(parse, "patterns: {a: {lien: x}, B: {}, c: {class: x, sign: y}}", "/x")
    assert len(found) == 4


def test_every_problem_is_one_line_that_fits_a_log():
    text = "patterns: {'\u0142\\n': {}, a: {'\u0142': x, line: '\x85" + "\u0142" * 400 + "'}}"
    for problem in problems_of(parse, text, "/x"):
        assert str(problem).isprintable()
        assert len(str(problem)) < 500


# --- the manual


MANUAL = (Path(__file__).parents[2] / "man" / "tablewatch.yml.5").read_text(encoding="utf-8")
SECTION = re.split(r"^\.Sh ", MANUAL.partition(".Sh PATTERNS OF YOUR OWN\n")[2], flags=re.M)[0]


def test_the_example_of_the_manual_can_be_used():
    (example,) = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", SECTION, re.M | re.S)
    maintenance, quota = parse(example, "/x.yml")
    assert maintenance.messages
    assert quota.steps


def test_the_manual_has_every_key_word_and_limit():
    assert set(re.findall(r"^\.It Ic ([\w-]+)$", SECTION, re.M)) == {*KEYS, "steps"}
    words = set(re.findall(r"^\.Cm ([\w-]+)", SECTION, re.M))
    written = {word for kind in KEYS.values() if isinstance(kind, Word) for word in kind.known}
    assert words == written | {*MEDIA, "lines"}
    limits = (40, LONGEST_PATTERN, LONGEST_STEP, LONGEST_TEXT, SHORTEST_START, MAX_STEPS)
    for limit in (*limits, knowledge_files.MAX_PATTERNS, knowledge_files.MAX_FILES):
        assert re.search(rf"\b{limit}\b", SECTION), limit
