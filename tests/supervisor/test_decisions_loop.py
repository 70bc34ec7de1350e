"""The decisions, made by the real program about real, misbehaving backend processes."""

import itertools
import os
import random
import signal
import socket
import time
from types import SimpleNamespace

import psutil
import pytest
from tests.support.smtpd import FakeSmtpd, gone, wait_until

from tablewatch.config.loader import load
from tablewatch.config.settings import Config
from tablewatch.core.table import TableCore
from tablewatch.protocol.messages import Operation, Verdict
from tablewatch.supervisor.loop import Loop

LOG = "log: {syslog: false}"


def is_error(answer):
    return answer.verdict is Verdict.ERROR


def is_found(answer, key):
    return answer.verdict is Verdict.FOUND and answer.value == b"value of " + key


def events(smtpd):
    return [event for event, _ in smtpd.workshop.seen()]


def who_answered(smtpd, key):
    """Ask, expect the value; return the pid of the backend that gave it."""
    assert is_found(smtpd.ask(key), key)
    event, pid = [each for each in smtpd.workshop.seen() if each[0].startswith("lookup")][-1]
    assert event == f"lookup {key.decode()}"
    return pid


def status(pid):
    try:
        return psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return None


def wait_until_stopped(pid):
    wait_until(lambda: status(pid) == psutil.STATUS_STOPPED, "the backend to be stopped")


def cpu_of(pid):
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


@pytest.fixture
def start(workshop):
    """Return a function that starts a table with our settings and the backend's."""
    started = []

    def starter(settings="", dialect="text", **backend):
        workshop.configure(f"{{{settings}{', ' if settings else ''}{LOG}}}", dialect, backend)
        load(str(workshop.config), required=True)
        smtpd = FakeSmtpd(workshop, dialect)
        started.append(smtpd)
        smtpd.__enter__()
        smtpd.handshake()
        return smtpd

    configure = workshop.configure
    workshop.configure = lambda text, dialect, backend: configure(text, protocol=dialect, **backend)
    yield starter
    for smtpd in started:
        smtpd.__exit__()


def reconfigure(smtpd, settings, dialect="text", **backend):
    smtpd.workshop.configure(f"{{{settings}, {LOG}}}", dialect, backend)


def reload(smtpd, said="configuration read anew"):
    before = smtpd.log().count(said)
    smtpd.process.send_signal(signal.SIGHUP)
    wait_until(lambda: smtpd.log().count(said) > before, "the configuration to be read")


def spare_of(smtpd):
    """Wait until there is a ready spare; return its pid."""
    wait_until(lambda: "spare is ready" in smtpd.log(), "a spare")
    return smtpd.workshop.pids()[1]


# --- spares


@pytest.mark.parametrize("dialect", ["text", "imsg"])
@pytest.mark.parametrize("key", [b"loop", b"die", b"hang", b"garbage"])
def test_after_a_bad_key_a_running_spare_answers(start, dialect, key):
    smtpd = start("deadline: 500ms", dialect)
    spare = spare_of(smtpd)
    assert is_error(smtpd.ask(key))
    assert who_answered(smtpd, b"alice") == spare
    wait_until(lambda: len(smtpd.workshop.pids()) == 3, "the next spare")


def test_after_a_backend_was_killed_a_running_spare_answers(start):
    smtpd = start()
    spare = spare_of(smtpd)
    os.kill(smtpd.workshop.pids()[0], signal.SIGKILL)
    wait_until(lambda: len(smtpd.workshop.pids()) == 3, "the next spare")
    assert who_answered(smtpd, b"alice") == spare


def test_a_dead_spare_is_replaced_and_costs_nobody_an_answer(start):
    smtpd = start()
    active = who_answered(smtpd, b"alice")
    for round_ in range(1, 4):
        wait_until(lambda n=round_: len(smtpd.workshop.pids()) > n, "a spare")
        os.kill(smtpd.workshop.pids()[-1], signal.SIGKILL)
        assert who_answered(smtpd, b"alice") == active


def test_without_spares_there_is_one_process(start):
    smtpd = start("spares: 0")
    assert who_answered(smtpd, b"alice") == smtpd.workshop.pids()[0]
    assert is_error(smtpd.ask(b"die"))
    assert who_answered(smtpd, b"alice") == smtpd.workshop.pids()[1]
    assert len(psutil.Process(smtpd.process.pid).children()) == 1


# --- throttle

THROTTLE = "on_exhausted: throttle, spares: 0"


