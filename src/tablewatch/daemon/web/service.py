"""What happens with one client, from its first byte to the last; runs in a thread of its own."""

from __future__ import annotations

import contextlib
import gzip
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate

from tablewatch.daemon.web.access import Access
from tablewatch.daemon.web.connection import Connection, Stage
from tablewatch.daemon.web.hosts import is_loopback
from tablewatch.daemon.web.request import Request, Response, parse, plain
from tablewatch.daemon.web.routes import OTHER, SECURITY, Site

# Below it compressing makes an answer longer.
_WORTH_COMPRESSING = 1000
_SAME_AGAIN = 60.0  # seconds in which the same trouble is logged once


class Log:
    """A log that says the same only once in a while: clients must not be able to fill it."""

    def __init__(self, write: Callable[[str], None] | None) -> None:
        """`write` takes a line; None is stderr."""
        self._write = write or _to_stderr
        self._lock = threading.Lock()
        self._last, self._when = "", 0.0

    def __call__(self, text: str) -> None:
        """Write a line, unless it is the one that was just written."""
        now = time.monotonic()
        with self._lock:
            if text == self._last and now - self._when < _SAME_AGAIN:
                return
            self._last, self._when = text, now
        self._write(text)

    def trouble(self, what: str, error: Exception) -> None:
        """Say that something went wrong that nobody thought of."""
        self(f"web: {what}: {type(error).__name__}: {error}")


class Service:
    """Reads a client's request, asks the site, writes the answer. ``access`` may be exchanged."""

    def __init__(
        self, access: Access, site: Site, count: Callable[[str, int], None], log: Log
    ) -> None:
        self.access = access
        self._site = site
        self._count = count
        self._log = log

    def serve(self, connection: Connection) -> None:
        """Give one client one answer. Raises OSError if the client goes, or takes too long."""
        access = self.access
        if access.tls is not None and not connection.secure(access.tls.context(self._log)):
            refusal = plain(400, "this server speaks TLS; write https instead of http")
            connection.write(refusal.head(), refusal.body)
            connection.finish()
            return
        request = _read(connection)
        if request is None:
            return
        connection.stage = Stage.ANSWERING
        path = OTHER
        answer: Response | None
        if isinstance(request, Response):
            answer = request
        else:
            path = self._site.label(request.path)
            loopback = is_loopback(connection.local_address)
            answer = access.objection(request, loopback=loopback, until=connection.until)
            answer = answer or self._answer(request)
        with contextlib.suppress(Exception):  # whoever counts must not cost anybody the answer
            self._count(path, answer.status)
        date = ("Date", formatdate(usegmt=True))
        answer = replace(answer, headers=(*answer.headers, *SECURITY, date))
        short = isinstance(request, Request) and request.method == "HEAD"
        connection.write(answer.head(), b"" if short else answer.body)
        connection.finish()

    def _answer(self, request: Request) -> Response:
        try:
            answer = self._site.answer(request)
        except Exception as error:  # the next request shall be answered
            self._log.trouble(self._site.label(request.path), error)
            return plain(500, "an error of tablewatchd's own; its log says more")
        if not request.wants_gzip or len(answer.body) < _WORTH_COMPRESSING:
            return answer
        coding = (("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
        body = gzip.compress(answer.body, 5, mtime=0)
        return replace(answer, body=body, headers=(*answer.headers, *coding))


def _read(connection: Connection) -> Request | Response | None:
    """Return the request, or what to answer to what is none; None if the client has gone."""
    try:
        head = connection.read_head()
    except TimeoutError:
        return plain(408, "no whole request in time")
    if head is None:
        return plain(431, "too much before the empty line")
    return parse(head) if head else None


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
