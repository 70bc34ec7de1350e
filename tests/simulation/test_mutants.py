"""The simulation bites: it finds every one of the deliberate bugs, within a few seeds.

The seeds are those that tests/simulation/find_mutants.py has found. When the simulation has
changed since, the first ones in order are tried as well.
"""

import json

import pytest
from tests.simulation.find_mutants import FOUND
from tests.simulation.many import broken, one
from tests.simulation.mutants import MUTANTS
from tests.simulation.mutation import Mutant, applied, finds
from tests.simulation.plots import script_of
from tests.simulation.run import run
from tests.simulation.shrink import shrink

KNOWN = json.loads(FOUND.read_text())
FURTHER = range(60)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.sentence)
def test_it_is_found(mutant):
    seeds = (*KNOWN.get(mutant.sentence, ()), *FURTHER)
    assert any(finds(mutant, seed) for seed in seeds), "python -m tests.simulation.find_mutants"


def test_the_sound_core_passes_the_same_seeds():
    seeds = sorted({seeds[0] for seeds in KNOWN.values()})
    assert [seed for seed in seeds if broken(script_of(seed), compare=True)] == []


def test_there_are_enough_of_them_and_each_is_one_of_its_own():
    assert len(MUTANTS) >= 25
    assert len({mutant.sentence for mutant in MUTANTS}) == len(MUTANTS)
    assert set(KNOWN) == {mutant.sentence for mutant in MUTANTS}


def test_a_mutant_of_code_that_has_changed_is_noticed():
    with (
        pytest.raises(ValueError, match="write the mutant anew"),
        applied(Mutant("", "core.table:TableCore.tick", "no such line", "")),
    ):
        pass


def test_the_code_is_sound_again_afterwards():
    mutant = MUTANTS[0]
    seed = KNOWN[mutant.sentence][0]
    assert finds(mutant, seed)
    assert one(seed)[1] == ""


def test_a_failing_script_is_made_short_and_fails_in_the_same_way():
    mutant = next(each for each in MUTANTS if "answered twice" in each.sentence)
    script = script_of(KNOWN[mutant.sentence][0])
    with applied(mutant):
        violation = run(script).violation
        shorter = shrink(script, violation)
        again = run(shorter).violation
    assert again.invariant == violation.invariant
    assert len(shorter.steps) <= 8 < len(script.steps)
