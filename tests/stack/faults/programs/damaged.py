"""Stand before the real table-mysql, pass everything on, and do damage when told to.

Installed as ``table-damaged`` and run as ``table-damaged CONF`` by smtpd or by a supervisor, in
either protocol. While the file ``CONF.damage`` is there, it says in JSON what is damaged:

``kind``
    one of the names in AT_START, ON_REQUEST and ON_ANSWER below, or ``half``, ``late``, ``flood``
``key``
    the one lookup it is done to; without it, every lookup
``amount``, ``lookups``
    how much, and how often until it is too much, where that makes sense
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

REAL = "/usr/libexec/opensmtpd/table-mysql"
HEADER = struct.Struct("=IHHII")
ANSWER = struct.Struct("=i")
SERVICE_AND_COUNT = 12  # bytes before the key
LOOKUP = 6
FOR_EVER = 3600.0
RESTING = 0.001  # seconds between two portions of a flood

Damage = dict[str, Any]
_kept: list[object] = []


def ordered(conf: str) -> Damage:
    """What is to be damaged now; empty if nothing is."""
    try:
        with open(f"{conf}.damage", encoding="utf-8") as file:
            found: Damage = json.load(file)
    except (OSError, ValueError):
        return {}
    return found


class Text:
    """Lines, smtpd's on fd 0 and ours on fd 1."""

    output = 1

    @staticmethod
    def cut(buffer: bytearray) -> Iterator[bytes]:
        """Take the whole messages out of a buffer."""
        while b"\n" in buffer:
            end = buffer.index(b"\n") + 1
            yield bytes(buffer[:end])
            del buffer[:end]

    @staticmethod
    def key(request: bytes) -> bytes | None:
        """The key of a lookup; None for any other message."""
        fields = request.rstrip(b"\n").split(b"|", 7)
        return fields[7] if fields[4:5] == [b"lookup"] and len(fields) == 8 else None

    @staticmethod
    def malformed(answer: bytes) -> bytes:
        """What is no answer, but has the right id."""
        return b"|".join(answer.split(b"|")[:2]) + b"|perhaps|so\n"

    @staticmethod
    def empty(answer: bytes) -> bytes:
        """Found, and nothing in it."""
        return b"|".join(answer.split(b"|")[:2]) + b"|found|\n"

    @staticmethod
    def double(answer: bytes) -> bytes:
        """The answer, and another one to the same question."""
        return answer + b"|".join(answer.split(b"|")[:2]) + b"|not-found\n"

    @staticmethod
    def foreign(answer: bytes) -> bytes:
        """The same with the id of another request."""
        fields = answer.split(b"|")
        fields[1] = fields[1][::-1] if fields[1] != fields[1][::-1] else b"0badc0de"
        return b"|".join(fields)


class Imsg:
    """Binary messages in both directions on fd 0."""

    output = 0

    @staticmethod
    def cut(buffer: bytearray) -> Iterator[bytes]:
        """Take the whole messages out of a buffer."""
        while len(buffer) >= HEADER.size:
            length = HEADER.unpack_from(buffer)[1]
            if len(buffer) < length:
                return
            yield bytes(buffer[:length])
            del buffer[:length]

    @staticmethod
    def key(request: bytes) -> bytes | None:
        """The key of a lookup; None for any other message."""
        if HEADER.unpack_from(request)[0] != LOOKUP:
            return None
        return request[HEADER.size + SERVICE_AND_COUNT :].rstrip(b"\0")

    @staticmethod
    def malformed(answer: bytes) -> bytes:
        """What is no message at all."""
        return b"\xff\xfe" * len(answer)

    @staticmethod
    def empty(_: bytes) -> bytes:
        """Found, and no value behind it."""
        return Imsg.made(1)

    @staticmethod
    def double(answer: bytes) -> bytes:
        """The answer, and another one to the same question."""
        return answer + Imsg.made(0)

    @staticmethod
    def foreign(answer: bytes) -> bytes:
        """There are no ids to be wrong: the answer, and one to a question nobody asked."""
        return answer + Imsg.made(1, b"mallory@example.org:*\0")

    @staticmethod
    def made(result: int, value: bytes = b"") -> bytes:
        """An answer of our own: 1 is found, 0 not found."""
        length = HEADER.size + ANSWER.size + len(value)
        return HEADER.pack(0, length, 0, 0, os.getpid()) + ANSWER.pack(result) + value


Dialect = type[Text] | type[Imsg]


def end(_: Damage) -> None:
    """Leave without a word."""
    os._exit(1)


