"""Histogram: every duration in exactly one bucket, the first that holds it."""

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.config.settings import TableSettings
from tablewatch.policy.latency import LATENCY_BUCKETS, Histogram


def test_the_buckets_are_in_order_and_around_the_deadline():
    assert list(LATENCY_BUCKETS) == sorted(set(LATENCY_BUCKETS))
    assert TableSettings().deadline in LATENCY_BUCKETS
    assert LATENCY_BUCKETS[0] > 0
    assert len(LATENCY_BUCKETS) <= 12  # times operations times tables: each is a series


def test_a_new_histogram_is_empty():
    assert Histogram().counts == [0] * (len(LATENCY_BUCKETS) + 1)
    assert Histogram().total == 0


@pytest.mark.parametrize("index", range(len(LATENCY_BUCKETS)))
def test_a_bound_belongs_to_its_bucket(index):
    histogram = Histogram()
    histogram.add(LATENCY_BUCKETS[index])
    histogram.add(LATENCY_BUCKETS[index] * 1.001)
    assert histogram.counts[index : index + 2] == [1, 1]


def test_the_last_bucket_has_no_bound():
    histogram = Histogram()
    histogram.add(1e9)
    assert histogram.counts[-1] == 1


@given(st.lists(st.floats(0, 1e6)))
def test_each_duration_is_counted_once(durations):
    histogram = Histogram()
    for each in durations:
        histogram.add(each)
    assert sum(histogram.counts) == len(durations)
    assert histogram.total == pytest.approx(sum(durations))
    for index, bound in enumerate(LATENCY_BUCKETS):  # as Prometheus adds them up
        held = sum(histogram.counts[: index + 1])
        assert held == bisect_left(sorted(durations), bound) + durations.count(bound)
