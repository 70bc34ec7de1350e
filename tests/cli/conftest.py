"""A place with backends in both protocols, and the command to ask them with."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tests.cli.fake_daemon import FakeDaemon

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"


class Libexec:
    """A directory like smtpd's, and a configuration file that belongs to it."""

    def __init__(self, path):
        self.path = path
        self.conf = path / "fake.conf"
        self.config = path / "tablewatch.yml"
        self.config.write_text(
            f"backend_path: [{path}]\ndefaults: {{log: {{syslog: false}}}}\n", encoding="utf-8"
        )
        self.config.chmod(0o644)
        path.chmod(0o755)

    def program(self, name, text):
        """Write a Python program."""
        file = self.path / name
        file.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
        file.chmod(0o755)
        return file

    def backend(self, name):
        """Write the backend table-NAME."""
        text = (HERE / "obedient_backend.py").read_text(encoding="utf-8")
        return self.program(f"table-{name}", text)

    def environment(self):
        return {
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "TABLEWATCH_CONFIG": str(self.config),
        }

    def start(self, *arguments, **options):
        """Start the command `tablewatch`."""
        return subprocess.Popen(
            [sys.executable, "-m", "tablewatch.cli.main", *arguments],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )

    def tablewatch(self, *arguments, stdin=b""):
        """Run the command `tablewatch` to its end."""
        process = self.start(*arguments, stdin=subprocess.PIPE)
        out, err = process.communicate(stdin)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err.decode())

    def pids(self):
        """The backend processes that were started, and their children."""
        if not self.conf.exists():
            return []
        words = self.conf.read_text(encoding="utf-8").split()
        return [int(word) for word in words if word.isdigit()]

    def left_running(self):
        return [pid for pid in self.pids() if not gone(pid)]

    def wait_until_all_are_gone(self):
        """A killed process takes a moment to die; one that was forgotten never does."""
        wait_until(lambda: not self.left_running())


def gone(pid):
    """Whether this process has ended (a zombie has)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition):
    """Wait for `condition`, however slow the machine."""
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def libexec(tmp_path):
    made = Libexec(tmp_path)
    for name in ("text", "imsg", "down"):
        made.backend(name)
    yield made
    for pid in made.left_running():
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def daemon(tmp_path):
    """A tablewatchd that listens, and answers what the test tells it to."""
    fake = FakeDaemon(tmp_path / "control.sock").start()
    yield fake
    fake.stop()