@pytest.mark.parametrize("dialect", ["text", "imsg"])
def test_a_loop_is_paced_until_the_deadline_answers(start, dialect):
    budget = "budget: {per_second: 10, window: 1s}"
    smtpd = start(f"{THROTTLE}, deadline: 3s, {budget}", dialect)
    began = time.monotonic()
    smtpd.send(b"count-loop")
    wait_until(smtpd.workshop.pids, "the backend")
    (pid,) = smtpd.workshop.pids()
    stops = 0
    while smtpd_waits(smtpd):
        stops += status(pid) == psutil.STATUS_STOPPED
    assert is_error(smtpd.receive())
    elapsed = time.monotonic() - began
    assert stops > 0
    turns = events(smtpd).count("turn")
    assert turns >= 12, "it was not allowed to go on"
    # The reserve, the refill, and what is written ahead of being read. Unpaced: thousands.
    assert turns <= 10 + 10 * elapsed * 1.3 + 15
    wait_until(lambda: gone(pid), "the loop to be gone")
    assert who_answered(smtpd, b"alice") != pid


def smtpd_waits(smtpd):
    """Whether smtpd has no answer after another hundredth of a second."""
    try:
        smtpd.connection.settimeout(0.01)
        return not smtpd.connection.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return True
    finally:
        smtpd.connection.settimeout(60.0)


def test_a_spinner_is_held_to_its_share(start):
    limits = "runaway: {window: 500ms, grace: 0, cpu_limit: 20%, throttle_cpu: 20%}"
    smtpd = start(f"{THROTTLE}, deadline: 4s, {limits}")
    smtpd.send(b"silent-loop")
    wait_until(smtpd.workshop.pids, "the backend")
    (pid,) = smtpd.workshop.pids()
    wait_until_stopped(pid)
    at, used = time.monotonic(), cpu_of(pid)
    last_at, last_used = at, used
    while smtpd_waits(smtpd):
        last_at, last_used = time.monotonic(), cpu_of(pid)
    assert is_error(smtpd.receive())
    share = (last_used - used) / (last_at - at)
    assert 0.02 <= share <= 0.35
    wait_until(lambda: gone(pid), "the spinner to be gone")
    assert who_answered(smtpd, b"alice") != pid


@pytest.mark.parametrize("dialect", ["text", "imsg"])
def test_a_stopped_backend_does_not_outlive_a_killed_supervisor(start, dialect):
    smtpd = start("on_exhausted: throttle, deadline: 5m, budget: {window: 1s}", dialect)
    spare_of(smtpd)
    smtpd.send(b"loop")
    active, spare = smtpd.workshop.pids()
    wait_until_stopped(active)
    smtpd.process.kill()
    wait_until(lambda: gone(active), "the stopped backend to wake up and leave")
    wait_until(lambda: gone(spare), "the spare to leave")


def test_a_stopped_backend_is_gone_when_smtpd_is(start):
    smtpd = start("on_exhausted: throttle, deadline: 5m, budget: {window: 1s}")
    smtpd.send(b"loop")
    wait_until(smtpd.workshop.pids, "the backend")
    pid = smtpd.workshop.pids()[0]
    wait_until_stopped(pid)
    smtpd.connection.close()
    wait_until(lambda: smtpd.process.poll() is not None, "the supervisor to leave")
    assert gone(pid)


def test_a_reload_to_tempfail_leaves_nothing_stopped(start):
    smtpd = start(f"{THROTTLE}, deadline: 5m, budget: {{window: 1s}}")
    smtpd.send(b"loop")
    pid = smtpd.workshop.pids()[0]
    wait_until_stopped(pid)
    reconfigure(smtpd, "spares: 0")
    reload(smtpd)
    assert is_error(smtpd.receive())
    wait_until(lambda: gone(pid), "the loop to be gone")


# --- CPU

EAGER = (
    "runaway: {window: 500ms, grace: 0, cpu_limit: 10%, throttle_cpu: 5%}, deadline: 1m, spares: 0"
)


def test_a_busy_backend_is_never_touched_and_the_same_work_without_an_answer_is(start):
    smtpd = start(EAGER)
    pid = who_answered(smtpd, b"alice")
    began, used = time.monotonic(), cpu_of(pid)
    number = 0
    while cpu_of(pid) - used < 2.0:
        number += 1
        assert who_answered(smtpd, f"burn{number}".encode()) == pid
    share = (cpu_of(pid) - used) / (time.monotonic() - began)
    assert share > 0.15, "it was not busier than its limit"
    assert is_error(smtpd.ask(b"silent-loop"))
    assert time.monotonic() - began < 60.0
    wait_until(lambda: "CPU for" in smtpd.log(), "the reason in the log")
    wait_until(lambda: gone(pid), "the spinner to be gone")
    assert who_answered(smtpd, b"alice") != pid


# --- memory and descriptors


