"""Lines of bounded length, however the stream is split."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tablewatch.protocol.lines import Lines

pieces = st.lists(st.sampled_from([b"", b"a", b"bc", b"\n", b"d\n", b"\n\n", b"e" * 9, b"|"]))


def expected(data: bytes, limit: int) -> list[bytes]:
    whole = data.split(b"\n")[:-1]
    return [line + b"\n" if len(line) <= limit else line[:limit] for line in whole]


def test_a_line_comes_out_with_its_newline() -> None:
    lines = Lines(10)
    assert lines.split(b"one\ntwo\nthr") == [b"one\n", b"two\n"]
    assert lines.pending
    assert lines.split(b"ee\n") == [b"three\n"]
    assert not lines.pending


def test_a_line_of_the_limit_is_whole_and_one_byte_more_is_cut() -> None:
    assert Lines(5).split(b"12345\n") == [b"12345\n"]
    assert Lines(5).split(b"123456\n7\n") == [b"12345", b"7\n"]


def test_an_overlong_line_is_known_before_its_newline() -> None:
    lines = Lines(5)
    assert lines.split(b"12345") == []
    assert not lines.overlong
    assert lines.split(b"6") == []
    assert lines.overlong
    assert lines.split(b"789\n") == [b"12345"]
    assert not lines.overlong


@given(pieces)
def test_the_lines_do_not_depend_on_how_the_stream_is_split(chunks: list[bytes]) -> None:
    data = b"".join(chunks)
    by_chunk, by_byte = Lines(4), Lines(4)
    assert [line for chunk in chunks for line in by_chunk.split(chunk)] == expected(data, 4)
    assert [
        line for at in range(len(data)) for line in by_byte.split(data[at : at + 1])
    ] == expected(data, 4)
    assert by_chunk.pending == by_byte.pending == (data != b"" and not data.endswith(b"\n"))


def test_skipping_goes_on_to_the_newline_and_no_further() -> None:
    lines = Lines(10)
    lines.split(b"begun")
    lines.skip(b"x\ny")
    assert lines.skipping
    assert lines.pending
    assert lines.split(b"more") == []
    assert lines.split(b" of it\nnext\n") == [b"next\n"]
    assert not lines.skipping


def test_skipping_what_ends_in_a_newline_leaves_nothing_to_skip() -> None:
    lines = Lines(10)
    lines.skip(b"x\n")
    assert not lines.pending
    assert lines.split(b"next\n") == [b"next\n"]


def test_no_more_than_the_limit_is_kept() -> None:
    lines = Lines(100)
    for _ in range(50):
        assert lines.split(b"x" * 1000) == []
        assert len(lines._start) == 101
    lines.skip(b"y")
    lines.split(b"z" * 1000)
    assert len(lines._start) == 0
