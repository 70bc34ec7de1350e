import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.knowledge.groups import MAX_GROUP, group, shape


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("row 5 of 1234", "row # of #"),
        ('no luck with "alice" here', "no luck with # here"),
        ("can't use 'alice' here", "can't use # here"),
        ("use `a b` here", "use # here"),
        ("uid=alice, ret=1", "uid# ret#"),
        ("at 0x7f00", "at #"),
        (r"\xc5\x82 is odd", "## is odd"),
        ("za\u017c\u00f3\u0142\u0107 is odd", "za# is odd"),
        ("at\tb", "at#b"),
        ("id deadbeef12ab", "id #"),
        ("id 550e8400-e29b-41d4-a716-446655440000", "id #-#-#-#-#"),
        ("user alice@example.org here", "user # here"),
        ("user alice7@example.org here", "user # here"),
        ('an "open end', "an #"),
        ("a = b", "a = b"),
        ("nothing here", "nothing here"),
        ("", ""),
    ],
)
def test_what_varies_is_replaced(text, expected):
    assert group(shape(text.encode())) == expected


def test_other_words_are_another_group():
    assert shape(b"errno 2: no such file") != shape(b"errno 13: permission denied")


def test_it_is_of_limited_length():
    assert len(group(shape(b"a b" * 1000))) == MAX_GROUP
    assert len(group(shape(b"=a b1" * 1000))) <= MAX_GROUP


pieces = st.sampled_from([b"0x", b"\\x", b"'", b'"', b"`", b"=", b" ", b"a", b"x", b"70", b"\xc5"])
lines = st.lists(pieces, max_size=20).map(b"".join) | st.binary(max_size=20)


@given(lines, lines, st.sampled_from([b"debug: row", b"warn: ", b"req ", b"#", b""]))
def test_a_line_begins_with_plain_words_if_its_shape_does(one, other, start):
    assert shape(start + one).startswith(start)
    assert other.startswith(start) == shape(other).startswith(start)
