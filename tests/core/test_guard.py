"""Guard: what the active backend spends, when it is slowed down, when it has to go."""

from dataclasses import replace

import pytest
from tests.core.player import LOST, RECONNECT, RETRY

from tablewatch.config.settings import RateSettings, RunawaySettings, TableSettings
from tablewatch.core.actions import Actions, Measure, Pause, Resume, Usage
from tablewatch.core.backend import Backend, Pending
from tablewatch.core.counters import Counters
from tablewatch.core.guard import BLIND_INTERVAL, Guard
from tablewatch.knowledge.classify import Classifier
from tablewatch.policy.budget import RetryBudget
from tablewatch.protocol.messages import Operation
from tablewatch.protocol.text import TEXT


class Watched:
    """A guard with a backend whose processor time is `cpu`; the time stands still until `wait`."""

    def __init__(self, **settings):
        self.settings = TableSettings(**settings)
        self.actions = Actions()
        self.counters = Counters()
        self.budget = RetryBudget()
        self.guard = Guard(self.settings, self.budget, self.actions, self.counters)
        self.now = 100.0
        self.cpu = 0.0
        self.share = 0.0
        self.running = True
        self.measurements = 0
        self.findings = []
        self.usage = Usage(0.0, 10_000_000, 5, 0)
        self.backend = self.replace()

    def replace(self):
        codec = TEXT.backend_codec()
        backend = Backend(1, codec, self.now, self.now + 30.0)
        codec.greet(TEXT.hello("creds", "7.6.0"))
        codec.receive(b"register|credentials\nregister|ready\n")
        backend.ready(self.now)
        self.guard.begin(self.now)
        self.backend = backend
        return backend

    def ask(self, operation=Operation.LOOKUP, deadline=600.0):
        update = operation is Operation.UPDATE
        service, key = (None, None) if update else ("credentials", b"alice")
        request = TEXT.request("creds", operation, service, key)
        self.backend.ask(Pending(request, self.now, self.now + deadline), self.now)

    def answer(self):
        self.backend.codec.receive(b"lookup-result|00000001|not-found\n")
        self.backend.done()
        self.guard.answered(self.backend, self.now)
        self.settle()

    def write(self, *lines):
        """Return whether the backend is to be given up."""
        broke = False
        for line in lines:
            covered = self.guard.read(self.backend, Classifier().read(line), self.now)
            broke = broke or not covered
        over = self.guard.overspent(self.backend, broke=broke, now=self.now)
        self.settle()
        return over

    def wait(self, seconds, step=0.01):
        end = self.now + seconds
        while self.now < end and "throttled" not in self.findings:
            due = self.guard.next_due(self.backend, self.now)
            then = min(self.now + step, end) if due is None else min(self.now + step, end, due)
            then = max(then, self.now)
            self.cpu += self.share * (then - self.now) if self.running else 0.0
            self.now = then
            if due is not None and self.now >= due:
                self.found(self.guard.tick(self.backend, self.now))
                self.settle()
        return self.findings

    def found(self, finding):
        if finding is not None:
            self.findings.append(finding.why)

    def settle(self):
        while self.actions:
            action = self.actions.popleft()
            if isinstance(action, Measure):
                self.measurements += 1
                usage = self.usage
                if usage.cpu is not None:
                    usage = usage._replace(cpu=self.cpu)
                self.found(self.guard.measured(self.backend, usage, self.now))
            elif isinstance(action, Pause):
                assert self.running
                self.running = False
            else:
                assert isinstance(action, Resume)
                self.running = True

    def configure(self, **changes):
        self.settings = replace(self.settings, **changes)
        self.guard.configure(self.settings, self.budget)


def throttled(**runaway):
    """A backend that was stopped for its retries."""
    one = Watched(on_exhausted="throttle", runaway=RunawaySettings(**runaway))
    one.ask()
    one.write(*[LOST, RECONNECT] * 11)
    assert not one.running
    return one


def slowed(asked=True, **runaway):
    """A backend that was stopped because it spins."""
    one = Watched(on_exhausted="throttle", runaway=RunawaySettings(**runaway))
    one.wait(5.0)
    one.share = 1.0
    if asked:
        one.ask()
    while one.running:
        one.wait(0.1)
    return one


# --- retries


def test_more_retries_than_allowed_are_overspent():
    one = Watched(max_retries=2)
    one.ask()
    assert not one.write(RETRY, RECONNECT, RETRY, RECONNECT)
    assert one.write(RETRY)
    assert (one.counters.retries.total(), one.counters.reconnects.total()) == (3, 2)


def test_one_retry_is_overspent_when_the_budget_does_not_cover_it():
    one = Watched()
    one.budget.withdraw(one.now, 10.0)
    one.ask()
    assert one.write(LOST)


