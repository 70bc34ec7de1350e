"""Each script is run by its shell, as far as one can without a person at the keyboard."""

import argparse
import os
import shutil
import subprocess

import pytest

from tablewatch.cli import completion_shells
from tablewatch.cli.completion_shells import Takes
from tablewatch.cli.main import COMMANDS, make_parser

NODES = completion_shells.tree(make_parser(COMMANDS))
BY_PATH = {node.path: node for node in NODES}


def need(program):
    """Skip a test without `program`; in continuous integration, fail it."""
    if shutil.which(program) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is not installed", pytrace=False)
        pytest.skip(f"{program} is not installed")


@pytest.fixture
def shell(tmp_path):
    """Run a script in a shell, with a `tablewatch` that knows three tables."""
    program = tmp_path / "tablewatch"
    names = r"printf '%s\n' creds users '$(id)'"
    program.write_text(f"#!/bin/sh\n[ \"$*\" = 'completion --tables' ] && {names}\n")
    program.chmod(0o755)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a-file").touch()

    def shell(*command, script):
        need(command[0])
        result = subprocess.run(
            command,
            input=script,
            capture_output=True,
            text=True,
            cwd=tmp_path / "here",
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)},
            check=False,
        )
        assert result.stderr == ""
        return result.stdout.splitlines()

    return shell


def test_the_tree_is_the_parsers():
    assert set(BY_PATH[""].words) == {*COMMANDS, "--help", "--version"}
    assert set(BY_PATH["/quarantine"].words) == {"list", "release", "add", "--help"}
    assert BY_PATH["/quarantine/add"].takes.tables
    assert "credentials" in BY_PATH["/quarantine/add"].takes.words
    assert BY_PATH["/query"].options["--protocol"] == Takes(("auto", "text", "imsg"))
    assert BY_PATH["/query"].options["--table"].tables
    assert not BY_PATH["/query"].options["--user"].tables
    assert BY_PATH["/status"].options["--socket"].files
    assert "--watch" not in BY_PATH["/status"].options  # its argument may be missing
    assert set(BY_PATH["/completion"].takes.words) == {"bash", "fish", "ksh", "zsh"}


def test_a_help_with_quotes_is_quoted():
    parser = argparse.ArgumentParser(prog="tablewatch", add_help=False)
    parser.add_argument("--x", help="it's a \\ and a $(date)", action="store_true")
    nodes = completion_shells.tree(parser)
    assert "'--x:it'\\''s a \\ and a $(date)'" in completion_shells.zsh(nodes)
    assert "'it\\'s a \\\\ and a $(date)'" in completion_shells.fish(nodes)


CASES = [
    (["tablewatch", "qu"], {"query", "quarantine"}),
    (["tablewatch", "quarantine", ""], {"list", "release", "add", "--help"}),
    (["tablewatch", "quarantine", "list", "cr"], {"creds"}),
    (["tablewatch", "quarantine", "list", "$"], {"$(id)"}),
    (["tablewatch", "status", "--w"], {"--watch"}),
    (["tablewatch", "status", "creds", "--json", "us"], {"users"}),
    (["tablewatch", "reset", "--a"], {"--all"}),
    (["tablewatch", "query", "--protocol", ""], {"auto", "text", "imsg"}),
    (["tablewatch", "quarantine", "release", "creds", "--key", "cred"], {"credentials"}),
    (["tablewatch", "completion", "b"], {"bash"}),
    (["tablewatch", "pause", "--for", ""], set()),
    (["tablewatch", "demo", "x"], set()),
]


@pytest.mark.parametrize(("words", "offered"), CASES)
def test_bash_offers_what_begins_so(shell, words, offered):
    quoted = " ".join(f"'{word}'" for word in words)
    script = completion_shells.bash(NODES) + (
        f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _tablewatch\n"
        'for each in "${COMPREPLY[@]}"; do printf "%s\\n" "$each"; done\n'
    )
    assert set(shell("bash", "--norc", script=script)) == offered


ZSH = """
compdef() { :; }
_files() { print -r -- FILES; }
_describe() { local each; for each in "${(@P)2}"; do print -r -- "${each%%:*}"; done; }
compadd() { shift; print -rl -- "$@"; }
"""


@pytest.mark.parametrize(("words", "offered"), CASES)
def test_zsh_offers_that_and_perhaps_more_which_it_sorts_out_itself(shell, words, offered):
    quoted = " ".join(f"'{word}'" for word in words)
    script = (
        f"{ZSH}{completion_shells.zsh(NODES)}words=({quoted}); CURRENT={len(words)}; _tablewatch\n"
    )
    found = set(shell("zsh", "-f", script=script))
    assert {each for each in found if each.startswith(words[-1])} == offered
    assert all(each and not each.isspace() for each in found)


# A dollar sign begins a variable there, whatever the command.
FISH_CASES = [case for case in CASES if case[0][-1] != "$"]


@pytest.mark.parametrize(("words", "offered"), FISH_CASES)
def test_fish_offers_what_begins_so(shell, words, offered):
    line = " ".join(words)
    script = f"{completion_shells.fish(NODES)}complete -C '{line}'\n"
    found = {each.partition("\t")[0] for each in shell("fish", "--no-config", script=script)}
    if words[-1] == "" and offered:
        offered = {each for each in offered if not each.startswith("-")}  # shown when asked for
    assert {each for each in found if each.startswith(words[-1])} == offered


def test_files_are_offered_where_a_file_is_wanted(shell):
    script = f"{completion_shells.fish(NODES)}complete -C 'tablewatch status --socket a'\n"
    assert shell("fish", "--no-config", script=script) == ["a-file"]
    script = f"{completion_shells.fish(NODES)}complete -C 'tablewatch status a'\n"
    assert shell("fish", "--no-config", script=script) == []
    words = "words=(tablewatch status --socket a); CURRENT=4; _tablewatch\n"
    assert shell("zsh", "-f", script=f"{ZSH}{completion_shells.zsh(NODES)}{words}") == ["FILES"]


def test_ksh_completes_commands_first_and_then_everything(shell):
    script = completion_shells.ksh(NODES) + (
        'print -r -- "${complete_tablewatch_1[@]}"; print -r -- "${complete_tablewatch[@]}"\n'
    )
    first, later = (line.split() for line in shell("mksh", script=script))
    assert set(first) == set(BY_PATH[""].words)
    assert {"list", "credentials", "zsh", "--watch", "--all", "imsg"} <= set(later)
    assert not {"install", "status", "--version"} & set(later)
    assert len(later) == len(set(later))
