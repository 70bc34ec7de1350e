import math

import pytest

from tablewatch.control import moments

NOON = 1_700_049_600.0


def test_a_moment_of_the_same_day_has_no_date():
    assert len(moments.short(NOON, NOON + 1)) == len("12:00:00")
    assert moments.short(NOON - 172_800, NOON).startswith("2023-11-1")


def test_a_moment_has_its_time_zone():
    assert moments.moment(NOON).startswith("2023-11-1")
    assert moments.moment(NOON).split()[-1] == moments.local(NOON).tzname()


@pytest.mark.parametrize("when", [1e300, -1e300, math.nan])
def test_a_moment_out_of_all_range_is_no_failure(when):
    assert moments.moment(when) == moments.moment(0.0)
