"""The states: exit status, order, names."""

import itertools

import pytest

from tablewatch.cli.check.states import State, gravity, parse_state, worst


def test_the_number_is_the_exit_status_of_the_guidelines():
    assert [(state.name, int(state)) for state in State] == [
        ("OK", 0),
        ("WARNING", 1),
        ("CRITICAL", 2),
        ("UNKNOWN", 3),
    ]


def test_what_can_not_be_told_is_worse_than_a_warning_and_less_than_critical():
    assert sorted(State, key=gravity) == [State.OK, State.WARNING, State.UNKNOWN, State.CRITICAL]


def test_the_order_does_not_matter_for_the_worst():
    for some in itertools.permutations([State.WARNING, State.UNKNOWN, State.OK]):
        assert worst(some) is State.UNKNOWN
    assert worst([]) is State.OK


@pytest.mark.parametrize("state", list(State))
def test_a_state_is_written_as_name_or_number(state):
    for text in (state.name, state.name.lower(), str(state.value)):
        assert parse_state(text) is state


@pytest.mark.parametrize("text", ["", "4", "-1", "WARN", "ok ", "00"])
def test_anything_else_is_no_state(text):
    with pytest.raises(ValueError, match="write OK, WARNING, CRITICAL or UNKNOWN"):
        parse_state(text)
