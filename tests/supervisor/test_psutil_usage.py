"""What psutil tells of a process, and nothing worse than None where it does not."""

import os
import socket

import psutil
import pytest
from tests.supervisor.processes import CONNECTED, WAIT, WITH_CHILD, starting

from tablewatch.supervisor import psutil_usage
from tablewatch.supervisor.psutil_usage import connections_of, usage_of
from tablewatch.supervisor.usage import UNKNOWN


@pytest.fixture
def start():
    with starting() as start:
        yield start


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    "error",
    [NotImplementedError(), AttributeError(), psutil.AccessDenied(1), OSError(), RuntimeError()],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize(
    ("part", "field"),
    [("num_fds", "descriptors"), ("num_ctx_switches", "switches"), ("memory_info", "memory")],
)
def test_a_figure_that_is_not_told_is_none_and_the_others_are_told(
    start, monkeypatch, part, field, error
):
    def missing(*_):
        raise error

    monkeypatch.setattr(psutil.Process, part, missing)
    told = usage_of(start(WAIT).pid)
    assert getattr(told, field) is None
    assert [value for value in told._replace(**{field: 1}) if value is None] == []


@pytest.mark.parametrize("part", ["num_fds", "num_ctx_switches"])
def test_a_method_that_does_not_exist_is_a_figure_that_is_not_told(start, monkeypatch, part):
    monkeypatch.delattr(psutil.Process, part)
    told = usage_of(start(WAIT).pid)
    assert told.cpu is not None
    assert None in (told.descriptors, told.switches)


def test_a_switch_counter_without_the_voluntary_ones_is_not_told(start, monkeypatch):
    monkeypatch.setattr(psutil.Process, "num_ctx_switches", lambda _: object())
    assert usage_of(start(WAIT).pid).switches is None


def test_without_any_way_to_find_children_the_process_itself_is_told(start, monkeypatch):
    def missing(*_, **__):
        raise NotImplementedError

    monkeypatch.setattr(psutil.Process, "children", missing)
    told = usage_of(start(WITH_CHILD).pid)
    assert told.cpu is not None
    assert told.memory is not None


def test_processor_time_without_that_of_ended_children_is_told(start, monkeypatch):
    class Times:
        user = 1.0
        system = 0.5

    monkeypatch.setattr(psutil.Process, "cpu_times", lambda _: Times)
    assert usage_of(start(WAIT).pid).cpu == 1.5


def test_a_child_that_is_just_ending_spoils_nothing(start, monkeypatch):
    pid = start(WITH_CHILD).pid
    original = psutil.Process.cpu_times

    def only_the_parent(process):
        if process.pid != pid:
            raise psutil.NoSuchProcess(process.pid)
        return original(process)

    monkeypatch.setattr(psutil.Process, "cpu_times", only_the_parent)
    assert usage_of(pid).cpu is not None


def test_a_foreign_process_is_no_error(monkeypatch):
    def denied(*_, **__):
        raise psutil.AccessDenied(1)

    for part in ("cpu_times", "memory_info", "num_fds", "num_ctx_switches", "children"):
        monkeypatch.setattr(psutil.Process, part, denied)
    assert usage_of(os.getppid()) == UNKNOWN


def test_without_a_table_of_descriptors_internet_connections_are_told(start, port):
    assert connections_of(start(CONNECTED.format(port=port, count=3)).pid) == 3
    assert connections_of(start(WAIT).pid) == 0


@pytest.mark.parametrize("name", ["net_connections", "connections"])
def test_they_are_told_by_whichever_name_psutil_has_for_them(start, port, monkeypatch, name):
    pid = start(CONNECTED.format(port=port, count=2)).pid
    ask = getattr(psutil.Process, "net_connections", None) or psutil.Process.connections
    for each in ("net_connections", "connections"):
        monkeypatch.delattr(psutil.Process, each, raising=False)
    monkeypatch.setattr(psutil.Process, name, ask, raising=False)
    assert connections_of(pid) == 2


@pytest.mark.parametrize("error", [psutil.AccessDenied(1), NotImplementedError(), OSError()])
def test_connections_nobody_tells_of_are_none(start, monkeypatch, error):
    def denied(*_, **__):
        raise error

    for each in ("net_connections", "connections"):
        monkeypatch.setattr(psutil.Process, each, denied, raising=False)
    assert connections_of(start(WAIT).pid) is None


def test_alone_no_children_are_looked_for(monkeypatch):
    monkeypatch.setattr(psutil_usage, "_children", lambda pid: pytest.fail("looked for children"))
    assert usage_of(os.getpid(), alone=True).memory > 1_000_000
