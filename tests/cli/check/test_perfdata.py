"""Performance data: the format of the guidelines, and labels nothing can break."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.cli.check.perfdata import MAX_LENGTH, Perfdata, line, number
from tablewatch.cli.check.ranges import parse_range

NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
RANGE = rf"@?(?:(?:~|{NUMBER})?:)?(?:{NUMBER})?"
ITEM = re.compile(
    rf"'([^'=|]+)'=(?:({NUMBER})(s|%|B|c)?|U)"
    rf"(?:;(?P<warn>{RANGE})(?:;(?P<crit>{RANGE})(?:;(?:{NUMBER})?(?:;{NUMBER})?)?)?)?"
)
SIZE = {"allow_nan": False, "allow_infinity": False, "min_value": -1e12, "max_value": 1e12}


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (Perfdata("ok", 3.0, low=0, high=4), "'ok'=3;;;0;4"),
        (Perfdata("p99.creds", 0.0125, "s", parse_range("0.5"), parse_range("2"), 0.0),
         "'p99.creds'=0.0125s;0.5;2;0"),
        (Perfdata("requests.creds", 18211, "c"), "'requests.creds'=18211c"),
        (Perfdata("failed.x", 0.1, "%", None, parse_range("@10:20"), 0.0, 100.0),
         "'failed.x'=0.1%;;@10:20;0;100"),
        (Perfdata("budget.x", -1.5, "", parse_range("2:")), "'budget.x'=-1.5;2:"),
        (Perfdata("memory.x", None, "B", None, None, 0.0), "'memory.x'=U;;;0"),
        (Perfdata("memory.x", 2.0**40, "B"), "'memory.x'=1099511627776B"),
    ],
)  # fmt: skip
def test_an_item_is_written_as_the_guidelines_say(item, text):
    assert str(item) == text
    assert ITEM.fullmatch(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.0, "0"), (1e-9, "0"), (-1e-9, "0"), (1e15, "1000000000000000")],
)
def test_a_number_has_no_exponent_and_no_negative_zero(value, text):
    assert number(value) == text


@given(st.floats(**SIZE))
def test_a_number_keeps_six_places(value):
    assert re.fullmatch(NUMBER, number(value))
    assert abs(float(number(value)) - value) <= 1e-6 + abs(value) * 1e-12


@given(st.lists(st.tuples(st.text(min_size=1), st.none() | st.floats(**SIZE)), max_size=20))
def test_no_label_breaks_the_line_or_stands_for_another(items):
    written = line(Perfdata(f"p99.{name}", value, "s", low=0.0) for name, value in items)
    words = written.split()
    assert len(words) == len(items)
    matches = [ITEM.fullmatch(each) for each in words]
    assert None not in matches
    assert len({match[1] for match in matches}) == len(items)
    assert [each.endswith("=U;;;0") for each in words] == [value is None for _, value in items]


def test_the_usual_names_of_tables_stay_as_they_are():
    assert str(Perfdata("p99.my-table_2.b@example", 1.0)).startswith("'p99.my-table_2.b@example'=")


def test_what_nagios_would_not_read_is_left_out_from_the_end():
    items = [Perfdata(f"requests.table-{each}", each, "c") for each in range(1000)]
    written = line(items)
    assert MAX_LENGTH - 40 < len(written) < MAX_LENGTH
    assert written.split() == [str(each) for each in items[: len(written.split())]]
