"""SpinDetector: only CPU without progress is a spin."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.policy.runaway import SpinDetector

LIMITS = {"cpu_limit": 0.9, "window": 2.0, "grace": 2.0}


@pytest.fixture
def detector():
    return SpinDetector(**LIMITS)


class Process:
    """A backend's process tree: CPU seconds and answers, as functions of time."""

    def __init__(self, detector, now=0.0, outstanding=False):
        self.detector, self.now, self.outstanding = detector, now, outstanding
        self.cpu, self.answers, self.looks = 0.0, 0, 0

    def live(self, seconds, share=0.0, per_second=0.0):
        """Go on for so long, sampled when the detector asks for it; when was it flagged?"""
        end, answers = self.now + seconds, float(self.answers)
        while True:
            due = self.detector.next_sample(self.now, outstanding=self.outstanding)
            then = min(end, math.inf if due is None else due)
            answers += per_second * (then - self.now)
            self.cpu += share * (then - self.now)
            self.now, self.answers = then, int(answers)
            if due is None or due > end:
                return None
            if self.detector.sample(self.now, self.cpu, self.answers):
                return self.now
            self.looks += 1
            if then >= end:
                return None
            # Time passes between a sample and the next question.
            self.now += 1e-6


@pytest.mark.parametrize("outstanding", [True, False])
def test_a_silent_spinner_is_caught_within_a_window_and_a_quarter(detector, outstanding):
    process = Process(detector, now=100.0, outstanding=True)
    process.live(1.0, share=0.3, per_second=5.0)
    process.outstanding = outstanding
    assert process.live(60.0, share=1.0) == pytest.approx(103.0, abs=0.6)


def test_a_backend_busy_with_thousands_of_lookups_is_never_flagged(detector):
    process = Process(detector, outstanding=True)
    assert process.live(3600.0, share=1.0, per_second=5000.0) is None
    assert process.looks > 7000  # it was looked at, so it could have been flagged


def test_the_same_backend_is_flagged_once_it_no_longer_answers(detector):
    process = Process(detector, outstanding=True)
    process.live(60.0, share=1.0, per_second=5000.0)
    assert process.live(60.0, share=1.0) == pytest.approx(62.0, abs=0.6)


def test_one_answer_per_window_is_progress(detector):
    process = Process(detector, outstanding=True)
    assert process.live(600.0, share=1.0, per_second=0.6) is None


def test_waiting_for_the_database_is_no_spin(detector):
    process = Process(detector, outstanding=True)
    assert process.live(600.0, share=0.89) is None


def test_a_start_has_a_time_of_grace(detector):
    detector.spawned(0.0)
    assert detector.next_sample(0.0, outstanding=True) == 2.0
    assert not detector.sample(0.0, 0.0, 0)
    assert not detector.sample(1.9, 1.9, 0)
    assert not detector.sample(2.0, 2.0, 0)  # what was used before does not count
    assert not detector.sample(3.9, 3.9, 0)
    assert detector.sample(4.0, 4.0, 0)


def test_a_full_window_of_samples_is_needed(detector):
    assert not detector.sample(0.0, 50.0, 0)
    assert not detector.sample(1.9, 60.0, 0)
    assert detector.sample(2.0, 70.0, 0)


def test_after_an_action_the_window_begins_anew(detector):
    detector.sample(0.0, 0.0, 0)
    assert detector.sample(2.0, 2.0, 0)
    detector.acted(2.0)
    assert not detector.sample(2.5, 2.5, 0)
    assert not detector.sample(4.25, 4.25, 0)
    assert detector.sample(4.5, 4.5, 0)


def test_a_counter_that_goes_back_is_another_process(detector):
    detector.sample(0.0, 10.0, 0)
    assert not detector.sample(2.0, 2.0, 0)
    assert not detector.sample(3.9, 3.9, 0)
    assert detector.sample(4.0, 4.0, 0)


def test_another_process_needs_a_full_window_of_its_own(detector):
    detector.sample(0.0, 1.0, 0)
    detector.sample(0.5, 0.5, 0)
    assert not detector.sample(2.0, 5.0, 0)  # several processors
    assert detector.sample(2.5, 5.5, 0)


def test_a_spawn_ends_the_window_of_the_process_before(detector):
    detector.sample(0.0, 0.0, 0)
    detector.spawned(0.5)
    assert not detector.sample(2.5, 2.5, 0)


