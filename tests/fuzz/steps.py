"""Counts work in steps, which are the same on every machine, instead of in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from tests.fuzz.target import Check

# How often an input is repeated for the smaller and the larger of two measurements.
_LESS, _MORE = 4, 16


def steps(call: Callable[[], object]) -> int:
    """Return how many lines of Python `call` runs."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def growth(check: Check, data: bytes) -> float:
    """Return how much faster the work of `check` grows than its input: 1 for linear work.

    The input is `data` several times over, as a whole and line by line.
    """
    check(data)  # what is made only once
    less = steps(lambda: check(data * _LESS))
    more = steps(lambda: check(data * _MORE))
    return more / less / (_MORE / _LESS)
