import os
import resource

import psutil
import pytest

from tablewatch.daemon import own_process
from tablewatch.daemon.own_process import OwnProcess

NAMES = {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_start_time_seconds",
    "process_open_fds",
    "process_max_fds",
    "process_threads",
}


def told(process=None):
    metrics = (process or OwnProcess()).collect()
    return {each.name: each.value for metric in metrics for each in metric.samples}


def fails(error):
    def method(self):
        raise error

    return method


def test_the_standard_names_are_there(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda what: (128, 1024))
    found = told()
    assert set(found) == NAMES
    assert found["process_max_fds"] == 128
    assert found["process_start_time_seconds"] == psutil.Process(os.getpid()).create_time()


@pytest.mark.parametrize(
    ("method", "lost"),
    [
        ("cpu_times", {"process_cpu_seconds_total"}),
        ("memory_info", {"process_resident_memory_bytes", "process_virtual_memory_bytes"}),
        ("num_fds", {"process_open_fds"}),
        ("num_threads", {"process_threads"}),
        ("create_time", {"process_start_time_seconds"}),
    ],
)
@pytest.mark.parametrize(
    "error",
    [psutil.AccessDenied(), psutil.ZombieProcess(1), NotImplementedError(), RuntimeError("kvm")],
)
def test_what_can_t_be_told_is_left_out(monkeypatch, method, lost, error):
    monkeypatch.setattr(resource, "getrlimit", lambda what: (128, 1024))
    monkeypatch.setattr(psutil.Process, method, fails(error))
    assert set(told()) == NAMES - lost


def test_what_psutil_lacks_on_a_platform_is_left_out(monkeypatch):
    monkeypatch.delattr(psutil.Process, "num_fds")
    found = told()
    assert "process_open_fds" not in found
    assert "process_cpu_seconds_total" in found


def test_a_zero_that_can_t_be_is_left_out(monkeypatch):
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: 0.0)
    monkeypatch.setattr(psutil.Process, "num_threads", lambda self: 0)
    assert not {"process_start_time_seconds", "process_threads"} & set(told())


def test_no_limit_is_no_number(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda what: (resource.RLIM_INFINITY,) * 2)
    assert "process_max_fds" not in told()


def test_a_process_that_can_t_be_asked_says_nothing(monkeypatch):
    def gone():
        raise psutil.AccessDenied

    monkeypatch.setattr(own_process.psutil, "Process", gone)
    assert told() == {}


def test_the_start_does_not_move_with_the_clock(monkeypatch):
    process = OwnProcess()
    before = told(process)["process_start_time_seconds"]
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: before + 3600.0)
    assert told(process)["process_start_time_seconds"] == before
