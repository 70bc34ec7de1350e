"""Figures, and how they are written: the same in the terminal, on the page and in a check."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.statuses import latency, well

from tablewatch.control import figures
from tablewatch.control.status import LATENCY_BUCKETS, Latency

LAST = LATENCY_BUCKETS[-1]
BUCKETS = len(LATENCY_BUCKETS) + 1
counts = st.lists(st.integers(0, 50), min_size=BUCKETS, max_size=BUCKETS)
parts = st.floats(0, 1)


def bucketed(**at):
    """Return buckets with so many answers in the one of each place: b0=4."""
    return [at.get(f"b{place}", 0) for place in range(BUCKETS)]


# --- what is counted ------------------------------------------------------------------------------


def test_an_update_is_no_lookup():
    assert figures.lookups(well()) == 2000
    assert figures.lookups(well(requests={"update": {"": 3}})) == 0


def test_nobody_waits_for_an_update():
    assert sum(figures.waits(well())) == 2000
    both = {"lookup": latency(0.002), "check": latency(0.002, 60.0), "update": latency(0.7)}
    assert figures.waits(well(latency=both)) == bucketed(b1=2, b11=1)
    assert figures.waits(well(latency={"update": latency(0.7)})) == []


@pytest.mark.parametrize("foreign", [[], [1, 2, 3], [1] * (BUCKETS + 1)])
def test_buckets_of_another_release_are_not_added_to_ours(foreign):
    both = {"lookup": latency(0.002), "check": Latency(foreign, 1.0)}
    assert figures.waits(well(latency=both)) is None


# --- quantiles ------------------------------------------------------------------------------------


def test_a_quantile_is_in_proportion_within_its_bucket():
    # Half of the answers within 2.5 to 5 ms, the others within 5 to 10 ms.
    buckets = bucketed(b2=50, b3=50)
    assert figures.quantile(buckets, 0.25) == pytest.approx(0.00375)
    assert figures.quantile(buckets, 0.99) == pytest.approx(0.0099)
    assert figures.quantile(bucketed(b0=4), 0.5) == pytest.approx(LATENCY_BUCKETS[0] / 2)
    assert figures.quantile(bucketed(b0=99, b3=1), 0.99) == pytest.approx(LATENCY_BUCKETS[0])


def test_a_quantile_beyond_the_last_bound_is_that_bound_as_prometheus_has_it():
    assert figures.quantile(bucketed(b0=10, b11=1), 0.99) == LAST
    assert figures.quantile(bucketed(b11=1), 0.0) == LAST


@pytest.mark.parametrize("buckets", [None, [], bucketed(), [1, 2, 3], [1] * (BUCKETS + 1)])
def test_there_is_no_quantile_of_nothing_or_of_another_release(buckets):
    assert figures.quantile(buckets, 0.99) is None


@given(counts.filter(any), parts, parts)
def test_quantiles_grow_and_are_in_a_bucket_that_has_answers(buckets, one, other):
    low, high = (figures.quantile(buckets, part) for part in sorted((one, other)))
    assert low <= high
    bounds = [0.0, *LATENCY_BUCKETS, LAST]
    for found in (low, high):
        assert any(
            number and lower - 1e-9 <= found <= upper + 1e-9
            for number, lower, upper in zip(buckets, bounds, bounds[1:], strict=False)
        )


# --- in words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (42.9, "42s"),
        (-1, "0s"),
        (60, "1m"),
        (312, "5m12s"),
        (10_800, "3h"),
        (11_100, "3h5m"),
        (187_200, "2d4h"),
        (172_860, "2d"),
        (86_400 * 412 + 7200, "412d"),
    ],
)
def test_an_age_has_its_two_greatest_units(seconds, text):
    assert figures.age(seconds) == text


def test_ago():
    assert [figures.ago(each) for each in (0.4, 1, 61)] == ["just now", "1s ago", "1m1s ago"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0, "0ms"),
        (0.00184, "1.8ms"),
        (0.04, "40ms"),
        (0.0996, "100ms"),
        (0.4, "400ms"),
        (1.24, "1.2s"),
        (0.9999, "1s"),
        (10.0, "10s"),
        (59.4, "59s"),
        (59.6, "1m"),
        (77.2, "1m17s"),
        (11_520.0, "3h12m"),
    ],
)
def test_a_time_has_two_digits_or_two_units(seconds, text):
    assert figures.took(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0.0018, "1.8ms"), (9.94, "9.9s"), (LAST, "10s+")]
)
def test_a_quantile_at_the_last_bound_may_be_more(seconds, text):
    assert figures.waited(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (99_999, "99999"),
        (123_456, "123k"),
        (999_600, "1M"),
        (4_520_000, "4.5M"),
        (7_000_000_000, "7G"),
    ],
)
def test_a_count_is_exact_until_nobody_reads_its_end(number, text):
    assert figures.count(number) == text


@pytest.mark.parametrize(
    ("number", "text"), [(None, "-"), (0, "0"), (1_234_567, "1,234,567"), (-1234.56, "-1,234.6")]
)
def test_where_there_is_room_a_number_is_exact(number, text):
    assert figures.exact(number) == text


@pytest.mark.parametrize(
    ("number", "text"), [(1, "1 key"), (0, "0 keys"), (2, "2 keys"), (12_345, "12,345 keys")]
)
def test_one_key_and_more(number, text):
    assert figures.several(number, "key") == text


@pytest.mark.parametrize(
    ("number", "text"), [(None, "-"), (0.0, "0"), (0.25, "0.2"), (12.3, "12"), (2500.2, "2500")]
)
def test_a_rate(number, text):
    assert figures.rate(number) == text


@pytest.mark.parametrize(
    ("part", "text"), [(None, "-"), (0.002, "0.2%"), (0.123, "12%"), (1.0, "100%"), (-0.1, "0%")]
)
def test_a_share(part, text):
    assert figures.share(part) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "-"), (0, "0B"), (512, "512B"), (1023, "1K"), (9_800_000, "9.3M"), (1 << 40, "1T")],
)
def test_a_size(amount, text):
    assert figures.size(amount) == text


@given(st.floats(0, 1e9), st.integers(0, 1 << 40))
def test_no_figure_is_wider_than_its_column(seconds, number):
    texts = [
        figures.age(seconds),
        figures.took(seconds),
        figures.waited(min(seconds, LAST)),
        figures.count(number),
        figures.rate(float(number)),
        figures.size(number),
    ]
    assert all(len(text) <= 8 and "e" not in text for text in texts), texts
