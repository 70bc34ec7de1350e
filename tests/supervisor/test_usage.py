"""What the platform tells of a process, and nothing worse than None where it does not."""

import builtins
import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest
from tests.support.smtpd import gone, wait_until

from tablewatch.supervisor import usage
from tablewatch.supervisor.usage import UNKNOWN, connections_of, usage_of

BURN = "import os\nos.write(1, b'.')\nwhile True: pass"
WAIT = "import os\nos.write(1, b'.')\nos.read(0, 1)"
WITH_CHILD = """\
import os
import socket
if os.fork():
    os.read(0, 1)
else:
    os.write(1, b'.')
    while True: pass
"""


@pytest.fixture
def start():
    started = []

    def starter(code):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
        )
        started.append(process)
        assert process.stdout.read(1) == b"."
        return process

    yield starter
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, 9)
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.fixture
def no_list_of_children(monkeypatch):
    """As on OpenBSD: no /proc."""

    def opener(path, *arguments, **named):
        if str(path).startswith("/proc/"):
            raise FileNotFoundError(path)
        return builtins.open(path, *arguments, **named)

    monkeypatch.setattr(usage, "open", opener, raising=False)


def test_everything_is_told_of_a_process_of_ours(start):
    pid = start(WAIT).pid
    told = usage_of(pid)
    assert told.cpu is not None
    assert told.memory > 1_000_000
    assert told.descriptors >= 3
    wait_until(lambda: usage_of(pid).switches >= 1, "it to wait for something")


def test_the_processor_time_grows_with_its_use(start):
    pid = start(BURN).pid
    before = usage_of(pid).cpu
    wait_until(lambda: usage_of(pid).cpu >= before + 0.2, "processor time")


def test_an_opened_descriptor_is_counted(start):
    code = "import os\nos.write(1, b'.')\n{}os.read(0, 1)"
    few = usage_of(start(code.format("")).pid)
    more = start(code.format("kept = [os.dup(0) for _ in range(50)]; os.write(1, b'.'); "))
    assert more.stdout.read(1) == b"."
    assert usage_of(more.pid).descriptors == few.descriptors + 50


def test_what_its_children_use_is_its_own(start):
    pid = start(WITH_CHILD).pid
    wait_until(lambda: usage_of(pid).cpu > psutil.Process(pid).cpu_times().user + 0.3, "CPU")


def test_the_memory_of_its_children_is_its_own(start):
    pid = start(WITH_CHILD).pid
    assert usage_of(pid).memory > psutil.Process(pid).memory_info().rss


def test_children_that_have_ended_stay_in_the_account(start):
    code = (
        "import os,time\np = os.fork()\n"
        "if not p:\n"
        "    while time.process_time() < 0.4: pass\n"
        "    os._exit(0)\n"
        "os.waitpid(p, 0); os.write(1, b'.'); os.read(0, 1)"
    )
    assert usage_of(start(code).pid).cpu >= 0.3


def test_without_proc_children_are_found_all_the_same(start, no_list_of_children):
    pid = start(WITH_CHILD).pid
    wait_until(lambda: usage_of(pid).cpu > psutil.Process(pid).cpu_times().user + 0.3, "CPU")


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


def test_without_any_way_to_find_children_the_process_itself_is_told(
    start, monkeypatch, no_list_of_children
):
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


def test_a_process_that_is_gone_has_no_usage(start):
    process = start(WAIT)
    process.stdin.close()
    process.wait()
    assert usage_of(process.pid) == UNKNOWN


def test_a_zombie_is_no_error(start):
    process = start(WAIT)
    process.stdin.close()
    wait_until(lambda: gone(process.pid), "the process to end")
    assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
    told = usage_of(process.pid)
    assert not told.descriptors
    assert not told.memory


def test_a_foreign_process_is_no_error(monkeypatch):
    def denied(*_):
        raise psutil.AccessDenied(1)

    for part in ("cpu_times", "memory_info", "num_fds", "num_ctx_switches", "children"):
        monkeypatch.setattr(psutil.Process, part, denied)
    assert usage_of(os.getppid()) == UNKNOWN


# --- connections

CONNECTED = """\
import os, socket
kept = [socket.create_connection(('127.0.0.1', {port})) for _ in range({count})]
pair = socket.socketpair()
os.dup2(pair[0].fileno(), 2)
os.dup(kept[0].fileno()), os.dup(0)
pair[0].close(), pair[1].close()
os.write(1, b'.')
os.read(0, 1)
"""


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield server.getsockname()[1]


@pytest.fixture
def no_table_of_descriptors(monkeypatch):
    """As on OpenBSD: no /proc."""

    def missing(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(usage, "os", SimpleNamespace(listdir=missing))


def test_connections_are_those_to_others_each_counted_once(start, port):
    """Not the three descriptors it was started with, one of them a socket, nor copies of them."""
    assert connections_of(start(CONNECTED.format(port=port, count=3)).pid) == 3
    assert connections_of(start(WAIT).pid) == 0


def test_a_connection_to_a_socket_in_the_file_system_is_one(start, tmp_path):
    path = str(tmp_path / "mysql.sock")
    code = f"import os, socket\ns = socket.socket(socket.AF_UNIX); s.connect({path!r})\n"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert connections_of(start(code + "os.write(1, b'.'); os.read(0, 1)").pid) == 1


def test_without_a_table_of_descriptors_internet_connections_are_told(
    start, port, no_table_of_descriptors
):
    assert connections_of(start(CONNECTED.format(port=port, count=3)).pid) == 3
    assert connections_of(start(WAIT).pid) == 0


@pytest.mark.parametrize("name", ["net_connections", "connections"])
def test_they_are_told_by_whichever_name_psutil_has_for_them(
    start, port, monkeypatch, no_table_of_descriptors, name
):
    pid = start(CONNECTED.format(port=port, count=2)).pid
    ask = getattr(psutil.Process, "net_connections", None) or psutil.Process.connections
    for each in ("net_connections", "connections"):
        monkeypatch.delattr(psutil.Process, each, raising=False)
    monkeypatch.setattr(psutil.Process, name, ask, raising=False)
    assert connections_of(pid) == 2


@pytest.mark.parametrize("error", [psutil.AccessDenied(1), NotImplementedError(), OSError()])
def test_connections_nobody_tells_of_are_none(start, monkeypatch, no_table_of_descriptors, error):
    def denied(*_, **__):
        raise error

    for each in ("net_connections", "connections"):
        monkeypatch.setattr(psutil.Process, each, denied, raising=False)
    assert connections_of(start(WAIT).pid) is None


def test_a_process_that_is_gone_has_no_connections(start):
    process = start(WAIT)
    process.stdin.close()
    process.wait()
    assert connections_of(process.pid) is None


# --- alone


def test_alone_a_process_is_told_without_its_children(start):
    pid = start(WITH_CHILD).pid
    own = psutil.Process(pid).memory_info().rss
    assert usage_of(pid, alone=True).memory <= own * 1.1
    assert usage_of(pid).memory > own * 1.5


def test_alone_no_children_are_looked_for(monkeypatch):
    monkeypatch.setattr(usage, "_children", lambda pid: pytest.fail("looked for children"))
    assert usage_of(os.getpid(), alone=True).memory > 1_000_000
