"""The transition table: complete in what it allows, final where it says so."""

from pathlib import Path

from tablewatch.core.states import TRANSITIONS, Event, State, diagram

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"


def test_gone_is_final():
    assert not [event for state, event in TRANSITIONS if state is State.GONE]


def test_every_state_can_be_given_up():
    for state in State:
        if state is not State.GONE:
            assert TRANSITIONS[state, Event.GAVE_UP] is State.GONE


def test_every_state_can_be_reached():
    reached, grown = {State.STARTING}, True
    while grown:
        more = {after for (before, _), after in TRANSITIONS.items() if before in reached}
        grown, reached = not more <= reached, reached | more
    assert reached == set(State)


def test_only_an_idle_backend_is_asked():
    assert [state for state, event in TRANSITIONS if event is Event.ASKED] == [State.IDLE]


def test_the_diagram_in_the_documentation_is_this_table():
    assert diagram() in ARCHITECTURE.read_text(encoding="utf-8")
