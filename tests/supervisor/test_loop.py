"""The real program between a smtpd that is played and a real, misbehaving backend process."""

import math
import os
import signal
import time

import psutil
import pytest
from tests.supervisor.conftest import QUIET
from tests.support.smtpd import FakeSmtpd, gone, wait_until

from tablewatch.protocol.messages import Operation, Ready, Verdict
from tablewatch.supervisor.loop import _milliseconds

BAD_KEYS = ["loop", "die", "empty", "garbage"]


def is_error(answer):
    return answer.verdict is Verdict.ERROR


def is_found(answer, key):
    return answer.verdict is Verdict.FOUND and answer.value == b"value of " + key


def test_lookups_are_answered_by_the_backend(smtpd):
    for key in (b"alice", b"j\xc3\xb6rg", b"\xff\xfe", b"a|b"):
        assert is_found(smtpd.ask(key), key)


def test_every_operation_is_answered(smtpd):
    assert smtpd.ask(b"alice", Operation.CHECK).verdict is Verdict.FOUND
    assert smtpd.ask(b"alice", Operation.LOOKUP, "userinfo").verdict is Verdict.FOUND
    assert smtpd.update().verdict is Verdict.FOUND


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_bad_key_is_an_error_and_the_next_lookup_succeeds(smtpd, key):
    assert is_error(smtpd.ask(key.encode()))
    assert is_found(smtpd.ask(b"alice"), b"alice")
    assert len(smtpd.workshop.pids()) == 2


def test_the_first_of_two_answers_is_the_answer(smtpd):
    assert is_found(smtpd.ask(b"twice"), b"twice")
    assert is_found(smtpd.ask(b"alice"), b"alice")


def test_a_looping_backend_is_gone_after_its_replacement(smtpd):
    smtpd.ask(b"loop")
    wait_until(lambda: gone(smtpd.workshop.pids()[0]), "the looping backend to be gone")


def test_a_poisoned_key_reaches_the_backend_once(smtpd):
    for _ in range(5):
        assert is_error(smtpd.ask(b"loop"))
    assert [event for event, _ in smtpd.workshop.seen()].count("lookup loop") == 1


def test_an_update_releases_the_poisoned_key(smtpd):
    smtpd.ask(b"loop")
    smtpd.update()
    smtpd.ask(b"loop")
    assert [event for event, _ in smtpd.workshop.seen()].count("lookup loop") == 2


@pytest.mark.parametrize("key", [b"hang", b"silent-loop"])
def test_a_backend_that_does_not_answer_is_replaced_at_the_deadline(workshop, dialect, key):
    workshop.configure("{deadline: 300ms, spares: 0, log: {syslog: false}}", protocol=dialect)
    with FakeSmtpd(workshop, dialect) as smtpd:
        smtpd.handshake()
        wait_until(lambda: is_found(smtpd.ask(b"alice"), b"alice"), "a backend that answers")
        pid = workshop.pids()[-1]
        assert is_error(smtpd.ask(key))
        wait_until(lambda: gone(pid), "the old backend to be gone")


def test_a_stopped_backend_is_replaced_at_the_deadline(workshop):
    workshop.configure("{deadline: 300ms, spares: 0, log: {syslog: false}}")
    with FakeSmtpd(workshop) as smtpd:
        smtpd.handshake()
        os.kill(workshop.pids()[0], signal.SIGSTOP)
        assert is_error(smtpd.ask(b"alice"))
        wait_until(lambda: gone(workshop.pids()[0]), "the stopped backend to be gone")


def test_a_backend_killed_while_idle_costs_nobody_an_answer(smtpd):
    for round_ in range(1, 5):
        os.kill(smtpd.workshop.pids()[-1], signal.SIGKILL)
        wait_until(lambda n=round_: len(smtpd.workshop.pids()) > n, "a replacement")
        assert is_found(smtpd.ask(b"alice"), b"alice")


def test_kill_ends_a_backend_although_smtpd_ignores_the_signal(smtpd):
    os.kill(smtpd.workshop.pids()[0], signal.SIGTERM)
    wait_until(lambda: len(smtpd.workshop.pids()) == 2, "a replacement")


