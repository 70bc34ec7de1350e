"""A look at a runaway: short, bounded, without secrets, and nothing of it is left afterwards."""

import contextlib
import socket
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from tests.knowledge.test_trace_formats import dumped
from tests.knowledge.test_tracing import COLLATIONS, error
from tests.support.programs import need
from tests.support.smtpd import PATIENCE, gone, wait_until

from tablewatch.supervisor import onlooker as module
from tablewatch.supervisor.onlooker import MAX_BYTES
from tablewatch.supervisor.process import BackendProcess
from tablewatch.supervisor.tracer import PROGRAMS, Tracer

LINUX, OPENBSD = "linux", "openbsd7"
COMPUTES = "import os; os.write(1, b'.')\nwhile True: pass"
SLEEPS = "import os, time; os.write(1, b'.')\nwhile True: time.sleep(600)"
LONG = 300.0  # seconds; a test that waits for it fails
KEY = b"qalicezq"


class Bench:
    """Backends to be traced, stand-ins for the system's programs, and a tracer."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.woken = threading.Event()
        self.processes = []
        self.tracer = None
        # Servers of other tests, which last as long as the session does.
        self.before = [each.pid for each in psutil.Process().children()]

    def start(self, code=SLEEPS):
        process = BackendProcess.start(
            sys.executable, ["-c", code], "creds", output_is_connection=True
        )
        self.processes.append(process)
        process.connection.settimeout(PATIENCE)
        assert process.connection.recv(1) == b"."
        return process

    def stand_in(self, name, script):
        """A shell script; `exec` its last command, for nobody ends what it starts."""
        file = self.programs / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def make(self, platform=LINUX, *, real=False):
        programs = PROGRAMS if real else str(self.programs)
        self.tracer = Tracer(self.woken.set, platform, programs)
        return self.tracer

    def trace(self, process, seconds=0.5, *, keys=(), platform=LINUX, real=False):
        """Trace `process`, and return what was seen."""
        assert self.make(platform, real=real).trace(7, process, keys, seconds)
        return self.result(process)

    def result(self, process):
        assert self.woken.wait(PATIENCE)
        (traced,) = self.tracer.finished()
        assert (traced.incident, traced.process) == (7, process)
        assert self.tracer.finished() == []
        wait_until(lambda: gone(process.pid), "the backend to be dead")
        assert process.poll() is not None, "it is whoever takes the result that reaps it"
        assert self.others() == []
        return traced.lines

    def others(self):
        """Processes beside the backends that run still."""
        mine = {process.pid for process in self.processes}
        found = []
        for child in psutil.Process().children():
            if child.pid not in self.before:
                found.append(child)
                with contextlib.suppress(psutil.NoSuchProcess):
                    found += child.children(recursive=True)
        return [each for each in found if each.pid not in mine and not gone(each.pid)]

    def close(self):
        if self.tracer is not None:
            self.tracer.end()
        for process in self.processes:
            process.kill()
            process.close()
            wait_until(lambda each=process: each.poll() is not None, "a backend to end")
        wait_until(lambda: not self.others(), "everything to end")


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


@pytest.fixture
def database():
    """A server that answers everybody with an error that quotes the key."""
    listener = socket.create_server(("127.0.0.1", 0))
    answer = error(COLLATIONS + b" " + KEY)

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE)
    listener.close()


def loops_over(address):
    return f"""
import os, socket
os.write(1, b'.')
while True:
    with socket.create_connection({address}) as connection:
        connection.sendall(b"password")
        connection.recv(16384)
    os.write(2, b"debug: (re)connecting\\n")
