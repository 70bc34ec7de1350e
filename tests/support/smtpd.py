"""Plays smtpd to a real supervisor process: starts it as smtpd does, asks it, counts answers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.messages import Operation
from tablewatch.protocol.text import TEXT

HERE = Path(__file__).parent
DIALECTS = {"text": TEXT, "imsg": IMSG}
# Generous: this is how long a broken supervisor makes a test wait, not how long anything takes.
PATIENCE = 60.0


def wait_until(condition, what):
    """Wait for `condition`, however slow the machine; fail if it never comes."""
    limit = time.monotonic() + PATIENCE
    while not (result := condition()):
        assert time.monotonic() < limit, f"waited in vain for {what}"
        time.sleep(0.01)
    return result


def gone(pid):
    """Whether this process has ended (a zombie has)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Workshop:
    """A directory with `table-watch-fake`, `table-fake`, its configuration and ours."""

    def __init__(self, path):
        self.path = Path(path)
        self.path.chmod(0o755)
        self.conf = self.path / "fake.conf"
        self.events = self.path / "events"
        self.runtime = self.path / "run"  # the sockets of a daemon, if the test starts one
        self.config = self.path / "tablewatch.yml"
        self._script("table-watch", "from tablewatch.supervisor.main import main\nmain()\n")
        (self.path / "table-watch-fake").symlink_to(self.path / "table-watch")
        self._script("table-fake", (HERE / "fake_backend.py").read_text(encoding="utf-8"))
        self.configure()

    def _script(self, name, text):
        file = self.path / name
        file.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
        file.chmod(0o755)

    def configure(self, text="{}", **backend):
        """Write our configuration (YAML, the `defaults:` part) and the backend's."""
        if text.startswith("{"):  # a daemon of this machine's is no concern of a test's
            text = f"defaults: {text}\ndaemon: {{directory: {self.runtime}}}\n"
        self.config.write_text(text, encoding="utf-8")
        self.config.chmod(0o644)
        self.conf.write_text(json.dumps({"log": str(self.events), **backend}), encoding="utf-8")

    def seen(self):
        """What the backends noted: (event, pid) pairs."""
        if not self.events.exists():
            return []
        lines = self.events.read_text(encoding="utf-8").splitlines()
        return [(line.rsplit(" ", 1)[0], int(line.rsplit(" ", 1)[1])) for line in lines]

    def pids(self):
        return [pid for event, pid in self.seen() if event == "start"]


class FakeSmtpd:
    """smtpd's end of one table. Leaving the `with` block ends everything it started."""

    def __init__(self, workshop, dialect="text", version="7.6.0", name="table-watch-fake"):
        self.workshop = workshop
        self.dialect = DIALECTS[dialect]
        self.codec = self.dialect.backend_codec()
        self.version = version
        self.program = workshop.path / name
        self._number = 0
        self.clock = time.time

    def __enter__(self):
        ours, theirs = socket.socketpair()
        self.stderr = open(self.workshop.path / "stderr", "wb")

        def as_smtpd_does():
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_IGN)

        self.process = subprocess.Popen(
            [self.program, self.workshop.conf],
            stdin=theirs,
            stdout=theirs if self.dialect.has_services else subprocess.DEVNULL,
            stderr=self.stderr,
            env={**os.environ, "TABLEWATCH_CONFIG": str(self.workshop.config)},
            preexec_fn=as_smtpd_does,
            restore_signals=False,
        )
        theirs.close()
        ours.settimeout(PATIENCE)
        self.connection = ours
        return self

    def __exit__(self, *_):
        pids = self.workshop.pids()
        self.connection.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.stderr.close()
        for pid in pids:
            if not gone(pid):
                os.kill(pid, signal.SIGKILL)

    def handshake(self):
        hello = self.dialect.hello("creds", self.version)
        self.connection.sendall(self.codec.greet(hello))
        return self.receive()

    def receive(self):
        """Wait for the next event."""
        while True:
            data = self.connection.recv(65536)
            assert data, "the supervisor closed its end"
            events = self.codec.receive(data)
            if events:
                assert len(events) == 1, events
                return events[0]

    def ask(self, key, operation=Operation.LOOKUP, service="credentials"):
        """Ask and wait for the answer."""
        self.send(key, operation, service)
        return self.receive()

    def send(self, key, operation=Operation.LOOKUP, service="credentials"):
        self._number += 1
        request = self.dialect.request(
            "creds", operation, service, key, number=self._number, stamp=self.clock()
        )
        self.connection.sendall(self.codec.ask(request))

    def update(self):
        return self.ask(None, Operation.UPDATE, None)

    def log(self):
        return (self.workshop.path / "stderr").read_text(encoding="utf-8")
