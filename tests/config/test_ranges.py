import pytest

from tablewatch.config.ranges import KINDS
from tablewatch.config.settings import BudgetSettings, Config, RunawaySettings, TableSettings
from tablewatch.config.values import Duration, Named, Share, Size
from tablewatch.record import Record, names_of


def test_only_fields_have_a_range():
    for group, kinds in KINDS.items():
        assert kinds.keys() <= set(names_of(group)), group


def test_what_has_no_range_is_a_switch_a_group_or_no_key():
    left = {
        (group, name)
        for group, kinds in KINDS.items()
        for name in set(names_of(group)) - kinds.keys()
        if not isinstance(getattr(group(), name), bool | Record)
    }
    assert left == {(Config, "path"), (Config, "patterns")}


def test_every_group_has_ranges():
    groups = {
        type(getattr(made, name))
        for made in (Config(), TableSettings())
        for name in names_of(type(made))
        if isinstance(getattr(made, name), Record)
    }
    assert groups | {Config} == KINDS.keys()


@pytest.mark.parametrize(
    ("group", "key", "sort", "low", "high"),
    [
        (BudgetSettings, "window", Duration, 1.0, 600.0),
        (BudgetSettings, "ratio", Share, 0.0, 1.0),
        (RunawaySettings, "max_memory", Size, 16 * 1024**2, 1024**4),
    ],
)
def test_the_ends_of_a_range_are_what_they_are_written_as(group, key, sort, low, high):
    kind = KINDS[group][key]
    assert type(kind) is sort
    assert (kind.low, kind.high) == (low, high)


def test_tables_have_names_of_their_own():
    assert KINDS[Config]["tables"] == Named(TableSettings)