"""


# --- the real strace


@pytest.fixture
def strace():
    return need("strace")


@pytest.mark.usefixtures("strace")
def test_what_a_loop_connects_to_how_often_and_what_it_is_answered_is_seen(bench, database):
    process = bench.start(loops_over(database))
    calls, target, answer = bench.trace(process, 5.0, keys=[KEY], real=True)
    assert " system calls in " in calls
    host, port = database
    assert target.startswith(f"connects to {host}:{port}: ")
    assert " times, " in target
    assert answer.startswith(f"is answered: error 1267 (HY000): {COLLATIONS.decode()} q*** (")
    assert "password" not in target + answer


@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize("code", [COMPUTES, SLEEPS])
def test_one_that_does_nothing_is_told_so(bench, code):
    lines = bench.trace(bench.start(code), 0.5, real=True)
    if code == COMPUTES:
        assert lines == ["no system call in 0.5 s: it computes"]
    else:
        assert lines[-1] == "talks to nobody: it computes, or waits"


@pytest.mark.usefixtures("strace")
def test_a_flood_ends_it_early(bench):
    process = bench.start("import os; os.write(1, b'.')\nwhile True: os.getppid()")
    (calls, _) = bench.trace(process, LONG, real=True)
    assert "getppid" in calls


@pytest.mark.usefixtures("strace")
def test_when_smtpd_is_gone_everything_ends_at_once(bench):
    process = bench.start()
    assert bench.make(real=True).trace(7, process, [], LONG)
    wait_until(bench.others, "strace to run")
    before = time.monotonic()
    bench.tracer.end()
    assert time.monotonic() - before < LONG / 10
    wait_until(lambda: gone(process.pid) and not bench.others(), "both to be gone")


# --- whatever strace does


def test_without_strace_it_says_what_to_do(bench):
    assert bench.trace(bench.start()) == [
        "not traced: strace is not installed; install it, or set trace.enabled to no"
    ]


def test_where_it_is_not_permitted_it_says_what_to_do(bench):
    said = "strace: attach: ptrace(PTRACE_SEIZE, 4711): Operation not permitted"
    bench.stand_in("strace", f"echo '{said}' >&2; exit 1")
    (line,) = bench.trace(bench.start(), LONG)
    assert line.startswith(
        f"not traced: {said}; allow ptrace(2): sysctl kernel.yama.ptrace_scope=0"
    )
    assert line.endswith("or set trace.enabled to no")


def test_one_that_hangs_is_ended_in_time(bench):
    bench.stand_in("strace", "exec sleep 600")
    assert bench.trace(bench.start(), 0.3) == ["no system call in 0.3 s: it computes"]


def test_what_it_has_started_itself_is_ended_with_it(bench):
    """strace stops a child of its own when it begins."""
    bench.stand_in(
        "strace", f"sleep 600 & echo $! > {bench.folder}/pid; kill -STOP $!; exec sleep 600"
    )
    bench.trace(bench.start(), 0.5)
    pid = int((bench.folder / "pid").read_text())
    wait_until(lambda: gone(pid), "the child to be gone")


def test_one_that_floods_is_ended_early(bench):
    bench.stand_in("strace", "exec yes '1.5 getpid() = 1'")
    (calls, _) = bench.trace(bench.start(), LONG)
    number = int(calls.split()[0])
    assert number <= (MAX_BYTES + 65536) / len("1.5 getpid() = 1\n")


def test_one_that_writes_without_end_of_line_is_ended_early(bench):
    bench.stand_in("strace", "exec cat /dev/zero")
    assert bench.trace(bench.start(), LONG) == ["not traced: it can't be read"]


def test_what_can_not_be_read_is_not_shown(bench):
    """It may be what the database sent."""
    bench.stand_in("strace", 'echo "12:30:05 read(3, \\"hunter2zq\\", 512) = 9"')
    assert bench.trace(bench.start(), LONG) == ["not traced: it can't be read"]


def test_one_that_is_no_program_is_told(bench):
    bench.stand_in("strace", "")
    (bench.programs / "strace").write_bytes(b"\0\1\2")
    assert bench.trace(bench.start()) == ["not traced: strace: Exec format error"]


def test_a_fault_of_our_own_is_told_without_its_words(bench, monkeypatch):
    def fails(*_):
        raise ValueError("hunter2zq")

    monkeypatch.setattr(module, "condense", fails)
    bench.stand_in("strace", "exec echo '1.5 getpid() = 1'")
    assert bench.trace(bench.start()) == ["not traced: ValueError"]


def test_it_is_called_as_the_formats_ask_for(bench):
    bench.stand_in("strace", f"echo $0 $* > {bench.folder}/called")
    process = bench.start()
    bench.trace(process)
    called = (bench.folder / "called").read_text().split()
    assert called[1:] == ["-f", "-qq", "-ttt", "-xx", "-s", "512", "-p", str(process.pid)]


def test_what_the_backend_writes_meanwhile_is_drained(bench):
    """Else it would wait for us, and nothing be seen of its loop."""
    bench.stand_in("strace", "exec sleep 600")
    done = bench.folder / "done"
    process = bench.start(
        f"import os; os.write(1, b'.')\n"
        f"for _ in range(2000): os.write(2, b'x' * 100)\n"
        f"open({str(done)!r}, 'w').close()\nwhile True: os.read(0, 1)"
    )
    assert bench.make().trace(7, process, [], LONG)
    wait_until(done.exists, "the backend to have written all")
    assert not bench.woken.is_set()


def test_a_backend_that_ends_by_itself_meanwhile_is_no_trouble(bench):
    bench.stand_in("strace", "exec sleep 600")
    process = bench.start("import os; os.write(1, b'.'); os.read(0, 1)")
    assert bench.make().trace(7, process, [], 0.5)
    process.connection.send(b".")
    assert bench.result(process) == ["no system call in 0.5 s: it computes"]


# --- one at a time


def test_a_second_one_is_refused_until_the_first_was_taken(bench):
    bench.stand_in("strace", "exec sleep 600")
    first, second = bench.start(), bench.start()
    tracer = bench.make()
    assert tracer.trace(7, first, [], 0.3)
    assert not tracer.trace(8, second, [], 0.3)
    assert bench.woken.wait(PATIENCE)
    assert not tracer.trace(8, second, [], 0.3)
    assert not gone(second.pid)
    bench.result(first)
    assert tracer.trace(8, second, [], 0.1)


def test_where_no_thread_can_be_started_it_is_refused(bench, monkeypatch):
    def fails(*_):
        raise RuntimeError("can't start new thread")

    process = bench.start()
    tracer = bench.make()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fails)
        assert not tracer.trace(7, process, [], 0.1)
    assert not gone(process.pid)
    assert bench.trace(process, 0.1) != []


@pytest.mark.parametrize("hangs", ["strace", "ktrace", "kdump"])
def test_whatever_hangs_everything_ends_at_once_when_smtpd_is_gone(bench, hangs, monkeypatch):
    monkeypatch.setattr(module, "_KDUMP_SECONDS", LONG)
    folder = bench.folder / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    for name in ("strace", "ktrace", "kdump"):
        bench.stand_in(name, f"touch {bench.folder}/{name}.ran; exec sleep 600")
    if hangs == "kdump":
        bench.stand_in("ktrace", 'exec head -c 200000 /dev/zero > "$5"')
    process = bench.start()
    tracer = bench.make(LINUX if hangs == "strace" else OPENBSD)
    assert tracer.trace(7, process, [], LONG)
    wait_until((bench.folder / f"{hangs}.ran").exists, f"{hangs} to run")
    before = time.monotonic()
    (traced,) = tracer.end()
    assert time.monotonic() - before < LONG / 10
    assert traced.process is process
    wait_until(lambda: gone(process.pid), "the backend to be dead")
    assert bench.others() == []
    assert list(folder.iterdir()) == []


def test_the_end_without_a_trace_is_nothing(bench):
    assert bench.make().end() == []


# --- OpenBSD's ktrace and kdump, played


def ktraced(bench, lines, monkeypatch):
    """Stand-ins as the manual pages have it, which note how they were called."""
    folder = bench.folder / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    output = bench.folder / "dumped"
    output.write_text("".join(line + "\n" for line in lines))
    bench.stand_in("ktrace", f'echo $* > {bench.folder}/ktrace.args; : > "$5"')
    bench.stand_in("kdump", f"echo $* > {bench.folder}/kdump.args; exec cat {output}")
    return folder


def arguments(bench, name):
    return (bench.folder / f"{name}.args").read_text().split()


def test_on_openbsd_the_same_is_seen_by_ktrace_and_kdump(bench, monkeypatch):
    folder = ktraced(
        bench,
        [
            " 12345 python3  1700000000.500000 CALL  connect(3,0x7f7ffffd1234,16)",
            " 12345 python3  1700000000.500000 STRU  struct sockaddr { AF_INET, 127.0.0.1:3306 }",
            *dumped(error(COLLATIONS + b" " + KEY)),
        ],
        monkeypatch,
    )
    process = bench.start()
    assert bench.trace(process, 0.3, keys=[KEY], platform=OPENBSD) == [
        "1 system call in 0.20 s: connect 1",
        "connects to 127.0.0.1:3306: once",
        f"is answered: error 1267 (HY000): {COLLATIONS.decode()} q*** (once)",
    ]
    *options, dash_f, file, dash_p, pid = arguments(bench, "ktrace")
    assert (options, dash_f, dash_p, pid) == (["-di", "-t", "cit"], "-f", "-p", str(process.pid))
    assert arguments(bench, "kdump") == ["-T", "-x", "-m", "512", "-f", file]
    assert Path(file).parent.parent == folder
    assert list(folder.iterdir()) == [], "what is in it holds passwords"


def test_on_openbsd_one_that_computes_is_told_so(bench, monkeypatch):
    ktraced(bench, [], monkeypatch)
    lines = bench.trace(bench.start(), 0.3, platform=OPENBSD)
    assert lines == ["no system call in 0.3 s: it computes"]


def test_on_openbsd_a_refusal_says_what_to_do(bench, monkeypatch):
    folder = ktraced(bench, [], monkeypatch)
    bench.stand_in("ktrace", 'echo "ktrace: trace: Operation not permitted" >&2; exit 1')
    (line,) = bench.trace(bench.start(), LONG, platform=OPENBSD)
    assert line.startswith("not traced: ktrace: trace: Operation not permitted; the backend must")
    assert not (bench.folder / "kdump.args").exists()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["ktrace", "kdump"])
def test_on_openbsd_without_its_programs_it_says_so(bench, monkeypatch, name):
    folder = ktraced(bench, [], monkeypatch)
    (bench.programs / name).unlink()
    (line,) = bench.trace(bench.start(), 0.3, platform=OPENBSD)
    assert line.startswith(f"not traced: {name} is not installed")
    assert list(folder.iterdir()) == []


def test_on_openbsd_a_flood_ends_it_early(bench, monkeypatch):
    """Before the disk is full."""
    ktraced(bench, [" 1 x 1.500000 CALL  getpid()"] * 3, monkeypatch)
    bench.stand_in("ktrace", 'exec head -c 200000 /dev/zero > "$5"')
    (calls, _) = bench.trace(bench.start(), LONG, platform=OPENBSD)
    assert calls == "3 system calls in 0.00 s: getpid 3"


def test_on_openbsd_nothing_takes_longer_than_it_may(bench, monkeypatch):
    monkeypatch.setattr(module, "_KDUMP_SECONDS", 0.3)
    ktraced(bench, [], monkeypatch)
    for name in ("ktrace", "kdump"):
        bench.stand_in(name, "exec sleep 600")
    lines = bench.trace(bench.start(), 0.3, platform=OPENBSD)
    assert lines == ["no system call in 0.3 s: it computes"]


def test_on_openbsd_a_dump_that_never_ends_is_cut(bench, monkeypatch):
    ktraced(bench, [], monkeypatch)
    bench.stand_in("kdump", "exec yes ' 1 x 1.500000 CALL  getpid()'")
    (calls, _) = bench.trace(bench.start(), 0.3, platform=OPENBSD)
    assert calls.endswith(f"getpid {calls.split()[0]}")