def wait(damage: Damage) -> None:
    """Take so many seconds."""
    time.sleep(damage.get("amount", FOR_EVER))


def spin(_: Damage) -> None:
    """Compute for ever, and say nothing."""
    while True:
        pass


def deafen(damage: Damage) -> None:
    """Hang, and hear no signal that can be ignored."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    wait(damage)


def fork(damage: Damage) -> None:
    """Leave a child behind that holds every descriptor, and end."""
    ready, done = os.pipe()
    if os.fork() == 0:
        if damage.get("session"):
            os.setsid()
        os.write(done, b".")
        wait(damage)
    os.read(ready, 1)
    os._exit(1)


def grow(damage: Damage) -> None:
    """Take so many bytes and keep them; there is an end to what one may take."""
    limit = damage["lookups"] * damage["amount"]
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[0])
        limit += pages * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    _kept.append(b"x" * damage["amount"])


def leak(damage: Damage) -> None:
    """Open so many descriptors and keep them; there is an end to them, too."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (damage["lookups"] * damage["amount"],) * 2)
    _kept.extend(os.dup(2) for _ in range(damage["amount"]))


AT_START = {"end": end, "slow": wait}
ON_REQUEST = {"spin": spin, "deaf": deafen, "fork": fork, "grow": grow, "leak": leak}
ON_ANSWER = ("malformed", "empty", "foreign", "double")


class Relay:
    """What passes between smtpd, or a supervisor, and the real backend."""

    def __init__(self, conf: str, real: socket.socket) -> None:
        self._conf = conf
        self._real = real
        self._dialect: Dialect = Text
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._damage: Damage = {}  # to be done to the next answer
        self._flood: threading.Thread | None = None

    def run(self) -> None:
        """Pass everything on until one side closes."""
        with socket.socket(fileno=os.dup(0)) as smtpd:
            self._dialect = Text if smtpd.recv(1, socket.MSG_PEEK) == b"c" else Imsg
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(self._real, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                from_smtpd = descriptor == 0
                data = b""
                with contextlib.suppress(ConnectionResetError):
                    data = os.read(descriptor, 65536)
                if not data:
                    return
                (self._to_real if from_smtpd else self._from_real)(data)

    def _to_real(self, data: bytes) -> None:
        self._incoming += data
        for request in self._dialect.cut(self._incoming):
            key = self._dialect.key(request)
            damage = ordered(self._conf) if key is not None else {}
            wanted = damage.get("key")
            self._damage = damage if wanted in (None, (key or b"").decode("latin-1")) else {}
            kind = self._damage.get("kind")
            if kind in ON_REQUEST:
                ON_REQUEST[kind](self._damage)
            elif kind == "flood" and self._flood is None:
                self._flood = threading.Thread(target=self._say_much, daemon=True)
                self._flood.start()
            self._real.sendall(request)

    def _from_real(self, data: bytes) -> None:
        self._outgoing += data
        for answer in self._dialect.cut(self._outgoing):
            damage, self._damage = self._damage, {}
            kind = damage.get("kind")
            if kind == "half":
                self._write(answer[: len(answer) // 2])
                wait(damage)
            elif kind == "late":
                self._write(answer)
                second = self._dialect.double(answer)[len(answer) :]
                threading.Timer(damage["amount"], self._write, (second,)).start()
            elif kind in ON_ANSWER:
                self._write(getattr(self._dialect, kind)(answer))
            else:
                self._write(answer)

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # nobody is there any more
            while data:
                data = data[os.write(self._dialect.output, data) :]

    def _say_much(self) -> None:
        began, said = time.monotonic(), 0
        while damage := ordered(self._conf):
            due = int((time.monotonic() - began) * damage["amount"]) - said
            lines = (f"damaged[{os.getpid()}]: debug: row {said + n}\n" for n in range(due))
            text = "".join(lines).encode()
            with contextlib.suppress(BrokenPipeError):
                while text:
                    text = text[os.write(2, text) :]
            said += due
            time.sleep(RESTING)
        self._flood = None


def main() -> int:
    """Stand there until smtpd, the supervisor or the real backend is gone."""
    conf = sys.argv[1]
    damage = ordered(conf)
    if damage.get("kind") in AT_START:
        AT_START[damage["kind"]](damage)
    ours, theirs = socket.socketpair()
    with theirs:
        real = subprocess.Popen([REAL, conf], stdin=theirs.fileno(), stdout=theirs.fileno())
    Relay(conf, ours).run()
    for descriptor in (ours.detach(), 0, 1):
        os.close(descriptor)
    return real.wait()


if __name__ == "__main__":
    sys.exit(main())
