"""The whole demo, as a program of its own."""

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from tablewatch.cli.demo.scenario import sessions

DEMO = "import sys; from tablewatch.cli.main import main; sys.exit(main())"
# table-watch as it must not be: it supervises nothing.
NO_SUPERVISOR = '#!/bin/sh\nexec "$(dirname "$0")/table-demo" "$1"\n'


@pytest.fixture
def world(tmp_path):
    """A directory for `tablewatch` itself, one for its temporary files, and its environment."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "tmp").mkdir()
    program = tmp_path / "bin" / "tablewatch"
    program.write_text(f"#!{sys.executable}\n{DEMO}\n")
    program.chmod(0o755)
    yield tmp_path
    assert remains(tmp_path) == ([], [])


def remains(world):
    running = []
    for process in psutil.process_iter():
        try:
            if any(str(world / "tmp") in word for word in process.cmdline()):
                running.append(process.cmdline())
        except psutil.Error:
            continue
    return running, list((world / "tmp").iterdir())


def start(world, *options):
    return subprocess.Popen(
        [sys.executable, str(world / "bin" / "tablewatch"), "demo", "--quick", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(world / "tmp"), "PYTHONIOENCODING": "utf-8"},
        encoding="utf-8",
    )


def test_the_numbers_show_what_tablewatch_is_for(world):
    with start(world, "--json") as demo:
        output, errors = demo.communicate()
    assert errors == ""
    numbers = json.loads(output)
    assert numbers["problems"] == []
    assert demo.returncode == 0
    bare, watched = numbers["bare"], numbers["tablewatch"]

    assert bare["poisoned_login_s"] is None
    assert bare["others_answered_right"] == 0
    assert bare["left_over_processes"] == 1
    assert bare["left_over_retries_per_s"] > 0
    assert bare["connections"] >= bare["retries"] - 1 > 100
    # Three lines per retry; the last ones may still be in the pipe.
    assert 2 * bare["retries"] < bare["stderr_lines"] <= 3 * bare["retries"] + 3

    assert watched["others_answered_right"] == watched["others_after"] > 0
    assert watched["poisoned_login_s"] > watched["repeated_login_s"]
    assert 1 <= watched["connections"] < bare["connections"] / 10
    assert watched["connections_by_repetition"] == 0
    assert watched["cpu_share"] < bare["cpu_share"]
    assert watched["left_over_processes"] == 0
    assert watched["stderr_lines"] < bare["stderr_lines"] / 10
    assert [each["reply"] for each in watched["sessions"]] == [
        int(session.expected) for session in sessions()
    ]


def test_a_supervisor_that_does_not_help_is_told_and_fails_the_demo(world):
    program = world / "bin" / "table-watch"
    program.write_text(NO_SUPERVISOR)
    program.chmod(0o755)
    with start(world) as demo:
        output, errors = demo.communicate()
    assert errors == ""
    assert demo.returncode == 1
    assert "tablewatch did not do what it promises" in output
    assert "login carol@example.org: never answered" in output
    assert "\x1b" not in output
    assert max(map(len, output.splitlines())) <= 79


@pytest.mark.parametrize(
    ("part", "number", "status"),
    [
        ("1. Bare", signal.SIGINT, 130),
        ("1. Bare", signal.SIGTERM, 143),
        ("1. Bare", signal.SIGHUP, 129),
        ("2. Supervised", signal.SIGINT, 130),
    ],
)
def test_a_signal_ends_everything(world, part, number, status):
    with start(world) as demo:
        while part not in demo.stdout.readline():
            assert demo.poll() is None
        while "is looked up" not in demo.stdout.readline():
            assert demo.poll() is None
        demo.send_signal(number)
        demo.communicate()
    assert demo.returncode == status


def test_a_reader_that_leaves_ends_everything(world):
    with start(world) as demo:
        while "is looked up" not in demo.stdout.readline():
            assert demo.poll() is None
        demo.stdout.close()
        errors = demo.stderr.read()
    assert errors == ""
    assert demo.returncode == 141
