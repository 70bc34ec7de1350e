"""The core keeps its promises in some hundred simulated runs; see docs/simulation.md."""

import pytest
from tests.simulation import many
from tests.simulation.__main__ import main
from tests.simulation.coverage import kinds, transitions
from tests.simulation.plots import script_of
from tests.simulation.script import Script

SEEDS = 300


@pytest.fixture(scope="module")
def outcomes():
    return [many.one(seed) for seed in range(SEEDS)]


def test_no_promise_is_broken(outcomes):
    broken = [(seed, found) for seed, found, _ in outcomes if found]
    assert not broken, f"python -m tests.simulation --seed {broken[0][0]}"


def test_everything_happens(outcomes):
    counts = sum((counted for _, _, counted in outcomes[1:]), outcomes[0][2])
    assert [name for name in (*kinds(), *transitions()) if not counts[name]] == []
    assert counts["compared"] >= SEEDS // many.COMPARED


def test_a_seed_is_one_script_and_a_script_one_run():
    script = script_of(7)
    assert script == script_of(7)
    assert Script.load(script.dump()) == script
    first, second = many.run(script), many.run(script)
    assert first.transcript == second.transcript
    assert first.counts == second.counts


def test_every_step_may_be_left_out():
    """Otherwise a failing script could not be made short."""
    script = script_of(11)
    for number in range(len(script.steps)):
        shorter = script.with_steps(script.steps[:number] + script.steps[number + 1 :])
        assert many.run(shorter).violation is None


def test_what_is_no_script_is_refused(tmp_path, capsys):
    (tmp_path / "script").write_text('{"seed": 1}')
    assert main(["--replay", str(tmp_path / "script")]) == 2
    assert "give a script that was printed" in capsys.readouterr().err


def test_the_command_runs_seeds_and_says_how_often_everything_happened(capsys):
    assert main(["--seeds", "3", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("3 seeds in ")
    assert "backend: busy, answer accepted" in out


def test_a_script_runs_again(tmp_path, capsys):
    (tmp_path / "script").write_text(script_of(3).dump())
    assert main(["--replay", str(tmp_path / "script")]) == 0
    assert "every promise was kept" in capsys.readouterr().out