def test_a_flood_on_stderr_delays_no_answer_for_ever(smtpd):
    assert is_found(smtpd.ask(b"flood"), b"flood")
    assert is_found(smtpd.ask(b"alice"), b"alice")


def test_what_ends_a_flood_belongs_to_the_request_that_is_answered_next(smtpd):
    keys = [f"flood-blame {number}" for number in range(12)]
    for key in keys * 2:
        assert is_error(smtpd.ask(key.encode()))
        assert is_found(smtpd.ask(b"alice"), b"alice")
    seen = [event for event, _ in smtpd.workshop.seen()]
    assert [seen.count(f"lookup {key}") for key in keys] == [1] * len(keys)  # then in quarantine


def test_what_a_backend_started_ends_with_it(smtpd):
    assert is_error(smtpd.ask(b"stray"))
    leader = smtpd.workshop.pids()[0]

    def members():
        found = []
        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == leader and not gone(process.pid):
                    found.append(process.pid)
            except ProcessLookupError:
                pass
        return found

    wait_until(lambda: not members(), "the whole group to be gone")
    assert is_found(smtpd.ask(b"alice"), b"alice")


@pytest.mark.parametrize("key", [b"alice", b"loop", b"silent-loop", b"hang"])
def test_at_eof_the_supervisor_and_every_backend_are_gone(workshop, dialect, key):
    workshop.configure(
        "{deadline: 1m, max_retries: 1000000, spares: 0, log: {syslog: false}}", protocol=dialect
    )
    with FakeSmtpd(workshop, dialect) as smtpd:
        smtpd.handshake()
        smtpd.send(key)
        wait_until(lambda: len(workshop.seen()) == 2, "the backend to be asked")
        smtpd.connection.close()
        wait_until(lambda: smtpd.process.poll() is not None, "the supervisor to leave")
        # The supervisor waits for its backends, so they are gone when it is.
        assert gone(workshop.pids()[0])
        assert smtpd.process.returncode == 0


def test_a_stopped_backend_is_gone_at_eof(smtpd):
    pid = smtpd.workshop.pids()[0]
    os.kill(pid, signal.SIGSTOP)
    smtpd.connection.close()
    wait_until(lambda: smtpd.process.poll() is not None, "the supervisor to leave")
    assert gone(pid)


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR2]
)
def test_no_signal_but_sigkill_ends_a_supervisor(smtpd, number):
    smtpd.process.send_signal(number)
    assert is_found(smtpd.ask(b"alice"), b"alice")
    assert smtpd.process.poll() is None


def test_sigusr1_logs_the_counters(smtpd):
    smtpd.ask(b"alice")
    smtpd.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: "counters: 1 requests" in smtpd.log(), "the counters")


@pytest.mark.parametrize("start", ["fail", "hang"])
def test_smtpd_starts_although_the_backend_does_not(workshop, dialect, start):
    text = "{register_wait: 200ms, start_grace: 100ms, spares: 0, log: {syslog: false}}"
    workshop.configure(text, protocol=dialect, start=start)
    with FakeSmtpd(workshop, dialect) as smtpd:
        assert isinstance(smtpd.handshake(), Ready)
        assert is_error(smtpd.ask(b"alice"))


def test_smtpd_starts_although_there_is_no_backend(workshop, dialect):
    (workshop.path / "table-fake").unlink()
    with FakeSmtpd(workshop, dialect) as smtpd:
        assert isinstance(smtpd.handshake(), Ready)
        assert is_error(smtpd.ask(b"alice"))
        wait_until(lambda: "no program table-fake" in smtpd.log(), "the reason in the log")


def test_lookups_are_answered_when_the_backend_has_come_up(workshop, dialect):
    text = "{restart: {min_delay: 50ms, max_delay: 100ms}, spares: 0, log: {syslog: false}}"
    workshop.configure(text, protocol=dialect, start="fail")
    with FakeSmtpd(workshop, dialect) as smtpd:
        smtpd.handshake()
        assert is_error(smtpd.ask(b"alice"))
        workshop.configure(text, protocol=dialect)
        wait_until(lambda: is_found(smtpd.ask(b"alice"), b"alice"), "an answer")


