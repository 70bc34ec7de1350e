"""AlikeDetector: broken SQL is told from bad keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.policy.alike import Alike, AlikeDetector

SALT = b"0123456789abcdef"
ERROR = "mysql-regexp"
SERVICE = "credentials"


@pytest.fixture
def detector():
    return AlikeDetector(SALT, needed=5, window=100.0, quiet=60.0, max_proven=3)


def fail(detector, keys, now=0.0, signature=ERROR, service=SERVICE):
    for key in keys:
        detector.failed(service, key, signature, now)


def keys(count, prefix=""):
    return [f"{prefix}{number}".encode() for number in range(count)]


def test_sql_that_never_worked_is_at_fault_after_five_keys(detector):
    fail(detector, keys(4))
    assert detector.sql_at_fault(SERVICE, 0.0) is None
    fail(detector, [b"fifth"], now=3.0)
    assert detector.sql_at_fault(SERVICE, 3.0) == Alike(ERROR, since=0.0)


def test_one_key_over_and_over_does_not_put_it_on_the_sql(detector):
    fail(detector, [b"bad"] * 50)
    assert detector.sql_at_fault(SERVICE, 0.0) is None


def test_a_success_in_between_clears_the_sql(detector):
    fail(detector, keys(4))
    detector.success(SERVICE, b"good", 1.0)
    fail(detector, keys(4), now=2.0)
    assert detector.sql_at_fault(SERVICE, 1000.0) is None


def test_a_success_clears_sql_found_at_fault(detector):
    fail(detector, keys(5))
    detector.success(SERVICE, b"good", 1.0)
    assert detector.sql_at_fault(SERVICE, 1000.0) is None


def test_sql_that_worked_a_moment_ago_is_given_time(detector):
    detector.success(SERVICE, b"good", 0.0)
    fail(detector, keys(50), now=1.0)
    assert detector.sql_at_fault(SERVICE, 59.9) is None
    assert detector.sql_at_fault(SERVICE, 60.0) == Alike(ERROR, since=1.0)


def test_a_key_that_worked_before_proves_it_at_once(detector):
    detector.success(SERVICE, b"popular", 0.0)
    fail(detector, keys(4), now=1.0)
    assert detector.sql_at_fault(SERVICE, 1.0) is None
    fail(detector, [b"popular"], now=1.0)
    assert detector.sql_at_fault(SERVICE, 1.0) == Alike(ERROR, since=1.0)


def test_a_key_proves_only_the_service_it_worked_in(detector):
    detector.success("alias", b"popular", 0.0)
    detector.success(SERVICE, b"other", 0.0)
    fail(detector, [*keys(4), b"popular"], now=1.0)
    assert detector.sql_at_fault(SERVICE, 1.0) is None


def test_keys_that_all_have_a_trait_say_nothing_about_the_sql(detector):
    fail(detector, [f"ł{number}".encode() for number in range(100)])
    assert detector.sql_at_fault(SERVICE, 1000.0) is None
    fail(detector, [b"plain"])
    assert detector.sql_at_fault(SERVICE, 1000.0) is not None


def test_another_error_begins_anew(detector):
    fail(detector, keys(4))
    fail(detector, [b"other"], signature="mysql-subquery-rows", now=1.0)
    assert detector.sql_at_fault(SERVICE, 1.0) is None
    fail(detector, keys(4), signature="mysql-subquery-rows", now=2.0)
    assert detector.sql_at_fault(SERVICE, 2.0) == Alike("mysql-subquery-rows", since=1.0)


@pytest.mark.parametrize(("pause", "found"), [(100.0, True), (100.1, False)])
def test_a_pause_longer_than_the_window_begins_anew(detector, pause, found):
    fail(detector, keys(4))
    fail(detector, [b"fifth"], now=pause)
    assert (detector.sql_at_fault(SERVICE, pause) is not None) == found


def test_a_run_may_last_longer_than_the_window(detector):
    for number in range(5):
        fail(detector, [b"%d" % number], now=90.0 * number)
    assert detector.sql_at_fault(SERVICE, 360.0) == Alike(ERROR, since=0.0)


def test_a_key_that_fails_once_by_itself_proves_nothing_the_next_time(detector):
    detector.success(SERVICE, b"broken since", 0.0)
    fail(detector, [b"broken since"], now=1.0)
    detector.success(SERVICE, b"good", 2.0)
    fail(detector, [b"broken since", *keys(4)], now=3.0)
    assert detector.sql_at_fault(SERVICE, 3.0) is None


def test_popular_keys_stay_in_memory(detector):
    for key in (b"popular", b"1", b"2", b"popular", b"3", b"4"):
        detector.success(SERVICE, key, 0.0)
    fail(detector, [*keys(4, "bad"), b"popular"], now=1.0)
    assert detector.sql_at_fault(SERVICE, 1.0) is not None


def test_each_service_has_its_own_sql(detector):
    fail(detector, keys(5))
    detector.success("alias", b"good", 0.0)
    assert detector.sql_at_fault("alias", 1000.0) is None
    assert detector.sql_at_fault(SERVICE, 0.0) is not None


def test_nothing_is_kept_of_auth_keys(detector):
    detector.success("auth", b"alice:secret", 0.0)
    fail(detector, keys(50), service="auth")
    assert detector.sql_at_fault("auth", 1000.0) is None
    assert not detector._proven
    assert not detector._runs


def test_clear_forgets_the_failures(detector):
    fail(detector, keys(5))
    detector.clear()
    assert detector.sql_at_fault(SERVICE, 0.0) is None


def test_what_is_remembered_is_bounded(detector):
    for key in keys(1000):
        detector.success(SERVICE, key, 0.0)
    fail(detector, keys(1000, "bad"))
    assert len(detector._proven) == 3
    assert len(detector._runs[SERVICE].keys) == 5


@given(st.lists(st.integers(1, 58), min_size=1, max_size=4))
def test_an_attack_with_plain_keys_is_not_put_on_the_sql_while_others_log_in(bursts):
    """50 bad keys a second for as long as somebody else succeeds within every minute."""
    detector, now, number = AlikeDetector(SALT), 0.0, 0
    for burst in bursts:
        detector.success(SERVICE, b"good", now)
        for _ in range(burst * 50):
            now += 0.02
            number += 1
            detector.failed(SERVICE, b"((%d" % number, ERROR, now)
            assert detector.sql_at_fault(SERVICE, now) is None


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from([b"1", b"2", b"3", b"4", b"5", b"6", "ł".encode()]),
            st.sampled_from(["one", "two"]),
            st.floats(0.0, 90.0),
        ),
        max_size=100,
    )
)
def test_sql_is_at_fault_only_after_a_run_of_distinct_keys_with_one_error(events):
    """Checked against the whole history, which the detector doesn't keep."""
    detector, now, run = AlikeDetector(SALT, needed=3, window=60.0, quiet=30.0), 0.0, []
    for works, key, signature, seconds in events:
        now += seconds
        if works:
            detector.success(SERVICE, key, now)
            run = []
        else:
            detector.failed(SERVICE, key, signature, now)
            if run and (run[-1][1] != signature or now - run[-1][2] > 60.0):
                run = []
            run.append((key, signature, now))
        found = detector.sql_at_fault(SERVICE, now)
        if found is not None:
            assert found == Alike(run[0][1], since=run[0][2])
            assert len({event[0] for event in run}) >= 3
            assert any(event[0].isascii() for event in run)
        elif len({event[0] for event in run}) >= 3 and any(event[0].isascii() for event in run):
            assert detector.sql_at_fault(SERVICE, now + 30.0) is not None
