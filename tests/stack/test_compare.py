"""The comparison in a short form, and what it must show."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import install, report
from .compare import Stack, compare
from .mariadb import MariaDB
from .measures import SHORT, Measured

MOST_CONNECTIONS = 10  # for the first poisoned login


@pytest.fixture(scope="module")
def pair(
    flavour: str, tables: MariaDB, prefix: Path, stack_directory: Path
) -> tuple[Measured, Measured]:
    """What was measured of the bare and of the supervised mail server."""
    directory = stack_directory / f"compare-{flavour}"
    directory.mkdir()
    told: list[str] = []
    return compare(Stack(directory, tables, {flavour: prefix}), flavour, SHORT, told.append)


def test_with_tablewatch_every_promise_is_kept(pair: tuple[Measured, Measured]) -> None:
    _, watched = pair
    assert watched.poisoned == 421
    assert watched.next_login == watched.other_login == 235
    assert watched.connections is not None
    assert 1 <= watched.connections <= MOST_CONNECTIONS
    assert watched.repeated == 0
    assert watched.rate == 0
    assert len(watched.poison_seconds) == SHORT.poisons
    assert [each.code for each in watched.frozen] == [421, 451, 235, 250]
    assert watched.kills == SHORT.kills
    assert watched.survived
    assert watched.load
    assert all(each.code for each in watched.load)
    assert watched.left == 0
    assert watched.left_rate == 0


def test_without_it_none_of_the_faults_is_survived(
    pair: tuple[Measured, Measured], flavour: str
) -> None:
    bare, _ = pair
    assert [each.code for each in bare.frozen] == [0] * 4
    assert not bare.survived
    if flavour == "imsg":
        assert bare.poisoned == bare.next_login == bare.other_login == 0
        assert bare.endless
        assert bare.left >= 1
        assert bare.left_rate > 100


def test_the_table_fits_a_terminal(pair: tuple[Measured, Measured]) -> None:
    lines = report.text([*pair, *pair], {"imsg": ["smtpd 6.8"]}, SHORT).splitlines()
    assert max(map(len, lines)) <= 80
    assert any("421" in line for line in lines)


def test_the_page_has_a_row_for_everything(pair: tuple[Measured, Measured]) -> None:
    page = report.markdown(list(pair), {"imsg": ["smtpd 6.8"]}, SHORT)
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len(rows) == len(report.ROWS) + 2
    assert {row.count("|") for row in rows} == {4}


def test_the_page_in_the_documentation_is_of_this_form() -> None:
    page = (install.CHECKOUT / "docs/incident.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("|")]
    assert rows[2:] == [report.label(each) for each, _ in report.ROWS]
