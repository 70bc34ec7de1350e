"""table-demo answers as a table backend does, and runs away as table-mysql 6.7.1 does."""

import re
import select
import socket
import subprocess
import sys
import time

import pytest

from tablewatch.cli.demo.database import MIXED_COLLATIONS
from tablewatch.cli.demo.general_log import LogReader
from tablewatch.cli.demo.scenario import POISON, QUERIES, create_database
from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.messages import Answer, Operation, Ready, Verdict
from tablewatch.protocol.text import TEXT

PATIENCE = 60.0  # seconds that a broken backend makes a test wait
ALICE = b"alice@example.org"


class Asker:
    """Plays smtpd to one table-demo."""

    def __init__(self, dialect, conf):
        self.dialect = dialect
        self.codec = dialect.backend_codec()
        self.connection, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tablewatch.cli.demo.backend", str(conf)],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
            )
        self.connection.settimeout(PATIENCE)
        assert self.process.stderr is not None
        self.stderr = self.process.stderr

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.process.kill()
        self.process.wait()
        self.stderr.close()

    def greet(self):
        self.connection.sendall(self.codec.greet(self.dialect.hello("creds", "7.6.0")))
        return self.event()

    def send(self, operation, service=None, key=None):
        request = self.dialect.request("creds", operation, service, key)
        self.connection.sendall(self.codec.ask(request))

    def ask(self, operation, service=None, key=None):
        self.send(operation, service, key)
        return self.event()

    def event(self):
        while True:
            data = self.connection.recv(65536)
            assert data, self.stderr.read().decode()
            events = self.codec.receive(data)
            if events:
                [event] = events
                return event

    def lines(self, count):
        return [self.stderr.readline().decode().rstrip("\n") for _ in range(count)]


@pytest.fixture
def conf(tmp_path):
    create_database(str(tmp_path / "mail.sqlite"))
    conf = tmp_path / "creds.conf"
    conf.write_text(
        f"# as table-mysql(5) has it\ndatabase {tmp_path}/mail.sqlite\n"
        f"general_log:\t{tmp_path}/log\n{QUERIES['creds']}\n{QUERIES['aliases']};\n"
    )
    return conf


@pytest.fixture(params=[TEXT, IMSG], ids=["text", "imsg"])
def asker(request, conf):
    with Asker(request.param, conf) as asker:
        assert isinstance(asker.greet(), Ready)
        yield asker


def test_it_answers_in_both_protocols(asker):
    found = asker.ask(Operation.LOOKUP, "credentials", ALICE)
    assert found.verdict is Verdict.FOUND
    assert found.value.startswith(ALICE + b":$demo$")
    nobody = asker.ask(Operation.LOOKUP, "credentials", b"nobody@example.org")
    assert nobody.verdict is Verdict.NOT_FOUND
    assert asker.ask(Operation.CHECK, "credentials", ALICE).verdict is Verdict.FOUND
    value = asker.ask(Operation.LOOKUP, "alias", b"sales@example.org").value
    assert value == b"bob, carol"


def test_a_service_without_a_query_is_an_error(asker):
    assert asker.ask(Operation.LOOKUP, "domain", b"example.org").verdict is Verdict.ERROR
    assert asker.ask(Operation.FETCH, "source").verdict is Verdict.ERROR


def test_an_update_reconnects(asker):
    asker.lines(2)
    assert asker.ask(Operation.UPDATE).verdict is Verdict.FOUND
    first, second = asker.lines(2)
    assert first.endswith("debug: (re)connecting")
    assert second.endswith("debug: connected")


def test_an_update_to_a_broken_file_fails_and_changes_nothing(asker, conf):
    conf.write_text("database\n")
    assert asker.ask(Operation.UPDATE).verdict is Verdict.ERROR
    assert asker.ask(Operation.LOOKUP, "credentials", ALICE).verdict is Verdict.FOUND


def test_it_leaves_when_its_connection_closes(asker):
    asker.connection.close()
    assert asker.process.wait(PATIENCE) == 0


def test_the_poisoned_login_loops_with_table_mysqls_own_lines(asker):
    asker.lines(2)
    asker.send(Operation.LOOKUP, "credentials", POISON.encode())
    name = f"creds[{asker.process.pid}]: "
    for _ in range(300):
        assert asker.lines(3) == [
            f"{name}warn: trying to reconnect after error: {MIXED_COLLATIONS}",
            f"{name}debug: (re)connecting",
            f"{name}debug: connected",
        ]
    assert not select.select([asker.connection], [], [], 0)[0]


def test_every_retry_is_a_new_connection_to_the_database(asker, tmp_path):
    asker.send(Operation.LOOKUP, "credentials", POISON.encode())
    asker.lines(2 + 3 * 100)
    reader = LogReader(str(tmp_path / "log"))
    reader.read()
    retries = reader.count("refuse", 0, float("inf"))
    connections = reader.count("connect", 0, float("inf"))
    assert retries >= 100
    assert connections in (retries, retries + 1)


def test_the_loop_goes_on_when_smtpd_is_gone_and_nobody_reads_stderr(asker, tmp_path):
    asker.send(Operation.LOOKUP, "credentials", POISON.encode())
    asker.lines(5)
    asker.connection.close()
    asker.stderr.close()
    reader = LogReader(str(tmp_path / "log"))
    limit = time.monotonic() + PATIENCE
    while reader.count("refuse", 0, float("inf")) < 1000:
        assert asker.process.poll() is None
        assert time.monotonic() < limit
        reader.read()


def test_the_same_key_is_harmless_where_nothing_is_compared_to_it(asker):
    answer = asker.ask(Operation.LOOKUP, "domain", POISON.encode())
    assert answer == Answer(Verdict.ERROR, raw=answer.raw, message=answer.message)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("database\n", "error parsing config file"),
        ("database a\ndatabase b\n", "error parsing config file"),
        ("database /nonexistent/mail.sqlite\n", "could not connect"),
    ],
)
def test_it_exits_at_once_when_it_can_not_start(conf, text, complaint):
    conf.write_text(text)
    with Asker(TEXT, conf) as asker:
        assert asker.process.wait(PATIENCE) == 1
        last = asker.stderr.read().decode().splitlines()[-1]
        assert re.fullmatch(rf"table-demo\[\d+\]: fatal: {complaint}", last)
