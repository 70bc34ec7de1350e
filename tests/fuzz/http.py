"""Targets: what a client of tablewatchd's web server sends."""

from __future__ import annotations

import io
from http.client import HTTPMessage, parse_headers
from typing import Any, cast

from hypothesis import strategies as st
from tests.fuzz.target import Targets, splits
from tests.support.documents import Document
from tests.support.incidents import store, told
from tests.support.statuses import everything

from tablewatch.daemon.exposition import Metrics
from tablewatch.daemon.web.access import Access
from tablewatch.daemon.web.connection import Connection, Limits
from tablewatch.daemon.web.request import Request, Response, parse
from tablewatch.daemon.web.routes import OTHER, Site

HTTP = Targets()

WORDS = (
    *(
        b"GET ",
        b"HEAD ",
        b"POST ",
        b"/",
        b" HTTP/1.1",
        b" HTTP/1.0\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
    ),
    *(
        b"Host: ",
        b"localhost\r\n",
        b"127.0.0.1:10099",
        b"/metrics",
        b"/incidents/",
        b"k7f3-2",
        b"?",
    ),
    *(b"/api/v1/status", b"/api/v1/incidents", b"table=creds", b"&", b"=", b"%00", b"%0d%0a", b";"),
    *(b"http://", b"https://a@b/", b"//", b"../", b"refresh=off", b"/-/ready", b"/-/healthy", b"*"),
    *(
        b"Accept-Encoding: ",
        b"gzip;q=0",
        b"Accept: application/openmetrics-text\r\n",
        b"q=1e9",
        b",",
    ),
    *(
        b"Authorization: Basic ",
        b"X-Prometheus-Scrape-Timeout-Seconds: nan\r\n",
        b"[::1]",
        b"#",
        b":",
    ),
)
near = st.lists(st.sampled_from(WORDS) | st.binary(max_size=10), max_size=20).map(b"".join)
near_requests = st.builds(
    lambda path, rest: b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n" + rest,
    st.lists(st.sampled_from([word for word in WORDS if b" " not in word])).map(b"".join),
    near,
)

_STATUS = everything()
_SITE = Site(
    ask=lambda _: _STATUS,
    metrics=Metrics(lambda _: _STATUS).render,
    ready=lambda: "",
    incidents=store(told()),
    timeout=5.0,
)
_ACCESS = Access(("127.0.0.1:10099",), "")


def well_formed(response: Response) -> HTTPMessage:
    """Return the headers of an answer, as a client reads them."""
    head = response.head()
    assert head.endswith(b"\r\n\r\n")
    first, _, rest = head.partition(b"\r\n")
    assert first.startswith(b"HTTP/1.1 %d " % response.status)
    headers = parse_headers(io.BytesIO(rest))
    assert not headers.defects
    assert headers["Content-Length"] == str(len(response.body))
    assert headers["Connection"] == "close"
    assert len(headers) == head.count(b"\r\n") - 2
    return headers


@HTTP("http-request", near_requests | near, WORDS)
def http_request(data: bytes) -> None:
    """Whatever the head of a request is, it is a Request without control characters in it, or an
    answer; and what is answered is well-formed, has no header of the client's making, and nothing
    of the client's words as markup.
    """
    request = parse(data.partition(b"\r\n\r\n")[0])
    if isinstance(request, Response):
        assert request.status in (400, 505)
        well_formed(request)
        return
    assert request.path.startswith(("/", "*"))
    for name, value in request.headers.items():
        assert name == name.lower()
        assert not set("\r\n\0") & set(name + value)
    assert request.version >= (1, 0)
    assert "host" in request.headers or request.version < (1, 1)
    assert isinstance(request.wants_gzip, bool)
    answered(request)


def answered(request: Request) -> None:
    """Have the request answered as the server does."""
    refusal = _ACCESS.objection(request, loopback=True, until=0.0)
    if refusal is not None:
        assert refusal.status == 421
        well_formed(refusal)
    assert _SITE.label(request.path) in (OTHER, *_SITE._routes)
    if request.path == "/metrics":
        return  # looked at in what supervisors say; it takes milliseconds
    response = _SITE.answer(request)
    assert response.status in (200, 404, 405)
    headers = well_formed(response)
    if headers["Content-Type"].startswith("text/html"):
        page = Document(response.body.decode())
        assert not {"script", "iframe", "img"} & {name for name, _ in page.elements}


class _Pieces:
    """A socket that brings what a client sends, in these pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def settimeout(self, seconds: float) -> None:
        """Check that there is time left."""
        assert seconds > 0

    def recv(self, size: int) -> bytes:
        """Return the next piece, or as much of it as is asked for."""
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        return piece[:size]


@HTTP("http-head", near | near_requests.map(lambda head: head + b"\r\n\r\nbody"), WORDS)
def http_head(data: bytes) -> None:
    """A request is read up to its empty line and not a byte further, or found too long; however it
    is split.
    """
    limits = Limits(head=400)

    def read(pieces: list[bytes]) -> bytes | None:
        return Connection(cast("Any", _Pieces(pieces)), "peer", limits).read_head()

    whole = read([data])
    if whole:
        assert len(whole) <= limits.head
        assert data.lstrip(b"\r\n").startswith(whole)
        assert b"\n\n" not in whole
        assert b"\r\n\r\n" not in whole
    for pieces in splits(data):
        assert read(pieces) == whole