def test_an_update_may_reconnect_whatever_the_budget_says():
    one = Watched()
    one.budget.withdraw(one.now, 10.0)
    one.ask(Operation.UPDATE)
    assert not one.write(RECONNECT, RECONNECT, RECONNECT, RECONNECT)
    assert one.write(RETRY, RETRY, RETRY)


def test_what_an_idle_backend_does_is_charged_and_forgiven():
    one = Watched()
    assert not one.write(*[RETRY] * 5)
    assert one.budget.balance(one.now) == 5.0


def test_a_retry_and_its_reconnect_cost_one_token():
    one = Watched()
    one.ask()
    one.write(RETRY, RECONNECT, RETRY, RECONNECT)
    assert one.budget.balance(one.now) == 8.0


def test_in_observe_mode_nothing_is_stopped():
    one = Watched(on_exhausted="throttle", mode="observe")
    one.ask()
    assert one.write(*[LOST, RECONNECT] * 11)
    assert one.running


# --- throttling of retries


def test_an_overspent_backend_is_stopped_where_the_policy_is_to_throttle():
    one = throttled()
    assert one.backend.paused


def test_it_goes_on_when_a_retry_has_been_saved_up():
    one = throttled()
    assert one.budget.balance(one.now) == -1.0
    one.wait(1.9)
    assert not one.running
    one.wait(0.2)
    assert one.running
    assert not one.backend.paused


def test_the_stopped_time_is_counted():
    one = throttled()
    one.wait(2.1)
    assert one.counters.throttled == pytest.approx(2.0, abs=0.01)


def test_an_answer_lets_a_stopped_backend_go_on():
    one = throttled()
    one.answer()
    assert one.running
    assert one.wait(60.0) == []


def test_the_end_of_a_stopped_backend_lets_it_go_on():
    one = throttled()
    one.guard.end(one.backend, one.now)
    one.settle()
    assert one.running


def test_the_next_backend_is_not_stopped_for_the_last_ones_retries():
    one = throttled()
    one.guard.end(one.backend, one.now)
    one.settle()
    one.replace()
    one.ask()
    assert one.wait(30.0) == []
    assert one.running


def test_throttling_does_not_last_longer_than_its_limit():
    one = throttled(throttle_limit=3.0)
    for _ in range(1000):
        one.wait(0.01)
        if one.findings:
            break
        if one.running:
            one.write(*[LOST, RECONNECT] * 11)
    assert one.findings == ["throttled"]
    assert one.running
    assert one.now <= 100.0 + 3.5


def test_throttling_that_is_over_its_limit_is_found_by_the_next_line_too():
    one = throttled(throttle_limit=1.0)
    one.now += 1.1  # nobody called tick meanwhile
    assert one.write(LOST)


def test_the_throttled_time_never_goes_back():
    one = throttled()
    one.wait(2.1)
    assert one.running
    before = one.counters.throttled
    one.configure(deadline=7.0)
    one.write(*[LOST] * 4)
    assert one.counters.throttled >= before > 0.0


@pytest.mark.parametrize("change", [{"on_exhausted": "tempfail"}, {"mode": "observe"}, {}])
@pytest.mark.parametrize("stopped", [throttled, slowed])
def test_no_reload_leaves_a_backend_stopped(stopped, change):
    one = stopped()
    one.share = 0.0
    one.configure(**change)
    one.wait(3.0)
    assert one.running


# --- CPU


def test_a_spin_with_a_request_is_found():
    one = Watched()
    one.wait(5.0)
    one.share = 1.0
    one.ask()
    one.wait(1.9)
    assert one.findings == []
    one.wait(1.2)
    assert one.findings == ["spin"]


def test_a_spin_without_a_request_is_found():
    one = Watched()
    one.wait(60.0)
    one.share = 1.0
    one.wait(40.0)
    assert one.findings[0] == "spin"


def test_a_busy_backend_is_not_a_spin():
    one = Watched()
    one.share = 1.0
    for _ in range(20):
        one.ask()
        one.wait(1.0)
        one.answer()
    assert one.findings == []
    assert one.measurements > 20


def test_a_new_backend_has_a_time_of_grace():
    one = Watched(runaway=RunawaySettings(grace=10.0))
    one.share = 1.0
    one.ask()
    one.wait(11.9)
    assert one.findings == []
    one.wait(2.0)
    assert one.findings == ["spin"]


def test_an_update_may_compute_as_long_as_it_takes():
    one = Watched()
    one.share = 1.0
    one.ask(Operation.UPDATE)
    assert one.wait(30.0) == []


