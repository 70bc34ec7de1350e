"""The numbers and layouts of the imsg protocol (smtpd-api.h of smtpd 6.8.0p2 to 7.5.0p0)."""

from __future__ import annotations

import struct

from tablewatch.protocol.frames import HEADER_SIZE
from tablewatch.protocol.messages import SERVICES, Operation, Verdict

# FAIL (1) is defined too, but smtpd exits on it: an answer is always OK.
OK, OPEN, CLOSE, UPDATE, CHECK, LOOKUP, FETCH = 0, 2, 3, 4, 5, 6, 7
OPERATIONS = {
    UPDATE: Operation.UPDATE,
    CHECK: Operation.CHECK,
    LOOKUP: Operation.LOOKUP,
    FETCH: Operation.FETCH,
}

# OPEN: version, then the table's name in a field of LINE_MAX bytes, the same on OpenBSD and Linux.
API_VERSION = 2
OPENING = struct.Struct("=I2048s")

# CHECK, LOOKUP, FETCH: service, number of parameters (always 0). Written one after the other, so
# without padding. A size_t has no letter but in struct's native mode, which pads.
QUERY = struct.Struct("=iQ" if struct.calcsize("N") == 8 else "=iI")
KEY_AT = HEADER_SIZE + QUERY.size

# `enum table_service`; "auth", the last of SERVICES, came with the text protocol.
SERVICE_NAMES = {1 << bit: name for bit, name in enumerate(SERVICES[:12])}

RESULT = struct.Struct("=i")
VALUE_AT = HEADER_SIZE + RESULT.size
VERDICTS = {1: Verdict.FOUND, 0: Verdict.NOT_FOUND, -1: Verdict.ERROR}
HAVE_VALUES = frozenset((Operation.LOOKUP, Operation.FETCH))
