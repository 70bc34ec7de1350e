from __future__ import annotations

import pytest
from tests.fuzz.steps import growth


def linear(data: bytes) -> None:
    for _ in data:
        pass


def square(data: bytes) -> None:
    for _ in data:
        for _ in data:
            pass


def test_work_is_counted_the_same_every_time() -> None:
    assert growth(linear, b"ab") == growth(linear, b"ab")


def test_linear_and_square_work_are_told_apart() -> None:
    assert growth(linear, b"abcdefgh") == pytest.approx(1.0, abs=0.1)
    assert growth(square, b"abcdefgh") == pytest.approx(4.0, abs=0.2)
