"""The status for programs: what is known, and what follows from it."""

from dataclasses import fields, replace

import pytest
from tests.support.statuses import everything, host, report, silent, well

from tablewatch.control.plain import chosen, plain
from tablewatch.control.records import from_plain
from tablewatch.control.status import Condition, HostStatus, TableReport


def test_everything_is_in_it_and_the_record_can_be_had_back():
    made = plain(everything())
    assert set(made) == {each.name for each in fields(HostStatus)} | {"level"}
    assert set(made["tables"][0]) == {each.name for each in fields(TableReport)} | {"condition"}
    assert from_plain(HostStatus, made) == everything()


def test_the_level_and_the_conditions_follow_from_what_is_known():
    made = plain(host(report(well()), silent()))
    assert made["level"] == "unknown"
    levels = {each["table"]: each["condition"]["level"] for each in made["tables"]}
    assert set(levels.values()) == {"ok", "unknown"}
    assert plain(host())["level"] == "unknown"


def test_a_level_of_another_release_is_unknown_in_it():
    odd = replace(well(), condition=Condition("dreadful", 1.0, "why"))
    (table,) = plain(host(report(odd)))["tables"]
    assert (table["condition"]["level"], table["condition"]["why"]) == ("unknown", "why")


@pytest.mark.parametrize(
    ("names", "left"),
    [
        ([], [each.table for each in everything().tables]),
        (["creds"], ["creds"]),
        (["users", "creds"], ["creds", "users"]),
        (["nobody"], []),
    ],
)
def test_some_tables_can_be_chosen(names, left):
    assert [each.table for each in chosen(everything(), names).tables] == left
