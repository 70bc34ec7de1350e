"""Every target holds for the inputs that are kept, and for a short search: always the same one.

The long searches are `python -m tests.fuzz`; see docs/fuzzing.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fuzz.chance_engine import search
from tests.fuzz.steps import growth
from tests.fuzz.target import CORPUS, Target
from tests.fuzz.targets import TARGETS

EXAMPLES = 200
# Each run goes over sockets, through threads, makes all pages, or counts a hundred expressions.
SLOW = dict.fromkeys(
    ("hub-supervisors", "hub-tools", "orders", "tools", "supervisor-link", "views", "records"), 60
) | {"regexes": 5}

every_target = pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
KEPT = [(target, path) for target in TARGETS.values() for path in target.corpus()]


@pytest.mark.parametrize(
    ("target", "path"), KEPT, ids=[f"{target.name}/{path.name}" for target, path in KEPT]
)
def test_an_input_that_is_kept_breaks_nothing(target: Target, path: Path) -> None:
    target.check(path.read_bytes())


@every_target
def test_nothing_near_breaks_it(target: Target) -> None:
    def check(data: bytes) -> None:
        target.check(data)

    search(target, check, SLOW.get(target.name, EXAMPLES))


@every_target
def test_a_target_says_what_it_defends_and_has_inputs(target: Target) -> None:
    assert target.invariant.endswith(".")
    assert len(target.invariant) > 60
    assert len(target.corpus()) >= 3


def test_every_folder_of_inputs_is_a_targets() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == TARGETS.keys()


@pytest.mark.parametrize(
    "target", [each for each in TARGETS.values() if each.grows], ids=lambda target: target.name
)
def test_the_work_grows_no_faster_than_the_input(target: Target) -> None:
    """Counted in lines of Python that are run, so it is the same on every machine. What is done
    within one call of the standard library is not seen; for regular expressions there is a target.
    """
    for path in target.corpus():
        data = path.read_bytes()
        if 0 < len(data) <= 2000:
            assert growth(target.check, data) <= 1.5, path.name
