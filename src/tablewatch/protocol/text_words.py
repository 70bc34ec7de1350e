"""The words of the text protocol (smtpd-tables(7)) and the length of its lines."""

from __future__ import annotations

from tablewatch.protocol.messages import SERVICES, Operation

# Bytes, newline not counted. smtpd's own lines stay below 4 KiB (table.c: a key is shorter than
# 1024, a table's name than 2048) and it uses no value of 2048 (LINE_MAX) or more; table_stdio
# takes a line of any length. So this is far from anything real, and still bounded.
LINE_LIMIT = 65536

# Per operation: itself, and how many fields there are from it to the end of the line.
REQUESTS = {
    b"update": (Operation.UPDATE, 2),  # update|ID
    b"fetch": (Operation.FETCH, 3),  # fetch|SERVICE|ID
    b"check": (Operation.CHECK, 4),  # check|SERVICE|ID|KEY
    b"lookup": (Operation.LOOKUP, 4),
}
# The manual's example answers a fetch with `lookup-result`; smtpd (table_proc.c) exits on that.
RESULTS = {operation: b"%b-result" % word for word, (operation, _) in REQUESTS.items()}

SERVICE_NAMES = {name.encode(): name for name in SERVICES}