@pytest.mark.parametrize("asked", [True, False])
def test_a_spinner_is_held_to_its_share(asked):
    one = slowed(asked, throttle_cpu=0.2)
    began, used = one.now, one.cpu
    one.wait(20.0)
    assert one.findings == []
    assert 0.1 * (one.now - began) < one.cpu - used <= 0.25 * (one.now - began)


@pytest.mark.parametrize("asked", [True, False])
def test_a_spinner_is_given_up_when_throttling_did_not_help(asked):
    one = slowed(asked, throttle_limit=5.0)
    one.wait(10.0)
    assert "throttled" in one.findings


def test_an_answer_ends_the_throttling_of_a_spinner():
    one = slowed()
    one.share = 0.0
    one.answer()
    assert one.running
    one.ask()
    assert one.wait(10.0) == []
    assert one.running


def test_an_idle_backend_is_hardly_looked_at():
    one = Watched()
    one.wait(10.0)
    before = one.measurements
    one.wait(3600.0, step=10.0)
    assert one.measurements - before <= 3600 / 30 + 1


def test_where_the_platform_can_not_tell_nothing_is_found_and_hardly_asked():
    one = Watched()
    one.usage = Usage(None, None, None, None)
    one.ask()
    assert one.wait(10 * BLIND_INTERVAL, step=1.0) == []
    assert one.measurements <= 11


def test_a_blind_spinner_is_not_paced_for_ever_at_full_speed():
    one = slowed()
    one.usage = Usage(None, None, None, None)
    before = one.measurements
    one.wait(60.0)
    assert one.measurements - before <= 60 * 10 + 1


@pytest.mark.parametrize("asked", [True, False])
def test_a_stopped_spinner_that_can_not_be_measured_any_more_goes_on(asked):
    one = slowed(asked)
    one.usage = Usage(None, None, None, None)
    one.wait(1.5)
    assert one.running
    one.wait(30.0)
    assert one.running


# --- memory, descriptors


@pytest.mark.parametrize(
    ("usage", "why"),
    [
        (Usage(0.0, 200 * 1024**2, 5, 0), "memory"),
        (Usage(0.0, 10_000_000, 51, 0), "descriptors"),
        (Usage(None, 200 * 1024**2, None, None), None),
    ],
)
def test_a_leak_is_a_reason_to_recycle(usage, why):
    limits = RunawaySettings(max_memory=100 * 1024**2, max_descriptors=50)
    one = Watched(runaway=limits)
    finding = one.guard.measured(one.backend, usage, one.now)
    if why is None:  # no CPU, but memory: told all the same
        why = "memory"
    assert (finding.why, finding.recycle) == (why, True)


def test_what_is_at_its_limit_is_no_leak():
    limits = RunawaySettings(max_memory=100 * 1024**2, max_descriptors=50)
    one = Watched(runaway=limits)
    usage = Usage(0.0, 100 * 1024**2, 50, 0)
    assert one.guard.measured(one.backend, usage, one.now) is None


def test_a_limit_of_zero_is_none():
    one = Watched(runaway=RunawaySettings(max_memory=0, max_descriptors=0))
    assert one.guard.measured(one.backend, Usage(0.0, 10**12, 10**6, 0), one.now) is None


# --- rates


def test_a_storm_is_reported_not_punished():
    one = Watched(rates=RateSettings(lookups=5))
    for _ in range(100):
        one.guard.asked(one.now)
    assert not one.guard.storm(one.now)
    assert one.guard.exceeded(one.now) == "10.0 lookups/s (limit 5)"


def test_a_storm_is_refused_where_that_was_configured_until_it_is_over():
    one = Watched(rates=RateSettings(lookups=5, action="tempfail"))
    for _ in range(100):
        one.guard.asked(one.now)
    assert one.guard.storm(one.now)
    assert not one.guard.storm(one.now + 20.0)


def test_without_limits_nothing_is_exceeded():
    one = Watched()
    for _ in range(1000):
        one.guard.asked(one.now)
    one.write(*[RETRY, RECONNECT] * 100)
    assert one.guard.exceeded(one.now) == ""
    assert not one.guard.storm(one.now)


def test_every_rate_has_a_limit():
    one = Watched(rates=RateSettings(lookups=1, retries=1, reconnects=1, amplification=3))
    for _ in range(20):
        one.guard.asked(one.now)
        one.write(RETRY, RECONNECT)
    for answers, switches in ((0, 0), (40, 400)):
        one.backend.answers = answers
        one.guard.measured(one.backend, Usage(0.0, 0, 0, switches), one.now)
    told = one.guard.exceeded(one.now)
    for what in ("2.0 lookups/s", "2.0 retries/s", "2.0 reconnects/s", "9.0 round trips"):
        assert what in told
