"""BackendProcess: started as smtpd would, ended for certain."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from tests.support.smtpd import gone, wait_until

from tablewatch.supervisor.process import BackendProcess, Exit


@pytest.fixture
def start():
    started = []

    def starter(code, *, output_is_connection=True, table="creds"):
        process = BackendProcess.start(
            sys.executable, ["-c", code], table, output_is_connection=output_is_connection
        )
        started.append(process)
        return process

    yield starter
    for process in started:
        process.kill()
        process.close()
        wait_until(lambda p=process: p.poll() is not None, "a process to end")


def read_all(process):
    os.set_blocking(process.stderr, True)
    with os.fdopen(os.dup(process.stderr), "rb") as file:
        return file.read().decode()


def receive(process):
    process.connection.settimeout(60)
    return process.connection.recv(100)


def test_fd_0_and_1_are_the_connection(start):
    process = start("import os; os.write(1, os.read(0, 9)[::-1])")
    process.connection.settimeout(60)
    process.connection.send(b"abc")
    assert receive(process) == b"cba"


def test_a_stray_print_of_an_imsg_backend_goes_to_stderr(start):
    process = start(
        "import os; os.write(1, b'stray'); os.write(0, b'answer')", output_is_connection=False
    )
    assert receive(process) == b"answer"
    assert read_all(process) == "stray"


def test_a_loop_that_logs_gets_only_a_few_lines_ahead_of_being_read(start):
    process = start(
        "import os\n"
        "lines = 0\n"
        "os.set_blocking(2, False)\n"
        "try:\n"
        "    while True:\n"
        "        os.write(2, b'x' * 70)\n"
        "        lines += 1\n"
        "except BlockingIOError:\n"
        "    os.write(1, b'%d' % lines)\n"
    )
    assert 1 <= int(receive(process)) <= 9  # a turn of table-mysql's is three lines


def test_argv0_is_the_table_name(start):
    process = start("import os; os.write(1, b'.'); os.read(0, 1)", table="creds")
    receive(process)
    assert psutil.Process(process.pid).cmdline()[0] == "creds"


def test_it_inherits_no_descriptor_of_ours(start):
    code = "import os,sys; print(sorted(map(int, os.listdir('/dev/fd'))), file=sys.stderr)"
    plain = subprocess.run(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, close_fds=False, check=True
    )
    idle = start("import os; os.read(0, 1)")
    assert read_all(start(code)) == plain.stderr.decode()
    assert idle.poll() is None


def test_it_can_be_ended_with_an_ordinary_kill(start):
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        process = start("import os,time; os.write(1, b'.'); time.sleep(600)")
    finally:
        signal.signal(signal.SIGTERM, before)
    receive(process)
    os.kill(process.pid, signal.SIGTERM)
    assert wait_until(process.poll, "it to end") == Exit(0, signal.SIGTERM)
    assert str(process.exit) == "killed by SIGTERM"


def test_its_exit_status_is_told(start):
    process = start("raise SystemExit(3)")
    assert wait_until(process.poll, "it to end") == Exit(3, 0)
    assert str(process.exit) == "exited with status 3"


def test_kill_ends_a_stopped_process(start):
    process = start("import time; time.sleep(600)")
    os.kill(process.pid, signal.SIGSTOP)
    process.kill()
    assert wait_until(process.poll, "it to end") == Exit(0, signal.SIGKILL)


def test_what_it_started_ends_with_it(start):
    code = (
        "import os,time\np = os.fork()\nif p: os.write(1, str(p).encode())\nelse: time.sleep(600)"
    )
    process = start(code)
    child = int(receive(process))
    wait_until(process.poll, "the leader to end")
    wait_until(lambda: gone(child), "its child to end")


def test_after_its_end_nothing_is_signalled(start, monkeypatch):
    process = start("pass")
    wait_until(process.poll, "it to end")
    monkeypatch.setattr(os, "killpg", lambda *_: pytest.fail("a signal to a pid not ours"))
    process.kill()


def test_a_program_that_is_not_there_is_an_oserror_and_leaks_nothing(tmp_path):
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(FileNotFoundError):
        BackendProcess.start(str(tmp_path / "no"), [], "creds", output_is_connection=True)
    assert len(os.listdir("/dev/fd")) == before
