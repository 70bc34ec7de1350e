"""Observe mode changes nothing, byte for byte: a bare backend beside an observed one."""

import socket

import pytest
from tests.support.smtpd import FakeSmtpd, gone, wait_until

from tablewatch.protocol.frames import Frames
from tablewatch.protocol.messages import Operation

OBSERVE = (
    "{mode: observe, deadline: 100ms, max_retries: 1, filter: {charset: ascii}, "
    "log: {syslog: false}}"
)
UPDATE = (None, Operation.UPDATE, None)
CHECK = (b"alice", Operation.CHECK, "credentials")
# What is asked, and how many messages come back.
CONVERSATION = [
    ((b"alice",), 1),
    ((b"a|b",), 1),
    (("jos\u00e9".encode(),), 1),  # refused by the filter, if it were not for observe mode
    (CHECK, 1),
    ((b"error",), 1),
    (("\u0142ukasz".encode(),), 1),  # a bounded loop of two reconnects
    (("\u0142ukasz".encode(),), 1),  # quarantined, if ...
    (UPDATE, 1),
    ((b"slow",), 1),  # later than the deadline
    ((b"flood",), 1),
    ((b"alice", Operation.LOOKUP, "userinfo"), 1),
    ((b"burn",), 1),
]
DAMAGE = {"twice": 2, "empty": 1, "foreign": 1}


class Tape:
    """smtpd's end of the connection, with everything that was heard on it."""

    def __init__(self, smtpd):
        self.smtpd = smtpd
        self.heard = b""
        smtpd.clock = lambda: 1_700_000_000.25

    def messages(self):
        if self.smtpd.dialect.has_services:
            # Registering is one message.
            return [line for line in self.heard.splitlines() if line.find(b"register|") != 0]
        return Frames().split(self.heard)[1:]

    def greet(self):
        self.smtpd.connection.sendall(self.smtpd.dialect.hello("creds", "7.6.0").raw)
        end = b"register|ready\n" if self.smtpd.dialect.has_services else b""
        while not self.heard or not self.heard.endswith(end):
            self.listen()

    def listen(self):
        data = self.smtpd.connection.recv(65536)
        self.heard += data
        return data

    def ask(self, question, count):
        before = len(self.messages())
        self.smtpd.codec = self.smtpd.dialect.backend_codec()  # which would object to damage
        self.smtpd.send(*question)
        while len(self.messages()) < before + count:
            assert self.listen(), "the other end closed"

    def ask_for_garbage(self, length):
        """Ask the last question; bytes that are no messages can only be counted."""
        self.smtpd.codec = self.smtpd.dialect.backend_codec()
        self.smtpd.send(b"garbage")
        end = len(self.heard) + length
        while len(self.heard) < end:
            assert self.listen(), "the other end closed"

    def close(self):
        self.smtpd.connection.shutdown(socket.SHUT_WR)
        while self.listen():
            pass


def run(workshop, dialect, program, damage, record):
    """Go through the conversation; return what smtpd and what the backend heard."""
    workshop.configure(OBSERVE, protocol=dialect, pid=7, record=str(record))
    with FakeSmtpd(workshop, dialect, name=program) as smtpd:
        tape = Tape(smtpd)
        tape.greet()
        for question, count in CONVERSATION:
            tape.ask(question, count)
        for key in damage:
            tape.ask((key.encode(),), DAMAGE[key])
            tape.ask((b"alice",), 1)
        if damage:
            tape.ask_for_garbage(4 * len(b"\xff\xfe nonsense\n"))
        tape.close()
        smtpd.process.wait(60)
        wait_until(lambda: all(gone(pid) for pid in workshop.pids()), "the backend to leave")
        return tape.heard, record.read_bytes(), smtpd.log()


@pytest.mark.parametrize("damage", [[], ["twice", "empty", "foreign"]])
def test_no_byte_differs_in_either_direction(workshop, dialect, tmp_path, damage):
    bare = run(workshop, dialect, "table-fake", damage, tmp_path / "bare")
    observed = run(workshop, dialect, "table-watch-fake", damage, tmp_path / "observed")
    assert observed[0] == bare[0]
    assert observed[1] == bare[1]
    assert len(bare[0]) > 300
    assert len(bare[1]) > 500
    assert len(workshop.pids()) == 2  # one each: nobody was replaced


def test_what_would_have_been_done_is_logged(workshop, dialect, tmp_path):
    _, _, log = run(workshop, dialect, "table-watch-fake", ["empty"], tmp_path / "record")
    assert "observing" in log
    for word in ("filtered", "deadline", "retries", "damage"):
        assert word in log.split("only observed")[1]
    assert "would have" in log


def test_what_is_enforced_differs(workshop, dialect, tmp_path):
    """The comparison above is able to fail."""
    bare = run(workshop, dialect, "table-fake", [], tmp_path / "bare")
    workshop_configure = workshop.configure
    workshop.configure = lambda text, **backend: workshop_configure(
        text.replace("mode: observe", "mode: enforce"), **backend
    )
    enforced = run(workshop, dialect, "table-watch-fake", [], tmp_path / "enforced")
    assert enforced[0] != bare[0]
    assert enforced[1] != bare[1]


def test_a_hang_stays_a_hang_until_observing_is_over(workshop, dialect):
    workshop.configure(OBSERVE, protocol=dialect)
    with FakeSmtpd(workshop, dialect) as smtpd:
        smtpd.handshake()
        smtpd.send(b"hang")
        wait_until(lambda: "would have" in smtpd.log(), "the deadline to be noticed")
        smtpd.connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            smtpd.connection.recv(1)
        smtpd.connection.settimeout(60)
        workshop.configure("{log: {syslog: false}}", protocol=dialect)
        smtpd.process.send_signal(1)
        assert smtpd.receive().verdict.value == "error"
        assert smtpd.ask(b"alice").value == b"value of alice"
