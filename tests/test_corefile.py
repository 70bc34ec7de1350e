"""No core file: neither a process's own, nor one of what it starts."""

import resource
import signal
import subprocess
import sys

import pytest

from tablewatch import corefile

# In a process of its own, as there is no way back.
CHILD = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"
REFUSE = f"""
import subprocess, sys
from tablewatch import corefile
corefile.refuse(sys.argv[1])
subprocess.run([sys.executable, "-c", {CHILD!r}], check=True)
"""
REFUSE_AT_ZERO = """
import os, resource, sys
from tablewatch import corefile
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if os.geteuid() == 0:  # who could have more again
    os.setuid(65534)
corefile.refuse(sys.argv[1])
print(resource.getrlimit(resource.RLIMIT_CORE))
"""
CRASH = """
import os, resource, signal
from tablewatch import corefile
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
corefile.refuse()
os.kill(os.getpid(), signal.SIGSEGV)
"""

no_cores_at_all = pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason="no process here may leave a core file"
)


def told(code, platform):
    command = [sys.executable, "-c", code, platform]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    return done.stdout.strip()


@no_cores_at_all
def test_on_linux_the_limit_is_the_one_that_stops_a_core_on_its_way_to_a_program_too():
    assert told(REFUSE, "linux") == "(1, 1)"


def test_elsewhere_it_is_zero():
    assert told(REFUSE, "openbsd7") == "(0, 0)"


@pytest.mark.parametrize("platform", ["linux", "openbsd7"])
def test_who_may_leave_none_already_is_left_with_that(platform):
    assert told(REFUSE_AT_ZERO, platform) == "(0, 0)"


def test_a_crash_leaves_nothing_behind(tmp_path):
    command = [sys.executable, "-c", CRASH]
    done = subprocess.run(command, cwd=tmp_path, check=False, timeout=60)
    assert done.returncode == -signal.SIGSEGV
    assert list(tmp_path.iterdir()) == []


def test_it_never_raises(monkeypatch):
    def refuse(*_):
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    corefile.refuse("linux")
    corefile.refuse("openbsd7")