@pytest.mark.parametrize(
    ("key", "limit", "said"),
    [(b"grow", "max_memory: 80M", "it uses"), (b"leak", "max_descriptors: 50", "descriptors")],
)
def test_a_leaking_backend_is_replaced_and_nobody_notices(start, key, limit, said):
    smtpd = start(f"spares: 0, runaway: {{{limit}, window: 500ms, grace: 0}}")
    leaking = who_answered(smtpd, key)
    wait_until(lambda: who_answered(smtpd, b"alice") != leaking, "another backend")
    wait_until(lambda: gone(leaking), "the leaking one to be gone")
    wait_until(lambda: said in smtpd.log(), "the reason in the log")
    assert len(smtpd.workshop.pids()) == 2


# --- keys


def test_an_attack_that_never_repeats_a_key_is_learned_from(start):
    smtpd = start("spares: 1")
    for number in range(12):
        assert is_error(smtpd.ask(f"\u0142{number}@example.org".encode()))
        assert is_found(smtpd.ask(b"alice"), b"alice")
        assert is_found(smtpd.ask("jos\u00e9".encode()), "jos\u00e9".encode())
    reached = [event for event in events(smtpd) if "\u0142" in event]
    assert len(reached) == 5
    assert is_found(smtpd.ask(b"\xe9t\xe9"), b"\xe9t\xe9")
    wait_until(lambda: "every key with" in smtpd.log(), "the news in the log")


def test_a_filtered_key_costs_nothing(start):
    smtpd = start("filter: {charset: latin1, max_length: 20}, spares: 0")
    assert is_error(smtpd.ask("\u0142".encode()))
    assert is_error(smtpd.ask(b"x" * 21))
    assert is_found(smtpd.ask("jos\u00e9".encode()), "jos\u00e9".encode())
    assert len([event for event in events(smtpd) if event.startswith("lookup")]) == 1


class Order(Loop):
    """A loop that only notes in which order it would serve these descriptors."""

    def __init__(self, ready):
        super().__init__(TableCore(Config(), bytes(16), random.Random(1)), str, [], None, None)
        self.served = []
        self._poll = SimpleNamespace(poll=lambda _: [(self._number(name), 1) for name in ready])
        self._children.is_stderr = lambda descriptor: descriptor == 9002

    def _number(self, name):
        return {"signals": self._wake.fileno(), "smtpd": 0, "answer": 9001, "stderr": 9002}[name]

    def _dispatch(self, descriptor, events, now):
        self.served.append(descriptor)

    def play(self):
        self._turn()
        self._wake.close()
        self._waker.close()
        return self.served


@pytest.mark.parametrize("ready", list(itertools.permutations(["signals", "answer", "stderr"])))
def test_lines_come_before_answers_and_answers_before_deaths(ready):
    """A backend may write a line, answer and leave before we look."""
    order = Order(ready)
    expected = [order._number(name) for name in ("stderr", "answer", "signals")]
    assert order.play() == expected


@pytest.mark.parametrize("spares", [0, 1])
def test_a_backend_that_closes_its_connection_and_loops_is_ended(start, spares):
    smtpd = start(f"spares: {spares}")
    assert is_error(smtpd.ask(b"mute-loop"))
    assert is_found(smtpd.ask(b"alice"), b"alice")


# --- breaker


def database(workshop, up=True):
    path = workshop.path / "database"
    path.touch() if up else path.unlink(missing_ok=True)
    return str(path)


FAST = "threshold: 3, min_open: 100ms, max_open: 200ms"


@pytest.mark.parametrize("dialect", ["text", "imsg"])
def test_a_dead_database_is_left_alone_and_found_again(start, workshop, dialect):
    breaker = "breaker: {threshold: 3, min_open: 5s, max_open: 5s}"
    smtpd = start(f"spares: 0, {breaker}", dialect, database=database(workshop))
    who_answered(smtpd, b"alice")
    database(workshop, up=False)
    for number in range(40):
        assert is_error(smtpd.ask(f"user{number}".encode()))
    wait_until(lambda: "breaker open" in smtpd.log(), "the news in the log")
    asked = [event for event in events(smtpd) if event.startswith("lookup user")]
    assert 3 <= len(asked) <= 8
    database(workshop)
    smtpd.update()  # and not after 5 s
    assert is_found(smtpd.ask(b"user1"), b"user1")


def test_a_database_that_comes_back_is_found_without_anybodys_help(start, workshop):
    smtpd = start(f"spares: 0, breaker: {{{FAST}}}", database=database(workshop, up=False))
    for _ in range(5):
        assert is_error(smtpd.ask(b"alice"))
    database(workshop)
    wait_until(lambda: is_found(smtpd.ask(b"alice"), b"alice"), "the database to be found")
    wait_until(lambda: "breaker closed" in smtpd.log(), "the news")


