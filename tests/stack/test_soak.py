"""The soak in a short form, and that docs/soak.md is what the long one wrote."""

from __future__ import annotations

import re
import string
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

from .install import CHECKOUT
from .mariadb import MariaDB
from .marks import imsg_only
from .soak import graphs
from .soak.accounts import imbalance
from .soak.faults import FAULTS, LANES, Fault
from .soak.faults_processes import PROCESS_FAULTS
from .soak.judge import LEAST, Judged, judge
from .soak.page import PAGE, markdown
from .soak.run import Plan, Soaked, run
from .soak.secrets import leaks, secrets
from .soak.sessions import KINDS
from .soak.storm import order

DOCS = CHECKOUT / "docs"
SHORT = (
    ("backends", "all killed at once"),
    ("database", "all connections killed"),
    ("tablewatchd", "restarted"),
    ("supervisors", "stopped and continued"),
)
# On a machine that hardly gets on; the faults are over long before, and so is the run.
LONG_ENOUGH = 600.0
EVERY_FAULT = (*FAULTS, *PROCESS_FAULTS)


def fault(lane: str, name: str) -> Fault:
    (found,) = (each for each in EVERY_FAULT if (each.lane, each.name) == (lane, name))
    return found


@pytest.fixture(scope="module")
def soaked(flavour: str, tables: MariaDB, stack_directory: Path, prefix: Path) -> Soaked:
    """One mail server, four faults, and everything else that the long form has."""
    faults = [(fault(*each), flavour) for each in SHORT]
    plan = Plan(1, LONG_ENOUGH, [flavour], (1.5, 2.0), faults)
    return run(plan, stack_directory, tables, {flavour: prefix}, lambda _: None)


@pytest.fixture(scope="module")
def judged(soaked: Soaked) -> list[Judged]:
    """What it came to."""
    return judge(soaked)


@pytest.fixture(scope="module")
def page() -> str:
    """docs/soak.md."""
    return (DOCS / "soak.md").read_text(encoding="utf-8")


@imsg_only
@pytest.mark.timeout(600)  # tablewatch may have to be installed first
class TestShortForm:
    """One mail server, four faults."""

    def test_everything_that_has_to_be_true_is(self, judged: list[Judged]) -> None:
        assert len(judged) >= 12
        assert [each for each in judged if not each.right] == []

    def test_users_of_many_kinds_came_and_every_fault_was_done(self, soaked: Soaked) -> None:
        (bed,) = soaked.beds
        assert [(each.fault.lane, each.fault.name) for each in soaked.done] == list(SHORT)
        assert len({session.kind for session in bed.sessions}) >= len(KINDS) / 2
        assert sum(status.answers["found"] for status in bed.statuses) > 10

    def test_a_request_that_was_not_accounted_for_is_seen(self, soaked: Soaked) -> None:
        (bed,) = soaked.beds
        status = max(bed.statuses, key=lambda each: each.answers["found"])
        assert imbalance(status) == ""
        status.answers["found"] -= 1
        try:
            assert "requests" in imbalance(status)
        finally:
            status.answers["found"] += 1

    def test_a_session_that_nobody_counted_is_seen(self, soaked: Soaked) -> None:
        (bed,) = soaked.beds
        asking = [each for each in bed.sessions if each.asked]
        bed.sessions += asking * 2
        try:
            wrong = [each.name for each in judge(soaked) if not each.right]
            assert any("counted what the sessions asked" in each for each in wrong)
        finally:
            del bed.sessions[-2 * len(asking) :]

    def test_it_can_be_written_down(self, soaked: Soaked, judged: list[Judged]) -> None:
        page = markdown(soaked, judged)
        assert "All " in page
        assert all(each.name in page for each in judged)
        for text in graphs.drawn(soaked).values():
            assert ET.fromstring(text).tag.endswith("svg")


def test_a_seed_always_means_the_same_order() -> None:
    def first(seed: int) -> list[tuple[str, str]]:
        faults = order(seed, ["imsg", "text"])
        return [(each.name, where) for each, where in (next(faults) for _ in range(100))]

    assert first(1) == first(1) != first(2)


def test_every_fault_comes_up_at_every_place() -> None:
    faults = order(1, ["imsg", "text"])
    count = sum(1 if each.lane == "database" else 2 for each in EVERY_FAULT)
    first = (next(faults) for _ in range(count))
    seen = Counter((each.lane, each.name, where) for each, where in first)
    assert set(seen.values()) == {1}
    assert {lane for lane, *_ in seen} == set(LANES)


def test_secrets_are_found_wherever_they_are_and_never_told() -> None:
    words = secrets()
    assert len(words) >= 4
    for name, word in words.items():
        (found,) = leaks({"the log": f"a line with {word} in it"}, {name: word})
        assert found == f"{name} is in the log"
        assert word not in found
    assert list(leaks({"the log": "a line"}, words)) == []


class TestPage:
    """docs/soak.md."""

    def test_it_was_written_by_the_soak_as_it_is_now(self, page: str) -> None:
        fixed = [text for text, *_ in string.Formatter().parse(PAGE) if len(text) > 60]
        assert fixed
        for text in fixed:
            assert text in page

    def test_it_tells_of_a_long_run_in_which_all_was_as_it_has_to_be(self, page: str) -> None:
        match = re.search(r"(\d+) minutes, ([\d,]+) sessions,\s+([\d,]+) faults", page)
        assert match is not None
        minutes, sessions, faults = (int(each.replace(",", "")) for each in match.groups())
        assert minutes * 60 >= 2 * LEAST
        assert sessions > 1000
        assert faults > 30
        assert "**NO**" not in page
        assert re.search(r"\*\*All \d+ are so\.\*\*", page)

    def test_it_has_the_graphs_it_shows_and_no_other(self, page: str) -> None:
        named = re.findall(r"!\[[^\]]+\]\(images/([\w-]+\.svg)\)", page)
        assert len(named) == 3
        assert sorted(named) == sorted(each.name for each in DOCS.glob("images/soak-*"))
        for name in named:
            text = (DOCS / "images" / name).read_text(encoding="utf-8")
            assert ET.fromstring(text).tag.endswith("svg")
            assert len(text) < 300_000
            assert "prefers-color-scheme:dark" in text
