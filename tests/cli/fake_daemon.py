"""A tablewatchd that says what a test wants it to say."""

import contextlib
import os
import socket
import threading
from dataclasses import asdict

from tablewatch.control.entries import QuarantineEntry
from tablewatch.control.records import to_plain
from tablewatch.control.wire import LineReader, encode


def status_reply(host):
    return {"ok": True, "text": "", "data": {"status": to_plain(host)}}


def tables_reply(**tables):
    """An answer about tables: ok and text, and more where it is a dictionary."""
    plain = {
        name: each if isinstance(each, dict) else {"ok": each[0], "text": each[1]}
        for name, each in tables.items()
    }
    return {"ok": True, "text": "", "data": {"tables": plain}}


def refusal(text):
    return {"ok": False, "text": text, "data": {}}


def entry(number, **changes):
    """A refused key, as the supervisor tells of it."""
    made = QuarantineEntry(
        id=f"id{number}",
        service="credentials",
        shown="a***@example.org",
        reason="the key has characters that the column's character set can't hold",
        since=312.0 + number,
        left=3288.0,
        offences=1,
        hits=17,
    )
    return {**asdict(made), **changes}


class FakeDaemon:
    """Listens at `path` and answers by `answers`: command to a reply, or to what makes one.

    ``questions`` are what it was asked. A command without an answer is never answered.
    """

    def __init__(self, path):
        self.path = str(path)
        self.answers = {}
        self.questions = []
        self._listener = None
        self._open = []

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()
        return self

    def stop(self):
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in self._open:
            connection.close()
        self._open.clear()

    def _serve(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        reader = LineReader()
        questions = []
        with contextlib.suppress(OSError):
            while not questions:
                data = connection.recv(65536)
                if not data:
                    return
                questions = reader.feed(data)
            question = questions[0]
            self.questions.append(question)
            answer = self.answers.get(question["command"])
            if answer is None:
                self._open.append(connection)  # and never a word
                return
            connection.sendall(encode(answer(question) if callable(answer) else answer))
        connection.close()
