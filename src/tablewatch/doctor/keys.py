"""Keys that databases are known to fail on: what a client can send, before it has logged in."""

from __future__ import annotations

from typing import NamedTuple

from tablewatch.knowledge.masking import printable

DOMAIN = b"tablewatch.invalid"  # RFC 2606: never anybody's
# Longer than any column, shorter than what table_stdio still takes (LINE_MAX, 2048).
_LONG = 2000
_SHOWN = 24


class NastyKey(NamedTuple):
    """A key, and what is nasty about it in a few words."""

    kind: str
    key: bytes

    def __str__(self) -> str:
        text = printable(self.key)
        if len(text) > _SHOWN:
            text = f"{text[:4]}... of {len(self.key)} bytes"
        return f'{self.kind} ("{text}")' if text else self.kind


PLAIN = NastyKey("plain ASCII", b"nobody@" + DOMAIN)


def _key(kind: str, local: bytes) -> NastyKey:
    return NastyKey(kind, local + b"@x.invalid")


NASTY = (
    _key("within latin1", "jos\u00e9".encode()),
    _key("beyond latin1", "a\u0142ice".encode()),
    _key("four-byte UTF-8", "a\U0001f600".encode()),
    _key("invalid UTF-8", b"al\xff\xfeice"),
    NastyKey("cut-off UTF-8", b"al\xc3"),
    _key("control characters", b"a\x01\t\x7f"),
    _key("newline", b"a\nb"),
    _key("quotes", b"a'\"`;--"),
    _key("backslash", b"a\\"),
    _key("% and _", b"%_"),
    _key("unbalanced brackets", b"a[(*+?{"),
    NastyKey("very long", b"a" * (_LONG - len(DOMAIN) - 1) + b"@" + DOMAIN),
    NastyKey("empty", b""),
)
