"""The plugin and the real tablewatchd, with supervisors that do as a test says."""

import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from tests.cli.check.scene import SOURCE, check
from tests.support.programs import need
from tests.support.statuses import troubled, well

from tablewatch.cli.check.states import State
from tablewatch.control.records import to_plain
from tablewatch.control.wire import VERSION, LineReader, encode


class Supervisor:
    """Connects as a table does, and answers with `status` unless it `hangs`."""

    def __init__(self, directory, status):
        self.status = status
        self.hangs = False
        self.welcome = threading.Event()
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(str(directory / "link.sock"))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        hello = {"type": "hello", "version": VERSION, "pid": os.getpid(), "release": "0.1.0"}
        self._connection.sendall(encode({**hello, "table": self.status.table}))
        self._thread.start()
        assert self.welcome.wait(60)
        return self

    def __exit__(self, *_):
        self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)
        self._connection.close()

    def _serve(self):
        reader = LineReader()
        while received := self._connection.recv(65536):
            for message in reader.feed(received):
                if message["type"] == "welcome":
                    self.welcome.set()
                elif message["type"] == "ask" and not self.hangs:
                    status = to_plain(self.status)
                    answer = {"type": "status", "id": message["id"], "status": status}
                    self._connection.sendall(encode(answer))


class Tablewatchd:
    """The real one, in a directory of its own."""

    def __init__(self, directory, settings=""):
        self.directory = directory
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._config = directory / "tablewatch.yml"
        self._config.write_text(
            f"daemon:\n  directory: {directory}\n  listen: ['127.0.0.1:{self.port}']\n"
            f"  timeout: 500ms\n{settings}"
        )
        self._config.chmod(0o644)

    def __enter__(self):
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        log = self.directory / "log"
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tablewatch.daemon.main", "-d", "-f", str(self._config)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        limit = time.monotonic() + 90
        while self.check().status == 2:  # not there yet; then there are no tables
            alive = self._process.poll() is None and time.monotonic() < limit
            assert alive, log.read_text()
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def check(self, *arguments):
        return check("-s", self.directory / "control.sock", "-t", "60", *arguments)

    def check_page(self, *arguments):
        return check("-H", "127.0.0.1", "-p", self.port, "-t", "60", *arguments)


@pytest.fixture
def tablewatchd(tmp_path):
    with Tablewatchd(tmp_path) as started:
        yield started


def becomes(tablewatchd, text, *arguments):
    """Ask both ways until the answer begins with `text`: the daemon keeps one for a moment."""
    limit = time.monotonic() + 90
    for ask in (tablewatchd.check, tablewatchd.check_page):
        while not (said := ask(*arguments)).text.startswith(f"TABLEWATCH {text}"):
            assert time.monotonic() < limit, said.out
        assert said.text.split()[1] == f"{State(said.status).name}:"
    return said


def test_the_states_of_a_real_host(tablewatchd):
    becomes(tablewatchd, "UNKNOWN: no table is watched")
    becomes(tablewatchd, "CRITICAL: creds: no such table is watched", "--table", "creds")
    with Supervisor(tablewatchd.directory, well()) as creds:
        becomes(tablewatchd, "OK: creds is well; last good answer just now")
        creds.status = troubled()
        becomes(tablewatchd, "WARNING: creds: the key has characters")
        creds.status = well()
        with Supervisor(tablewatchd.directory, well("users")) as users:
            becomes(tablewatchd, "OK: 2 tables are well")
            users.hangs = True
            becomes(tablewatchd, "CRITICAL: users: its supervisor does not answer")
        # As another is there, it was taken out of smtpd.conf.
        becomes(tablewatchd, "WARNING: users: its supervisor has left")
    # Both have: smtpd has.
    assert becomes(tablewatchd, "CRITICAL: creds: its supervisor has left").text.endswith(
        "; 1 more"
    )


def test_figures_of_a_real_host(tablewatchd):
    with Supervisor(tablewatchd.directory, well()):
        asked = ["-w", "p99=0.001", "--metric", "memory"]
        said = becomes(tablewatchd, "WARNING: creds: p99 0.002492s is outside 0.001", *asked)
    assert said.perfdata == "'memory.creds'=19500000B;;;0 'p99.creds'=0.002492s;0.001;;0"


def test_a_password_is_taken_from_a_file(tmp_path):
    htpasswd = [need("htpasswd", "apache2-utils"), "-nbBC", "4", "nagios", "s3cret"]
    user, _, digest = subprocess.check_output(htpasswd, text=True).strip().partition(":")
    web_config = tmp_path / "web.yml"
    web_config.write_text(f"basic_auth_users:\n  {user}: {digest}\n")
    web_config.chmod(0o600)
    credentials = tmp_path / "credentials"
    credentials.write_text("nagios:s3cret\n")
    credentials.chmod(0o600)
    with Tablewatchd(tmp_path, f"  web_config: {web_config}\n") as tablewatchd:
        refused = tablewatchd.check_page()
        assert refused.status == 3
        assert "answered 401; it wants a user and password" in refused.text
        allowed = tablewatchd.check_page("--credentials", credentials)
        assert allowed.text == "TABLEWATCH UNKNOWN: no table is watched"
        credentials.write_text("nagios:wrong\n")
        refused = tablewatchd.check_page("--credentials", credentials)
        assert refused.status == 3
        assert "it does not know this user and password" in refused.text
        assert "wrong" not in refused.out


def test_a_daemon_that_was_killed_is_critical(tmp_path):
    with Tablewatchd(tmp_path) as tablewatchd, Supervisor(tmp_path, well()):
        becomes(tablewatchd, "OK: creds is well")
    becomes(tablewatchd, "CRITICAL: tablewatchd can't be reached")
