"""What the platform tells of a process, and nothing worse than None where it does not."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from tests.supervisor.processes import BURN, WAIT, WITH_CHILD, starting
from tests.support.smtpd import gone, wait_until

from tablewatch import supervisor
from tablewatch.supervisor import linux_usage, psutil_usage, usage
from tablewatch.supervisor.usage import UNKNOWN

BOTH = [pytest.param(linux_usage, id="linux"), pytest.param(psutil_usage, id="psutil")]


@pytest.fixture
def start():
    with starting() as start:
        yield start


@pytest.fixture(params=BOTH)
def told_by(request):
    if request.param is linux_usage and not linux_usage.is_here():
        pytest.skip("no /proc with lists of children")
    return request.param


def test_everything_is_told_of_a_process_of_ours(start, told_by):
    pid = start(WAIT).pid
    told = told_by.usage_of(pid)
    assert told.cpu is not None
    assert told.memory > 1_000_000
    assert told.descriptors >= 3
    wait_until(lambda: told_by.usage_of(pid).switches >= 1, "it to wait for something")


def test_the_processor_time_grows_with_its_use(start, told_by):
    pid = start(BURN).pid
    before = told_by.usage_of(pid).cpu
    wait_until(lambda: told_by.usage_of(pid).cpu >= before + 0.2, "processor time")


def test_an_opened_descriptor_is_counted(start, told_by):
    code = "import os\nos.write(1, b'.')\n{}os.read(0, 1)"
    few = told_by.usage_of(start(code.format("")).pid)
    more = start(code.format("kept = [os.dup(0) for _ in range(50)]; os.write(1, b'.'); "))
    assert more.stdout.read(1) == b"."
    assert told_by.usage_of(more.pid).descriptors == few.descriptors + 50


def test_what_its_children_use_is_its_own(start, told_by):
    pid = start(WITH_CHILD).pid
    wait_until(
        lambda: told_by.usage_of(pid).cpu > psutil.Process(pid).cpu_times().user + 0.3, "CPU"
    )


def test_the_memory_of_its_children_is_its_own(start, told_by):
    pid = start(WITH_CHILD).pid
    assert told_by.usage_of(pid).memory > psutil.Process(pid).memory_info().rss


def test_children_that_have_ended_stay_in_the_account(start, told_by):
    code = (
        "import os,time\np = os.fork()\n"
        "if not p:\n"
        "    while time.process_time() < 0.4: pass\n"
        "    os._exit(0)\n"
        "os.waitpid(p, 0); os.write(1, b'.'); os.read(0, 1)"
    )
    assert told_by.usage_of(start(code).pid).cpu >= 0.3


def test_a_process_that_is_gone_has_no_usage(start, told_by):
    process = start(WAIT)
    process.stdin.close()
    process.wait()
    assert told_by.usage_of(process.pid) == UNKNOWN


def test_a_zombie_is_no_error(start, told_by):
    process = start(WAIT)
    process.stdin.close()
    wait_until(lambda: gone(process.pid), "the process to end")
    assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
    told = told_by.usage_of(process.pid)
    assert not told.descriptors
    assert not told.memory


def test_a_process_that_is_gone_has_no_connections(start, told_by):
    process = start(WAIT)
    process.stdin.close()
    process.wait()
    assert told_by.connections_of(process.pid) is None


def test_alone_a_process_is_told_without_its_children(start, told_by):
    pid = start(WITH_CHILD).pid
    own = psutil.Process(pid).memory_info().rss
    assert told_by.usage_of(pid, alone=True).memory <= own * 1.1
    assert told_by.usage_of(pid).memory > own * 1.5


# --- who is asked


def test_both_tell_the_same(start):
    pid = start(WITH_CHILD).pid
    wait_until(lambda: usage.usage_of(pid).cpu > 0.3, "CPU")
    os.kill(psutil.Process(pid).children()[0].pid, signal.SIGSTOP)
    wait_until(lambda: linux_usage.usage_of(pid) == linux_usage.usage_of(pid), "it to rest")
    assert linux_usage.usage_of(pid) == psutil_usage.usage_of(pid)


def test_without_such_a_proc_psutil_is_asked(start, monkeypatch):
    monkeypatch.setattr(usage, "_ON_LINUX", False)
    monkeypatch.setattr(linux_usage, "usage_of", None)
    monkeypatch.setattr(linux_usage, "connections_of", None)
    pid = start(WAIT).pid
    assert usage.usage_of(pid).memory > 1_000_000
    assert usage.usage_of(pid, alone=True).cpu is not None
    assert usage.connections_of(pid) == 0


def test_what_cannot_be_loaded_tells_nothing(monkeypatch):
    monkeypatch.setattr(usage, "_ON_LINUX", False)
    monkeypatch.delattr(supervisor, "psutil_usage", raising=False)
    monkeypatch.setitem(sys.modules, "tablewatch.supervisor.psutil_usage", None)
    assert usage.usage_of(os.getpid()) == UNKNOWN
    assert usage.connections_of(os.getpid()) is None


@pytest.mark.skipif(not linux_usage.is_here(), reason="no /proc with lists of children")
def test_on_linux_psutil_is_not_loaded():
    code = (
        "import os, sys\nfrom tablewatch.supervisor.usage import connections_of, usage_of\n"
        "usage_of(os.getpid()), connections_of(os.getpid())\n"
        "sys.exit('psutil' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
