"""A daemon's hub at work, and peers of every manner at its sockets."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.support.smtpd import PATIENCE
from tests.support.statuses import well

from tablewatch.config.daemon_settings import CONTROL_SOCKET, LINK_SOCKET, DaemonSettings
from tablewatch.control.client import Control
from tablewatch.control.records import to_plain
from tablewatch.daemon.hub import Hub

NOBODY = 65534
ASK_STATUS = b'{"version":1,"command":"status"}\n'

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def configured(directory, **changes):
    """Settings of a daemon that listens in `directory`, and keeps nothing on the disk."""
    return DaemonSettings(directory=str(directory), incidents_directory="/nonexistent", **changes)


@contextlib.contextmanager
def serving(directory, **changes):
    """A hub that listens in `directory`; its `said` are the priorities and lines it logged."""
    said = []
    hub = Hub(
        configured(directory, **changes), "/etc/tablewatch.yml", lambda *line: said.append(line)
    )
    hub.said = said
    hub.start()
    try:
        yield hub
    finally:
        hub.close()


def tool(directory, timeout=PATIENCE):
    """An honest client."""
    return Control(str(Path(directory) / CONTROL_SOCKET), timeout)


def tables(status):
    """The reports by name."""
    return {each.table: each for each in status.tables}


class Lines:
    """One end of a conversation, to be used well or badly."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.connect(str(path))  # waits where too many do
        except BaseException:
            self.socket.close()
            raise
        self.socket.settimeout(PATIENCE)
        self._file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self._file.close()
        self.socket.close()

    def write(self, data):
        """Send bytes; return whether there was anybody to take them."""
        try:
            self.socket.sendall(data)
        except ConnectionError:
            return False
        return True

    def send(self, **message):
        return self.write(json.dumps(message).encode() + b"\n")

    def receive(self):
        """Wait for the next message; None at the end."""
        try:
            line = self._file.readline()
        except ConnectionError:
            return None
        return json.loads(line) if line else None


def visitor(directory):
    """A connection to the control socket."""
    return Lines(Path(directory) / CONTROL_SOCKET)


def stranger(directory):
    """A connection to the supervisors' socket that has not said who it is."""
    return Lines(Path(directory) / LINK_SOCKET)


class Supervisor(Lines):
    """Plays a table's supervisor; answers in a thread, except while `awake` is not set."""

    def __init__(self, directory, table="creds", *, pid=None, status=None, awake=True):
        super().__init__(Path(directory) / LINK_SOCKET)
        self.table = table
        self.status = status if status is not None else to_plain(well(table))
        self.asked = 0
        self.orders = []
        self.awake = threading.Event()
        if awake:
            self.awake.set()
        self.send(
            type="hello",
            version=1,
            table=table,
            pid=os.getpid() if pid is None else pid,
            release="0.1.0",
        )
        self.greeting = self.receive()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.awake.set()
        self._thread.join(PATIENCE)
        super().close()

    @property
    def is_in(self):
        return self.greeting == {"type": "welcome", "version": 1}

    def obey(self, order):
        """Return the text and data for an order; tests may put something else here."""
        return f"did {order['command']}", {}

    def _run(self):
        while (message := self.receive()) is not None:
            self.awake.wait()
            if message["type"] == "ask":
                self.asked += 1
                self.send(type="status", id=message["id"], status=self.status)
            else:
                self.orders.append(message)
                text, data = self.obey(message)
                self.send(type="done", id=message["id"], ok=True, text=text, data=data)


_DAEMON = """
import resource, sys
from tablewatch.config.daemon_settings import DaemonSettings
from tablewatch.daemon.hub import Hub

directory, limit = sys.argv[1], int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
settings = DaemonSettings(directory=directory, incidents_directory="/nonexistent")
hub = Hub(settings, "", lambda priority, text: None)
hub.start()
print("ready", flush=True)
sys.stdin.read()
hub.close()
"""

_AS_NOBODY = """
import json, os, socket, sys
from tablewatch.control.client import Control

if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({nobody})
    os.setuid({nobody})
"""


@contextlib.contextmanager
def daemon_process(directory, descriptors=0):
    """A hub in a process of its own, to be stopped and killed; ended in any case."""
    command = [sys.executable, "-c", _DAEMON, str(directory), str(descriptors)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def as_nobody(code, *arguments, pass_fds=()):
    """Run Python `code` in a process of another user; return what it prints, as JSON."""
    command = [sys.executable, "-c", _AS_NOBODY.format(nobody=NOBODY) + code, *map(str, arguments)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, timeout=PATIENCE, check=True, pass_fds=pass_fds
    )
    return json.loads(done.stdout)
