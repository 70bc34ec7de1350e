"""The command that runs the targets, with one that is broken on purpose."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import strategies as st
from tests.fuzz import __main__ as command
from tests.fuzz import coverage_engine
from tests.fuzz.outcome import Job
from tests.fuzz.target import Targets
from tests.fuzz.targets import TARGETS


@pytest.fixture
def targets(monkeypatch: pytest.MonkeyPatch) -> Targets:
    made = Targets()

    @made("holds", st.binary())
    def holds(data: bytes) -> None:
        """It always holds."""

    @made("breaks", st.binary())
    def breaks(data: bytes) -> None:
        """It never holds for long inputs."""
        assert len(data) < 3, "three bytes or more"

    monkeypatch.setattr(command, "TARGETS", made)
    return made


def run(work: Path, *arguments: str) -> int:
    return command.main([*arguments, "--engine", "hypothesis", "--work", str(work)])


@pytest.mark.usefixtures("targets")
def test_a_finding_is_kept_as_small_as_it_gets_and_can_be_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--seconds", "20", "--target", "breaks") == 1
    told = capsys.readouterr().out
    (kept,) = (tmp_path / "findings" / "breaks").iterdir()
    assert len(kept.read_bytes()) == 3
    assert "three bytes or more" in told
    assert "1 finding" in told
    (replay,) = [line for line in told.splitlines() if "--replay" in line]
    arguments = shlex.split(replay.partition("tests.fuzz ")[2])
    assert run(tmp_path, *arguments) == 1
    assert "breaks: broken" in capsys.readouterr().out
    kept.write_bytes(b"")
    assert run(tmp_path, *arguments) == 0
    assert "breaks: holds" in capsys.readouterr().out


@pytest.mark.usefixtures("targets")
def test_without_a_finding_the_figures_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--seconds", "0.2", "--target", "holds") == 0
    told = capsys.readouterr().out
    assert "1 target, 0.2 s each, with hypothesis" in told
    assert "runs" in told
    assert "no findings" in told


@pytest.mark.usefixtures("targets")
def test_the_list_tells_what_each_defends(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    told = capsys.readouterr().out
    assert "holds  (0 inputs kept)\n  It always holds.\n" in told


def test_every_line_of_the_list_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in told)
    assert len(told) > 2 * len(TARGETS)


@pytest.mark.usefixtures("targets")
def test_an_unknown_target_and_a_file_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--target", "song"]) == 2
    assert "no target song; --list shows" in capsys.readouterr().err
    assert command.main(["--replay", str(tmp_path / "none")]) == 2
    assert "can't read" in capsys.readouterr().err


@pytest.mark.skipif(not coverage_engine.available(), reason="atheris is not installed")
def test_the_engine_that_follows_the_code_finds_its_way(tmp_path: Path) -> None:
    outcome = coverage_engine.fuzz(TARGETS["lines"], Job(2.0, tmp_path), lambda outcome: None)
    assert (outcome.finding, outcome.trouble) == (None, "")
    assert outcome.runs > 10
    assert outcome.inputs > 1
    assert list((tmp_path / "inputs" / "lines").iterdir())