def test_a_probe_finds_the_database_before_any_user_asks(start, workshop):
    breaker = f"breaker: {{{FAST}, probe: credentials probe@example.org}}"
    smtpd = start(f"spares: 0, {breaker}", database=database(workshop, up=False))
    for _ in range(3):
        assert is_error(smtpd.ask(b"alice"))
    wait_until(lambda: events(smtpd).count("lookup probe@example.org") >= 2, "probes")
    database(workshop)
    wait_until(lambda: "breaker closed" in smtpd.log(), "the breaker to close")
    assert is_found(smtpd.ask(b"alice"), b"alice")  # and no probe's answer


# --- reload


def test_a_new_deadline_counts_after_a_reload(start):
    smtpd = start("deadline: 5m, spares: 0")
    reconfigure(smtpd, "deadline: 200ms, spares: 0")
    reload(smtpd)
    assert is_error(smtpd.ask(b"hang"))


def test_a_broken_file_keeps_the_old_settings_and_says_so(start):
    smtpd = start("deadline: 200ms, spares: 0")
    smtpd.workshop.config.write_text("defaults: {dedline: 5m}\n", encoding="utf-8")
    reload(smtpd, said="configuration not used")
    assert "dedline" in smtpd.log()
    assert "read anew" not in smtpd.log()
    assert is_error(smtpd.ask(b"hang"))


def test_a_file_that_is_gone_keeps_the_old_settings(start):
    smtpd = start("deadline: 200ms, spares: 0")
    smtpd.workshop.config.unlink()
    reload(smtpd, said="configuration not used")
    assert is_error(smtpd.ask(b"hang"))


def test_quarantine_survives_a_reload(start):
    smtpd = start("spares: 0")
    assert is_error(smtpd.ask(b"loop"))
    reload(smtpd)
    assert is_error(smtpd.ask(b"loop"))
    assert events(smtpd).count("lookup loop") == 1


def test_more_spares_after_a_reload(start):
    smtpd = start("spares: 0")
    who_answered(smtpd, b"alice")
    reconfigure(smtpd, "spares: 2")
    reload(smtpd)
    wait_until(lambda: len(smtpd.workshop.pids()) == 3, "two spares")


def test_another_backend_path_counts_after_a_reload(start, workshop, tmp_path):
    smtpd = start("spares: 0")
    who_answered(smtpd, b"alice")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (workshop.path / "table-fake").rename(elsewhere / "table-fake")
    text = f"backend_path: [{elsewhere}]\ndefaults: {{spares: 0, {LOG}}}\n"
    workshop.config.write_text(text, encoding="utf-8")
    reload(smtpd)
    assert is_error(smtpd.ask(b"die"))
    assert is_found(smtpd.ask(b"alice"), b"alice")


def test_many_reloads_in_the_midst_of_lookups_cost_nobody_an_answer(start):
    smtpd = start("spares: 1")
    for number in range(200):
        smtpd.process.send_signal(signal.SIGHUP)
        assert is_found(smtpd.ask(f"user{number}".encode()), f"user{number}".encode())


# --- no spinning of our own


def share_of(process, seconds=1.0):
    """Return which share of a processor `process` uses over some time."""
    used, began = cpu_of(process.pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_of(process.pid) - used) / (time.monotonic() - began)


def test_an_update_that_waits_for_a_backend_costs_no_processor_time(start):
    settings = "spares: 0, start_grace: 0, register_wait: 0"
    smtpd = start(settings, start="hang")
    smtpd.send(None, Operation.UPDATE, None)
    assert share_of(smtpd.process) < 0.3


def test_an_update_without_any_backend_is_answered(start, workshop):
    (workshop.path / "table-fake").unlink()
    smtpd = start("spares: 0")
    assert is_error(smtpd.update())
    assert is_error(smtpd.ask(b"alice"))
    assert share_of(smtpd.process) < 0.3


def test_a_probe_that_can_not_be_asked_costs_no_processor_time(start, workshop):
    breaker = f"breaker: {{threshold: 1, {FAST[14:]}, probe: credentials probe@example.org}}"
    smtpd = start(f"spares: 0, {breaker}", database=database(workshop, up=False))
    assert is_error(smtpd.ask(b"alice"))
    reconfigure(smtpd, f"spares: 0, {breaker}", start="hang")
    os.kill(smtpd.workshop.pids()[0], signal.SIGKILL)
    wait_until(lambda: len(smtpd.workshop.pids()) == 2, "a replacement")
    assert share_of(smtpd.process) < 0.3


def test_an_idle_supervisor_hardly_wakes_up(start):
    smtpd = start()
    spare_of(smtpd)
    who_answered(smtpd, b"alice")
    process = psutil.Process(smtpd.process.pid)

    def wakes():
        before = process.num_ctx_switches().voluntary
        time.sleep(1.0)
        return process.num_ctx_switches().voluntary - before

    wait_until(lambda: wakes() <= 10, "it to sleep")
