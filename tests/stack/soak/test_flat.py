"""What counts as growth."""

from __future__ import annotations

import random

import pytest

from .flat import DESCRIPTORS, MEBIBYTE, MEMORY, PROCESSES, Limit, trend

END = 1800.0
TIMES = [4.0 * number for number in range(450)]


def test_what_stays_is_flat() -> None:
    found = trend([(when, 7.0) for when in TIMES], END, PROCESSES)
    assert found == (7.0, 7.0, 7.0, True)


def test_warming_up_is_no_growth() -> None:
    values = [(when, 20 * MEBIBYTE * min(1.0, when / 400)) for when in TIMES]
    assert trend(values, END, MEMORY).flat


def test_a_few_odd_samples_are_no_growth() -> None:
    own = random.Random(1)
    values = [(when, 500.0 if own.random() < 0.2 and when > 1400 else 7.0) for when in TIMES]
    found = trend(values, END, DESCRIPTORS)
    assert found.flat
    assert found.most == 500


@pytest.mark.parametrize("per_hour", [6, 60])
def test_a_leak_is_growth(per_hour: int) -> None:
    values = [(when, 30 * MEBIBYTE + per_hour * MEBIBYTE * when / 3600) for when in TIMES]
    assert not trend(values, END, MEMORY).flat


def test_one_descriptor_in_ten_minutes_is_growth() -> None:
    assert not trend([(when, 9 + when // 600) for when in TIMES], END, DESCRIPTORS).flat


def test_less_is_no_growth() -> None:
    assert trend([(when, 100 - when / 100) for when in TIMES], END, PROCESSES).flat


def test_whichever_limit_is_more_counts() -> None:
    values = [(when, 100.0 if when < END / 2 else 104.0) for when in TIMES]
    assert trend(values, END, Limit(0, 0.05)).flat
    assert trend(values, END, Limit(5, 0)).flat
    assert not trend(values, END, Limit(3, 0.03)).flat


def test_nothing_is_said_of_a_run_without_samples() -> None:
    with pytest.raises(ValueError, match="no samples"):
        trend([(1.0, 1.0)], END, MEMORY)
