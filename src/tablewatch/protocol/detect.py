"""Tells the two protocols apart by the first byte smtpd sends."""

from __future__ import annotations

import sys

from tablewatch.protocol import Dialect
from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.text import TEXT

# smtpd begins with `config|smtpd-version|...` (7.6 and later) or with the u32 type 2, OPEN, in
# the byte order of the machine (7.5 and earlier).
_FIRST_BYTES: dict[bytes, Dialect] = {
    b"c": TEXT,
    b"\x02" if sys.byteorder == "little" else b"\x00": IMSG,
}


def dialect_of(first: bytes) -> Dialect | None:
    """Return the dialect of a stream that begins with `first`; None if it is neither's, or empty.

    One byte is enough; a pair of codecs that is given a stream in the other dialect would still
    find out, as damage.
    """
    return _FIRST_BYTES.get(first[:1])
