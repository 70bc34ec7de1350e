"""A connection without a socket: what was sent over it, and who is at its other end."""

import os

from tablewatch.control.peers import Peer
from tablewatch.control.wire import decode, encode


class FakeStream:
    """Takes the place of a Stream."""

    def __init__(self, pid=None, uid=0, *, known=True):
        self.peer = Peer(os.getpid() if pid is None else pid, uid) if known else None
        self.deadline = 10.0
        self.closed = False
        self.sent = []

    def send(self, message):
        self.write(encode(message))

    def write(self, line):
        if not self.closed:
            self.sent.append(decode(line))

    def close(self):
        self.closed = True

    def take(self):
        """Return what was sent since the last time."""
        sent, self.sent = self.sent, []
        return sent
