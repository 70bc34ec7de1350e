"""Messages as lines: what goes out comes in, and nothing that comes in is kept without a bound."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.control import wire
from tablewatch.control.wire import MAX_REPLY, LineReader, decode, encode, number_of, text_of
from tablewatch.errors import ControlError

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Half surrogates are bytes of a key that are no UTF-8 (PEP 383).
    | st.text(st.characters(codec="utf-8") | st.sampled_from("\udc80\udcff\n\x00\u2028")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
messages = st.dictionaries(st.text(max_size=10), values, max_size=5)


@given(messages)
def test_what_is_encoded_is_decoded(message):
    assert decode(encode(message)) == message


@given(messages)
def test_a_message_is_one_line(message):
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1


@given(st.lists(messages, max_size=4), st.data())
def test_reads_begin_and_end_anywhere(sent, data):
    stream = b"".join(encode(each) for each in sent)
    reader, received, at = LineReader(), [], 0
    while at < len(stream):
        end = data.draw(st.integers(at + 1, len(stream)))
        received += reader.feed(stream[at:end])
        at = end
    assert received == sent


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b'"x"',
        b"null",
        b"\xff",
        b'{"a":\xff}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        '{"a": 1}'.encode("utf-16"),
        b'{"a": 1} {"b": 2}',
    ],
)
def test_what_is_no_json_object_is_refused(line):
    with pytest.raises(ControlError, match="JSON"):
        decode(line)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_lacks_can_not_be_sent(number):
    with pytest.raises(ControlError):
        encode({"a": number})


def test_what_is_nested_without_end_can_not_be_sent():
    nest = []
    for _ in range(200_000):
        nest = [nest]
    with pytest.raises(ControlError):
        encode({"a": nest})
    while nest:  # one by one: taking it apart at once would exhaust the stack of this test
        nest = nest[0]


def test_whatever_was_decoded_can_be_encoded_again():
    deep = 0
    for depth in (10, 100, 400, 900, 990):
        line = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
        try:
            message = decode(line)
        except ControlError:
            continue
        deep = depth
        assert json.loads(encode(message)) == message
    assert deep >= 100


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_that_is_too_long_is_refused(end):
    reader = LineReader(100)
    assert reader.feed(b'{"a":"' + b"x" * 92 + b'"}\n')[0]["a"] == "x" * 92
    with pytest.raises(ControlError, match="more than 100 bytes"):
        reader.feed(b"x" * 101 + end)


def test_a_line_without_an_end_is_refused_as_soon_as_it_is_too_long():
    reader = LineReader(1000)
    for _ in range(10):
        assert reader.feed(b"x" * 100) == []
    with pytest.raises(ControlError):
        reader.feed(b"x")


def test_what_follows_a_short_line_is_held_to_the_limit_as_well():
    reader = LineReader(10)
    with pytest.raises(ControlError):
        reader.feed(b"{}\n" + b"x" * 11)


def test_many_messages_in_one_read_come_in_order():
    lines = b"".join(b'{"n":%d}\n' % number for number in range(5000))
    assert [each["n"] for each in LineReader().feed(lines)] == list(range(5000))


@pytest.mark.parametrize("value", [1, None, True, ["x"], {"x": 1}, "x" * 257])
def test_what_is_no_short_text_is_refused(value):
    with pytest.raises(ControlError, match="key is no text of up to 256"):
        text_of({"key": value}, "key")


@pytest.mark.parametrize("value", ["1", None, True, 1.0, -1, 1 << 63, [1]])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(ControlError, match="id is no whole number"):
        number_of({"id": value}, "id")


def test_what_is_missing_is_empty_or_zero():
    assert text_of({}, "key") == ""
    assert number_of({}, "id") == 0
    assert text_of({"key": "x" * 300}, "key", 300) == "x" * 300
    assert number_of({"id": (1 << 63) - 1}, "id") == (1 << 63) - 1


class Counting(bytearray):
    """Bytes that count how many of them were looked at, or copied."""

    work = 0

    def _counted(self, method, *arguments):
        type(self).work += len(self)
        made = getattr(bytearray, method)(self, *arguments)
        if isinstance(made, list):
            return [Counting(each) for each in made]
        return Counting(made) if type(made) is bytearray else made

    def __iadd__(self, data):
        type(self).work += len(data)
        return super().__iadd__(data)


for _method in (
    *("__contains__", "__getitem__", "__add__", "__iter__", "__delitem__", "count", "copy"),
    *("find", "rfind", "index", "rindex", "split", "rsplit", "partition", "rpartition"),
    *("splitlines", "endswith", "decode", "strip", "rstrip", "replace", "translate"),
):
    setattr(
        Counting,
        _method,
        lambda self, *arguments, method=_method: self._counted(method, *arguments),
    )


@pytest.mark.parametrize("chunk", [1000, 65_536])
def test_a_long_line_in_many_chunks_is_no_more_work_than_its_length(monkeypatch, chunk):
    """What was looked through once is not looked through again: a reply may have 16 MB."""
    monkeypatch.setattr(wire, "bytearray", Counting, raising=False)
    monkeypatch.setattr(Counting, "work", 0)
    line = b'{"a":"' + b"x" * (MAX_REPLY - 8) + b'"}\n{"b":1}\n{"c"'
    reader, received = LineReader(MAX_REPLY), []
    for at in range(0, len(line), chunk):
        received += reader.feed(line[at : at + chunk])
    assert [list(each) for each in received] == [["a"], ["b"]]
    assert len(line) <= Counting.work <= 3 * len(line)


@pytest.mark.parametrize("chunk", [7, 1000])
def test_many_short_lines_are_no_more_work_than_their_length(monkeypatch, chunk):
    monkeypatch.setattr(wire, "bytearray", Counting, raising=False)
    monkeypatch.setattr(Counting, "work", 0)
    lines = b'{"n":123456}\n' * 20_000
    reader, received = LineReader(), []
    for at in range(0, len(lines), chunk):
        received += reader.feed(lines[at : at + chunk])
    assert len(received) == 20_000
    # A chunk that ends lines is looked at with what the one before left over, at most a line.
    assert len(lines) <= Counting.work <= 5 * len(lines)
