"""What is known of the tables: the truth about each, and no more than there is room for."""

import pytest
from tests.support.statuses import well

from tablewatch.daemon.capacity import MAX_TABLES
from tablewatch.daemon.registry import MAX_EVENTS, Registry

KEPT = 3600.0


@pytest.fixture
def registry():
    return Registry(KEPT)


def only(registry, asked, now):
    (report,) = registry.reports(asked, now)
    return report


def test_a_table_that_answered_tells_its_status(registry):
    registry.arrived("creds", 1.0)
    registry.told("creds", well(), 5.0)
    report = only(registry, 5.0, 7.0)
    assert (report.connected, report.age, report.why, report.status) == (True, 2.0, "", well())


def test_what_was_heard_before_it_was_asked_is_no_answer(registry):
    registry.arrived("creds", 1.0)
    registry.told("creds", well(), 5.0)
    report = only(registry, 5.1, 9.0)
    assert report.status is None
    assert report.connected
    assert report.why == "its supervisor does not answer"
    assert report.age == 4.0


def test_a_table_that_left_has_no_status(registry):
    registry.arrived("creds", 1.0)
    registry.told("creds", well(), 5.0)
    registry.departed("creds", 6.0)
    report = only(registry, 0.0, 9.0)
    assert (report.connected, report.status) == (False, None)
    assert report.why == "its supervisor has left"


def test_a_new_supervisor_does_not_answer_with_what_the_old_one_said(registry):
    registry.arrived("creds", 1.0)
    registry.told("creds", well(pid=1), 5.0)
    registry.departed("creds", 6.0)
    registry.arrived("creds", 7.0)
    assert only(registry, 0.0, 8.0).status is None
    registry.told("creds", well(pid=2), 9.0)
    assert only(registry, 0.0, 9.0).status.pid == 2


def test_a_table_that_was_taken_out_is_forgotten_after_a_while(registry):
    registry.arrived("creds", 1.0)
    registry.departed("creds", 10.0)
    assert only(registry, 0.0, 10.0 + KEPT - 0.1).table == "creds"
    assert registry.reports(0.0, 10.0 + KEPT) == []
    assert "creds" not in registry


def test_a_table_that_came_back_is_not_forgotten(registry):
    registry.arrived("creds", 1.0)
    registry.departed("creds", 10.0)
    registry.arrived("creds", 11.0)
    assert only(registry, 0.0, 11.0 + 2 * KEPT).connected


def test_a_table_that_never_left_is_never_forgotten(registry):
    registry.arrived("creds", 1.0)
    assert only(registry, 0.0, 1.0 + 10 * KEPT).connected


def test_tables_are_told_by_name(registry):
    for name in ("users", "aliases", "creds"):
        registry.arrived(name, 1.0)
    assert [each.table for each in registry.reports(0.0, 1.0)] == ["aliases", "creds", "users"]


def test_history_is_told_newest_last_with_ages(registry):
    registry.arrived("creds", 1.0)
    registry.happened("creds", 4, "first", 2.0)
    registry.happened("creds", 5, "second", 3.0)
    events = only(registry, 0.0, 4.0).events
    assert [(each.age, each.priority, each.text) for each in events] == [
        (2.0, 4, "first"),
        (1.0, 5, "second"),
    ]


def test_history_outlives_a_restart_of_the_supervisor(registry):
    registry.arrived("creds", 1.0)
    registry.happened("creds", 4, "it crashed", 2.0)
    registry.departed("creds", 3.0)
    assert only(registry, 0.0, 4.0).events
    registry.arrived("creds", 5.0)
    assert [each.text for each in only(registry, 0.0, 6.0).events] == ["it crashed"]


def test_history_is_bounded(registry):
    registry.arrived("creds", 1.0)
    for number in range(10 * MAX_EVENTS):
        registry.happened("creds", 4, str(number), 2.0)
    events = only(registry, 0.0, 3.0).events
    assert len(events) == MAX_EVENTS
    assert events[-1].text == str(10 * MAX_EVENTS - 1)


def test_what_a_stranger_tells_is_not_kept(registry):
    registry.told("creds", well(), 1.0)
    registry.happened("creds", 4, "x", 1.0)
    registry.departed("creds", 1.0)
    assert registry.reports(0.0, 1.0) == []


def test_tables_that_come_and_go_for_ever_take_bounded_room(registry):
    registry.arrived("creds", 0.0)
    for number in range(2 * MAX_TABLES):
        registry.arrived(f"t{number}", float(number))
        registry.departed(f"t{number}", number + 0.5)
    assert len(registry) == MAX_TABLES
    assert "creds" in registry  # it is here; those that are gone make room, the oldest first
    assert f"t{2 * MAX_TABLES - 1}" in registry
    assert "t0" not in registry


def test_even_tables_that_stay_take_bounded_room(registry):
    for number in range(MAX_TABLES + 10):
        registry.arrived(f"t{number}", float(number))
    assert len(registry) == MAX_TABLES
    assert "t0" not in registry
    registry.told("t0", well("t0"), 5000.0)  # its supervisor knows nothing of that
    registry.departed("t0", 5001.0)
    assert len(registry) == MAX_TABLES
