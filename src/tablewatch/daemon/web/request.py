"""HTTP/1.1 (RFC 9112) as far as it is needed here: bytes to a request, an answer to bytes.

One request per connection, and never with a body: what comes after the head is not looked at, so
nothing can be smuggled in there, and no client keeps a connection for itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

# Ours has two fields at most; the standard library gives up with this many, too.
_MAX_FIELDS = 16

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LINE = re.compile(rf"({_WORD}) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")
_FIELD = re.compile(rf"({_WORD}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_ENCODING = re.compile(r"(gzip|x-gzip|\*)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?")


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks. Names of headers are in lower case, values as ISO 8859-1."""

    method: str
    path: str
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    version: tuple[int, int] = (1, 1)

    def first(self, name: str) -> str:
        """Return the first value of `name` in the query, "" if there is none."""
        return self.query.get(name, [""])[0]

    @property
    def wants_gzip(self) -> bool:
        """Whether the answer may be compressed (RFC 9110, 12.5.3)."""
        offers = {}
        for each in self.headers.get("accept-encoding", "").lower().split(","):
            if match := _ENCODING.fullmatch(each.strip()):
                offers[match[1]] = match[2] is None or any(c in "123456789" for c in match[2])
        return offers.get("gzip", offers.get("x-gzip", offers.get("*", False)))


@dataclass(frozen=True, slots=True)
class Response:
    """What a client is answered."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()

    def head(self) -> bytes:
        """Return everything that goes before the body."""
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers),
            "Connection: close",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def plain(status: int, text: str, *headers: tuple[str, str]) -> Response:
    """Return an answer of one line for people."""
    return Response(status, text.encode() + b"\n", headers=headers)


def parse(head: bytes) -> Request | Response:
    """Return the request that `head` (up to the empty line) is, or what to answer to it."""
    first, *lines = head.decode("latin-1").strip("\r\n").split("\n")
    match = _LINE.fullmatch(first.rstrip("\r"))
    if match is None:
        return plain(400, "this is no HTTP request")
    if match[3] != "1":
        return plain(505, "this server speaks HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        pair = _FIELD.fullmatch(line.rstrip("\r"))
        if pair is None:
            return plain(400, "a header that is none")
        name, value = pair[1].lower(), pair[2].strip(" \t")
        if name == "host" and name in headers:
            return plain(400, "more than one Host header")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    version = (int(match[3]), int(match[4]))
    return _request(match[1], match[2], version, headers)


def _request(
    method: str, target: str, version: tuple[int, int], headers: dict[str, str]
) -> Request | Response:
    try:
        # "//x" is a path here, and no host
        parts = urlsplit(target if not target.startswith("/") else f"http://-{target}")
        query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return plain(400, "an address that is none")
    if not target.startswith("/"):
        if parts.scheme not in ("http", "https") or not parts.netloc:
            return plain(400, "an address that is none")
        headers["host"] = parts.netloc.rpartition("@")[2]
    if version >= (1, 1) and "host" not in headers:
        return plain(400, "the Host header is missing")
    return Request(method, parts.path or "/", query, headers, version)