def test_children_count_even_on_several_processors(detector):
    assert Process(detector, outstanding=True).live(10.0, share=4.0) is not None


def test_a_late_sample_decides_by_what_was_used_since_the_last(detector):
    detector.sample(0.0, 0.0, 0)
    assert not detector.sample(60.0, 50.0, 0)
    assert detector.sample(120.0, 110.0, 0)


def test_more_samples_than_asked_for_neither_blind_nor_bloat_it(detector):
    flagged = []
    for number in range(5000):
        now = number / 1000
        flagged.append(detector.sample(now, now, 0))
        assert len(detector._samples) <= 20
    assert flagged.index(True) == pytest.approx(2000, abs=1)
    assert all(flagged[2001:])


def test_an_idle_backend_is_soon_left_alone(detector):
    process = Process(detector)
    process.live(1.0, per_second=10.0)
    before = process.looks
    process.live(600.0)
    assert process.looks - before <= 8 + 600 / 30 + 1


def test_a_loop_that_begins_by_itself_is_found(detector):
    process = Process(detector)
    process.live(615.0)
    flagged = process.live(600.0, share=1.0)
    assert flagged is not None
    assert flagged <= 615.0 + 15.0 + 3.0


def test_without_an_idle_interval_there_is_nothing_to_sample():
    detector = SpinDetector(**LIMITS, idle_interval=None)
    assert detector.next_sample(0.0, outstanding=False) is None
    assert detector.next_sample(0.0, outstanding=True) == 0.0
    detector.sample(0.0, 0.0, 0)
    detector.sample(0.5, 0.0, 1)
    assert detector.next_sample(0.6, outstanding=False) == 1.0
    assert detector.next_sample(4.5, outstanding=False) is None


STEPS = st.lists(
    st.tuples(
        st.one_of(st.just(0.0), st.floats(0.0, 0.3), st.floats(0.0, 5.0)),  # seconds
        st.sampled_from([0.0, 0.5, 0.95, 1.0, 3.0]),  # share
        st.sampled_from([0, 0, 0, 1, 1000]),  # answers
        st.sampled_from(["sample"] * 10 + ["spawned", "acted", "replaced"]),
    ),
    max_size=80,
)


@given(STEPS, st.floats(0.0, 1e6))
def test_flagged_means_a_window_above_the_limit_without_an_answer_or_an_action(steps, now):
    """Whatever is sampled when, the claim holds of what the backend really did."""
    detector, cpu, answers = SpinDetector(**LIMITS), 0.0, 0
    seen = []  # samples since an answer, an action or a new process
    grace_until = 0.0
    for seconds, share, more, what in steps:
        now, cpu, answers = now + seconds, cpu + share * seconds, answers + more
        if what == "replaced":
            cpu = 0.0
        if what in ("spawned", "acted"):
            getattr(detector, what)(now)
            seen = []
            grace_until = now + 2.0 if what == "spawned" else grace_until
            continue
        if seen and (seen[-1][2] != answers or seen[-1][1] > cpu):
            seen = []
        if now >= grace_until:
            seen.append((now, cpu, answers))
        if detector.sample(now, cpu, answers):
            assert any(
                now - time >= 2.0 and cpu - used > 0.9 * (now - time) for time, used, _ in seen
            )


@given(STEPS, st.floats(0.0, 1e6), st.booleans())
def test_whatever_was_before_a_spinner_is_caught(steps, now, outstanding):
    detector, cpu, answers = SpinDetector(**LIMITS), 0.0, 0
    for seconds, share, more, what in steps:
        now, cpu, answers = now + seconds, cpu + share * seconds, answers + more
        if what in ("spawned", "acted"):
            getattr(detector, what)(now)
        else:
            detector.sample(now, cpu, answers)
    process = Process(detector, now, outstanding)
    process.cpu, process.answers = cpu, answers
    flagged = process.live(60.0, share=1.0)
    assert flagged is not None
    # Grace, the idle interval at worst, then the window and two intervals.
    assert flagged - now <= 2.0 + (0.0 if outstanding else 30.0) + 2.0 + 2 * 0.5 + 0.1


@given(st.floats(0.0, 1e6), st.booleans(), st.booleans())
def test_the_next_sample_is_never_in_the_past(now, outstanding, known):
    detector = SpinDetector(**LIMITS)
    if known:
        detector.sample(now / 2, 0.0, 0)
    assert detector.next_sample(now, outstanding=outstanding) >= now
