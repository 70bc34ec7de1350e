"""The real program: SIGHUP, and that it never spins itself."""

import os
import signal
import time

import psutil
from tests.supervisor.tables import (
    LOG,
    configure,
    cpu_of,
    database,
    events,
    is_error,
    is_found,
    reload,
    spare_of,
    who_answered,
)
from tests.support.smtpd import wait_until

from tablewatch.protocol.messages import Operation


def test_a_new_deadline_counts_after_a_reload(start):
    smtpd = start("deadline: 5m, spares: 0")
    configure(smtpd.workshop, "deadline: 200ms, spares: 0")
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
    configure(smtpd.workshop, "spares: 2")
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
    rests = "min_open: 100ms, max_open: 200ms"
    breaker = f"breaker: {{threshold: 1, {rests}, probe: credentials probe@example.org}}"
    smtpd = start(f"spares: 0, {breaker}", database=database(workshop, up=False))
    assert is_error(smtpd.ask(b"alice"))
    configure(smtpd.workshop, f"spares: 0, {breaker}", start="hang")
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