def test_the_backend_leads_a_group_of_its_own_in_the_same_session(smtpd):
    process = psutil.Process(smtpd.workshop.pids()[0])
    assert os.getpgid(process.pid) == process.pid
    assert os.getsid(process.pid) == os.getsid(smtpd.process.pid)


def test_a_broken_configuration_is_said_and_survived(workshop):
    workshop.configure("dedline: 5s\n")
    with FakeSmtpd(workshop) as smtpd:
        smtpd.handshake()
        assert is_found(smtpd.ask(b"alice"), b"alice")
        wait_until(lambda: "built-in defaults" in smtpd.log(), "the complaint")
        assert "dedline" in smtpd.log()
        smtpd.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: "configuration errors" in smtpd.log(), "the counter")


def test_a_newline_in_a_key_never_reaches_the_backend(workshop):
    with FakeSmtpd(workshop, version="7.6.0") as smtpd:
        smtpd.handshake()
        smtpd.connection.sendall(
            b"table|0.1|1.0|creds|lookup|credentials|0000000a|torn\n"
            b"table|0.1|1.0|creds|lookup|credentials|0000000b|victim\n"
        )
        assert smtpd.connection.recv(4096).startswith(b"lookup-result|0000000a|error|")
        assert is_found(smtpd.ask(b"alice"), b"alice")
        assert [event for event, _ in workshop.seen()] == ["start", "lookup alice"]


def test_an_idle_supervisor_sleeps(smtpd):
    smtpd.ask(b"alice")
    process = psutil.Process(smtpd.process.pid)
    wait_until(lambda: process.status() == psutil.STATUS_SLEEPING, "it to sleep")
    before = process.cpu_times()
    time.sleep(0.5)
    after = process.cpu_times()
    assert after.user + after.system - before.user - before.system <= 0.1


def test_nothing_of_a_key_or_value_is_logged(workshop, dialect):
    workshop.configure(QUIET, protocol=dialect)
    with FakeSmtpd(workshop, dialect) as smtpd:
        smtpd.handshake()
        smtpd.ask(b"alice@example.org")
        smtpd.ask(b"loop")
        smtpd.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: "counters" in smtpd.log(), "the log")
        assert "alice" not in smtpd.log()
        assert "value of" not in smtpd.log()


def test_summaries_of_many_kinds_of_lines_do_not_stop_the_lookups(workshop):
    # A line about each quarantined key: more kinds than the collapser remembers. It wants the
    # summaries of those it forgets to be logged at once, and says so with an infinite time.
    settings = "quarantine: {learn: no}, budget: {per_second: 1000}, spares: 0"
    workshop.configure(f"{{{settings}, log: {{syslog: false}}}}")
    with FakeSmtpd(workshop) as smtpd:
        smtpd.handshake()
        for number in range(80):
            assert is_error(smtpd.ask(f"\u0142{number}".encode()))
            assert is_found(smtpd.ask(b"alice"), b"alice")
        assert "internal error" not in smtpd.log()


BROKEN = """
from tablewatch.core.table import TableCore

def broken(self, now):
    raise ZeroDivisionError("alice")

TableCore.next_deadline = broken
from tablewatch.supervisor.main import main
main()
"""


def test_a_defect_before_each_turn_does_not_keep_smtpd_from_its_answers(workshop, dialect):
    workshop.configure("{spares: 0, log: {syslog: false}}", protocol=dialect)
    workshop._script("table-watch", BROKEN)
    with FakeSmtpd(workshop, dialect) as smtpd:
        smtpd.handshake()
        for _ in range(3):
            assert smtpd.ask(b"alice") is not None
        wait_until(lambda: "internal error: ZeroDivisionError at broken" in smtpd.log(), "the log")
        assert "alice" not in smtpd.log()


@pytest.mark.parametrize(
    ("seconds", "milliseconds"),
    [
        (-math.inf, 0),
        (-1.0, 0),
        (0.0, 0),
        (0.0001, 1),
        (1.0, 1000),
        (1e9, 3_600_000),
        (math.inf, 3_600_000),
    ],
)
def test_poll_waits_for_whole_milliseconds_at_least_as_long_as_it_should(seconds, milliseconds):
    assert _milliseconds(seconds) == milliseconds
