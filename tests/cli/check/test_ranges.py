"""Ranges: the cases of the guidelines, and what holds for all of them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.cli.check.ranges import Range, parse_range

values = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
numbers = st.decimals(
    min_value=-(10**9), max_value=10**9, places=3, allow_nan=False, allow_infinity=False
).map(lambda each: format(each, "f"))


# The table of the guidelines, "Threshold and ranges", and its examples.
@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        ("10", [0, 5, 10], [-0.1, 10.1]),
        ("10:", [10, 1e9], [-1, 0, 9.99]),
        ("~:10", [-1e9, 0, 10], [10.01, 1e9]),
        ("10:20", [10, 15, 20], [9.99, 20.01]),
        ("@10:20", [9.99, 20.01, -5], [10, 15, 20]),
        ("@10", [-1, 10.5], [0, 10]),
        ("0:", [0, 7], [-0.5]),
        (":10", [0, 10], [-1, 11]),
        ("~:", [-1e9, 0, 1e9], []),
        ("~:0", [-3, 0], [0.1]),
        ("5:5", [5], [4.9, 5.1]),
        ("-10:-5", [-10, -5], [-11, 0]),
        ("-5:", [-5, 0], [-6]),
        ("1:1.5", [1, 1.25, 1.5], [0.99, 1.51]),
        (".5", [0, 0.5], [0.6]),
        ("5.:", [5], [4]),
        ("@0:0", [1], [0]),
        ("0", [0], [1, -1]),
        ("@~:0", [1], [0, -7]),
    ],
)
def test_the_ranges_of_the_guidelines(text, right, wrong):
    parsed = parse_range(text)
    assert [each for each in right if parsed.alerts(each)] == []
    assert [each for each in wrong if not parsed.alerts(each)] == []
    assert parsed.text == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "~", "@~", ":~", "10:~", "@10:20:30", "1,5", "10s", "5%", "nan", "inf"),
        *(
            "1e3",
            "+5",
            "--5",
            "- 5",
            " 10",
            "10 ",
            "0x10",
            "\u0661\u0660",
            "10:x",
            "~10",
            "1.2.3",
            "\n10",
        ),
        *("10\n", ":", "@:", "1" * 400, "'10'", "10|x", "10=5", "@@1"),
    ],
)
def test_anything_else_is_refused_with_what_is_right(text):
    with pytest.raises(ValueError, match="is no range; write one like 10, 10:, ~:10"):
        parse_range(text)


@pytest.mark.parametrize("text", ["20:10", "-5", "-5:-10", "@1:0.999", "0:-1"])
def test_a_range_that_ends_before_it_starts_is_refused(text):
    with pytest.raises(ValueError, match="ends before it starts"):
        parse_range(text)


@given(numbers, numbers, values)
def test_a_value_is_inside_between_both_ends(one, other, value):
    start, end = sorted([one, other], key=float)
    between = float(start) <= value <= float(end)
    assert parse_range(f"{start}:{end}").alerts(value) is not between
    assert parse_range(f"@{start}:{end}").alerts(value) is between


@given(numbers, numbers)
def test_both_ends_are_included(one, other):
    start, end = sorted([one, other], key=float)
    parsed = parse_range(f"{start}:{end}")
    assert not parsed.alerts(float(start))
    assert not parsed.alerts(float(end))
    assert parsed.alerts(math.nextafter(float(end), math.inf))
    assert parsed.alerts(math.nextafter(float(start), -math.inf))


@given(numbers, values)
def test_an_end_left_out_has_no_limit(number, value):
    assert parse_range(f"{number}:").alerts(value) is (value < float(number))
    assert parse_range(f"~:{number}").alerts(value) is (value > float(number))


@given(numbers.filter(lambda text: float(text) >= 0))
def test_one_number_is_an_end_with_a_start_of_zero(number):
    assert parse_range(number) == parse_range(f"0:{number}") == parse_range(f":{number}")


@given(st.text(st.sampled_from("@~:.-+0123456789 e"), max_size=12))
def test_whatever_is_written_is_a_range_or_refused(text):
    try:
        parsed = parse_range(text)
    except ValueError:
        return
    assert parsed.start <= parsed.end
    assert parsed == Range(parsed.start, parsed.end, text.startswith("@"))
    assert parse_range(parsed.text) == parsed
