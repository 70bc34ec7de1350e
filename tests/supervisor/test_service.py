"""What a supervisor loads, and what it does not."""

import gc
import subprocess
import sys

from tablewatch.config.settings import Config
from tablewatch.supervisor import service

# Each of these takes milliseconds of every start and a part of the memory.
HEAVY = {"dataclasses", "inspect", "psutil", "subprocess", "yaml", "argparse", "logging", "asyncio"}
# What is loaded when tablewatchd is there, and for a trace.
LATER = {"tablewatch.control.status", "tablewatch.control.snapshot", "tablewatch.knowledge.tracing"}

START = "tablewatch.supervisor.main, tablewatch.supervisor.service"
WITH_DAEMON = f"{START}, tablewatch.supervisor.reporter, tablewatch.supervisor.teller"


def loaded_with(modules):
    """The names of all modules that are loaded when these are."""
    code = f"import {modules}, sys; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_until_it_is_needed_nothing_large_is_loaded():
    assert loaded_with(START) & (HEAVY | LATER) == set()


def test_with_tablewatchd_nothing_larger_than_what_it_is_told_is_loaded():
    loaded = loaded_with(WITH_DAEMON)
    assert loaded & HEAVY == set()
    assert "tablewatch.control.status" in loaded


def test_what_is_there_at_the_start_is_not_looked_through_again(monkeypatch):
    seen = []

    class Served:
        def __init__(self, *arguments, **named):
            pass

        def run(self):
            seen.append((gc.isenabled(), gc.get_freeze_count() > 0))

    monkeypatch.setattr(service, "Loop", Served)
    gc.disable()
    try:
        service.serve(Config(), [], "null", ["conf"])
    finally:
        gc.enable()
        gc.unfreeze()
    assert seen == [(True, True)]
