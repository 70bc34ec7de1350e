from hypothesis import given
from hypothesis import strategies as st

from tablewatch.policy.duty import Duty


def test_who_works_less_than_the_share_never_rests():
    duty = Duty(share=0.5, at_once=0.001)
    now = 100.0
    for _ in range(10_000):
        now += 0.0005
        assert duty.worked(0.0002, now) == now


def test_who_works_all_the_time_rests_until_it_was_only_the_share():
    duty = Duty(share=0.5, at_once=0.001)
    now, worked, rests = 100.0, 0.0, []
    while now < 101.0:
        now += 0.0001
        worked += 0.0001
        until = duty.worked(0.0001, now)
        rests += [until - now] if until > now else []
        now = until
    assert 0.48 < worked <= 0.501
    assert max(rests) < 0.0025


def test_after_a_pause_it_begins_anew():
    duty = Duty(share=0.5, at_once=0.001)
    until = duty.worked(0.5, 100.0)
    assert until == 101.0
    assert duty.worked(0.0005, until) == until


moments = st.tuples(st.floats(0.0, 0.01), st.floats(0.0, 0.01))


@given(st.lists(moments, max_size=50), st.floats(0.05, 1.0), st.floats(0.0001, 0.01))
def test_no_stretch_of_time_holds_more_work_than_promised(pieces, share, at_once):
    duty = Duty(share=share, at_once=at_once)
    now = 1000.0
    done = []
    for pause, spent in pieces:
        now += pause + spent
        done.append((now - spent, now, spent))
        now = duty.worked(spent, now)
    for first, (began, _, _) in enumerate(done):
        total = 0.0
        for _, ended, spent in done[first:]:
            total += spent
            assert total - spent <= share * (ended - spent - began) + at_once + 1e-9
