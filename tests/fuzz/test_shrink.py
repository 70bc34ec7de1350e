from __future__ import annotations

import pytest
from tests.fuzz.shrink import failure, shrunk


def refuses_bad(data: bytes) -> None:
    assert b"bad" not in data
    if b"\xff" in data:
        raise ValueError("another failure")


@pytest.mark.parametrize("data", [b"bad", b"x" * 500 + b"bad" + b"y" * 300, b"a\nbad\nbad\xff"])
def test_what_is_left_is_what_matters(data: bytes) -> None:
    assert shrunk(refuses_bad, data) == b"bad"


def test_another_failure_is_not_taken_for_the_same() -> None:
    assert shrunk(refuses_bad, b"xx\xffxx") == b"\xff"


def test_an_input_that_breaks_nothing_stays_as_it_is() -> None:
    assert shrunk(refuses_bad, b"good") == b"good"
    assert failure(refuses_bad, b"good") is None


def test_shrinking_ends_in_time() -> None:
    data = b"x" * 100_000 + b"bad"
    assert b"bad" in shrunk(refuses_bad, data, seconds=0.0)
