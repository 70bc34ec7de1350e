import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.cli import paper
from tablewatch.cli.paper import Column, Paper, cells, clean, elide, grid, pad, wrap

PRINTABLE = st.text(st.characters(codec="utf-8")).map(clean)
WIDE = "\u8868"  # takes two cells


@given(st.text())
def test_what_is_cleaned_can_do_nothing_to_a_terminal(text):
    assert clean(text).isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain", "plain"), ("red \x1b[31m", r"red \x1b[31m"), ("\u202eabc", r"\u202eabc")],
)
def test_what_moves_the_cursor_or_turns_the_text_is_escaped(text, shown):
    assert clean(text) == shown


def test_line_ends_stay_where_they_are_wanted():
    assert clean("a\nb\r", lines=True) == "a\nb\\r"
    assert clean("a\nb") == r"a\nb"


def test_a_wide_character_takes_two_cells_and_an_accent_none():
    assert cells("ab") == 2
    assert cells(WIDE * 3) == 6
    assert cells("e\u0301") == 1


@given(PRINTABLE, st.integers(0, 60))
def test_elided_text_is_never_too_wide(text, width):
    assert cells(elide(text, width)) <= width


@given(PRINTABLE, st.integers(20, 60))
def test_text_that_fits_is_left_alone(text, width):
    assert (elide(text, width) == text) == (cells(text) <= width)


def test_both_ends_of_a_name_are_kept():
    assert elide("customers-of-the-north", 14) == "custom...north"


def test_padding_counts_cells():
    assert pad(WIDE, 4) == f"{WIDE}  "
    assert pad("7", 3, right=True) == "  7"


@given(PRINTABLE, st.integers(12, 90))
def test_wrapped_lines_are_never_too_wide_and_lose_nothing(text, width):
    lines = wrap(text, width, "  ", "    ")
    assert all(cells(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_words_are_kept_whole_where_they_fit():
    lines = wrap("look for it with: pgrep -fl table-watch", 24, "do ", "   ")
    assert lines == ["do look for it with:", "   pgrep -fl table-watch"]


COLUMNS = (Column("NAME", shrinks=True), Column("STATE"), Column("N", True, spare=1), Column("M"))
ROWS = [["creds", "ok", "12", "x"], ["customers-of-the-north", "critical", "3", "yy"]]


def test_a_grid_is_as_wide_as_its_contents_need():
    assert grid(COLUMNS, ROWS, Paper()) == [
        "NAME                    STATE      N  M",
        "creds                   ok        12  x",
        "customers-of-the-north  critical   3  yy",
    ]


def test_names_are_cut_before_columns_are_left_out():
    lines = grid(COLUMNS, ROWS, Paper(26))
    assert lines[2] == "cust...orth critical  3 yy"
    assert grid(COLUMNS, ROWS, Paper(20))[0].split() == ["NAME", "STATE", "M"]


def test_colour_takes_no_room():
    plain = grid(COLUMNS, ROWS, Paper(60))
    styled = grid(COLUMNS, ROWS, Paper(60, colour=True), [["", "32", "", ""], ["", "31", "", ""]])
    assert "\x1b[32mok      \x1b[0m" in styled[1]
    assert [re.sub("\x1b[^m]*m", "", line) for line in styled] == plain


class Tty(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return monkeypatch


def test_a_terminal_has_a_width_and_colour(terminal):
    assert paper.paper_of(Tty()) == Paper(100, True)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_can_be_refused(terminal, name, value):
    terminal.setenv(name, value)
    assert paper.paper_of(Tty()) == Paper(100, False)


def test_an_empty_no_color_refuses_nothing(terminal):
    terminal.setenv("NO_COLOR", "")
    assert paper.paper_of(Tty()).colour


def test_a_pipe_has_neither(terminal):
    assert paper.paper_of(io.StringIO()) == Paper(None, False)


def test_sentences_are_no_wider_than_is_read_well():
    assert [Paper(width).text_width for width in (None, 40, 80, 300)] == [80, 40, 80, 88]
