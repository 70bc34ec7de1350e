"""SmtpdEnd: everything said arrives in order, nothing ever waits for smtpd, its end is noticed.

It works on descriptors 0 and 1, so it is played in a process of its own.
"""

import select
import socket
import subprocess
import sys

import pytest
from tests.support.smtpd import PATIENCE

PLAYER = """\
import os, select, sys
from tablewatch.supervisor.smtpd_end import SmtpdEnd

poll = select.poll()
end = SmtpdEnd(poll)
end.open()

def tell(*what):
    os.write(2, (" ".join(map(str, what)) + "\\n").encode())

def events(timeout):
    return {descriptor: event for descriptor, event in poll.poll(timeout)}

"""


class Played:
    """A process whose descriptors 0 and 1 lead to `peer`, or 1 to `output` where it is told to."""

    def __init__(self, code, *, separate_output=False):
        self.peer, theirs = socket.socketpair()
        self.output, other = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PLAYER + code],
            stdin=theirs,
            stdout=other if separate_output else theirs,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        other.close()
        for each in (self.peer, self.output):
            each.settimeout(PATIENCE)

    def told(self):
        """Return the next line it tells."""
        assert select.select([self.process.stderr], [], [], PATIENCE)[0], "it says nothing"
        return self.process.stderr.readline().decode().rstrip()

    def receive(self, count, connection=None):
        data = b""
        while len(data) < count:
            piece = (connection or self.peer).recv(65536)
            assert piece, "closed too early"
            data += piece
        return data

    def end(self):
        self.peer.close()
        self.output.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()


@pytest.fixture
def play():
    played = []

    def player(code, **named):
        played.append(Played(code, **named))
        return played[-1]

    yield player
    for each in played:
        each.end()


def test_what_smtpd_sends_is_read_as_it_comes(play):
    one = play("tell(end.read())\npoll.poll()\ntell(end.read())\n")
    assert one.told() == "None"  # nothing there yet, and nobody waits for it
    one.peer.sendall(b"hello\n")
    assert one.told() == r"b'hello\n'"


def test_that_smtpd_is_gone_is_read_as_nothing(play):
    one = play("poll.poll()\ntell(end.read())")
    one.peer.close()
    assert one.told() == "b''"


@pytest.mark.parametrize("separate", [False, True])
def test_it_is_answered_over_the_descriptor_the_protocol_has_for_it(play, separate):
    one = play(
        f"tell(end.send(b'answer', separate={separate}))\nos.read(0, 1)", separate_output=True
    )
    assert one.told() == "True"
    assert one.receive(6, one.output if separate else one.peer) == b"answer"


@pytest.mark.parametrize("separate", [False, True])
def test_an_smtpd_that_does_not_read_is_not_waited_for_and_misses_nothing(play, separate):
    one = play(
        f"sent = [end.send(bytes([n]) * 60_000, separate={separate}) for n in range(50)]\n"
        "tell(all(sent))\n"
        "turns = 0\n"
        "while end._waiting:\n"
        f"    assert events(60_000).get({int(separate)}, 0) & select.POLLOUT\n"
        "    assert end.flush()\n"
        "    turns += 1\n"
        "tell(turns > 1)\n"
        "tell(events(0))\n"
        "os.read(0, 1)\n"
    )
    assert one.told() == "True"  # all of it said while nobody reads
    assert one.receive(3_000_000) == b"".join(bytes([n]) * 60_000 for n in range(50))
    assert one.told() == "True"
    assert one.told() == "{}", "with nothing to send, poll would wake up over and over"


@pytest.mark.parametrize("separate", [False, True])
def test_with_nothing_to_send_writability_wakes_nobody(play, separate):
    one = play(f"end.send(b'x', separate={separate})\nend.flush()\ntell(events(0))\nos.read(0, 1)")
    assert one.told() == "{}"


def test_that_smtpd_is_gone_is_noticed_in_sending(play):
    one = play(
        "import signal\n"
        "signal.signal(signal.SIGPIPE, signal.SIG_IGN)\n"
        "poll.poll()\n"
        "tell(end.send(b'x' * 100_000, separate=False))\n"
        "tell(len(end._waiting))\n"
        "tell(end.flush())\n"
    )
    one.peer.close()
    assert one.told() == "False"
    assert one.told() == "0"  # nothing is kept for somebody who is gone
    assert one.told() == "True"  # there is nothing to tell him any more


def test_what_is_read_meanwhile_is_not_lost(play):
    one = play(
        "end.send(b'y' * 3_000_000, separate=False)\n"
        "while not events(60_000).get(0, 0) & select.POLLIN: pass\n"
        "tell(end.read())\n"
        "while end._waiting:\n"
        "    events(60_000)\n"
        "    end.flush()\n"
        "os.read(0, 1)\n"
    )
    one.peer.sendall(b"update")
    assert one.told() == "b'update'"
    assert one.receive(3_000_000) == b"y" * 3_000_000
