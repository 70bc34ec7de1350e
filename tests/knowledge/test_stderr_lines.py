from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tablewatch.knowledge.stderr_lines import StderrLines


def test_lines_come_without_their_newlines():
    assert StderrLines().feed(b"one\ntwo\n") == [b"one", b"two"]


def test_a_line_comes_when_it_is_ended():
    lines = StderrLines()
    assert lines.feed(b"on") == []
    assert lines.feed(b"e") == []
    assert lines.feed(b"\n") == [b"one"]


def test_empty_lines_are_lines():
    assert StderrLines().feed(b"\n\n") == [b"", b""]


def test_a_carriage_return_is_part_of_the_line():
    assert StderrLines().feed(b"one\r\n") == [b"one\r"]


def test_flush_gives_the_line_that_was_not_ended():
    lines = StderrLines()
    lines.feed(b"one\ntwo")
    assert lines.flush() == [b"two"]
    assert lines.flush() == []


def test_a_line_of_just_the_limit_is_whole():
    lines = StderrLines(limit=4)
    assert lines.feed(b"1234\n") == [b"1234"]
    assert (lines.cut_lines, lines.lost_bytes) == (0, 0)


def test_a_line_beyond_the_limit_is_cut_and_the_next_is_not():
    lines = StderrLines(limit=4)
    assert lines.feed(b"123456\nab\n") == [b"1234", b"ab"]
    assert (lines.cut_lines, lines.lost_bytes) == (1, 2)


def test_each_line_that_is_cut_is_counted():
    lines = StderrLines(limit=2)
    assert lines.feed(b"123\n456\n7") == [b"12", b"45"]
    assert lines.feed(b"89\n") == [b"78"]
    assert (lines.cut_lines, lines.lost_bytes) == (3, 3)


def test_a_long_line_in_pieces_is_cut_and_counted_once():
    lines = StderrLines(limit=4)
    assert [lines.feed(piece) for piece in (b"123", b"45", b"678", b"9\n")] == [
        [],
        [],
        [],
        [b"1234"],
    ]
    assert (lines.cut_lines, lines.lost_bytes) == (1, 5)


def test_a_line_without_end_keeps_no_more_than_the_limit():
    lines = StderrLines(limit=10)
    for _ in range(1000):
        assert lines.feed(b"x" * 100) == []
    assert lines.flush() == [b"x" * 10]
    assert lines.lost_bytes == 100_000 - 10


def test_the_line_after_a_flush_is_counted_anew():
    lines = StderrLines(limit=2)
    lines.feed(b"1234")
    lines.flush()
    assert lines.feed(b"abcd\n") == [b"ab"]
    assert lines.cut_lines == 2


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=20), st.integers(1, 40))
def test_the_lines_do_not_depend_on_how_the_bytes_arrive(data, cuts, limit):
    whole, pieces = StderrLines(limit), StderrLines(limit)
    expected = whole.feed(data) + whole.flush()
    places = [0, *sorted(cuts), len(data)]
    lines = []
    for start, end in pairwise(places):
        lines += pieces.feed(data[start:end])
    assert lines + pieces.flush() == expected
    assert all(len(line) <= limit for line in expected)
    assert (pieces.cut_lines, pieces.lost_bytes) == (whole.cut_lines, whole.lost_bytes)
    assert sum(map(len, expected)) + whole.lost_bytes + data.count(b"\n") == len(data)
