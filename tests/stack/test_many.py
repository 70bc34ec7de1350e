"""Many tables at once, in a short form: nothing may be missing, however long it takes."""

from __future__ import annotations

import pytest

from . import many
from .crowd import BACKEND
from .requirements import need_programs

TABLES = 12


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> many.Found:
    need_programs(BACKEND)
    said: list[str] = []
    return many.measure(tmp_path_factory.mktemp("many"), TABLES, 1, said.append)


def test_a_scrape_tells_every_lookup_of_every_table(found: many.Found) -> None:
    assert found.asked > 0
    assert found.told == TABLES


def test_the_api_and_the_page_name_every_table(found: many.Found) -> None:
    assert (found.listed, found.shown) == (TABLES, TABLES)


def test_a_table_that_does_not_answer_hides_no_other(found: many.Found) -> None:
    assert found.others == TABLES - 1


def test_everything_was_measured(found: many.Found) -> None:
    assert len(found.scrapes) == len(found.status) == len(found.page) == 1
    for figure in (found.daemon_idle, found.daemon_peak, found.supervisor, found.backend):
        assert figure > 0
    assert found.series > 50 * TABLES


def test_the_report_fits_a_terminal(found: many.Found) -> None:
    assert max(map(len, many.text(found).splitlines())) <= 80
