"""What the targets of the control protocol share: lines that come close to it."""

from __future__ import annotations

import json

from hypothesis import strategies as st
from tests.fuzz.target import Targets
from tests.support.statuses import well

from tablewatch.control.records import to_plain
from tablewatch.control.wire import MAX_LINE, Message

CONTROL = Targets()


MESSAGES: tuple[Message, ...] = (
    {"type": "hello", "version": 1, "table": "fuzz", "pid": 1},
    {"type": "hello", "version": 1, "table": "honest", "pid": 1},
    {"type": "status", "id": 1, "status": to_plain(well("fuzz"))},
    {"type": "status", "id": 1, "status": to_plain(well("honest", pid=666))},
    {"type": "event", "priority": 4, "text": "boo"},
    {"type": "done", "id": 1, "ok": True, "text": "", "data": {}},
    {"type": "ask", "id": 1},
    {"type": "welcome", "version": 1},
    {"type": "refused", "reason": "no"},
    {"type": "do", "id": 1, "command": "quarantine", "arguments": {}},
    {
        "type": "do", "id": 1, "command": "add",
        "arguments": {"service": "alias", "key": "bob", "seconds": 60},
    },
    {"type": "do", "id": 1, "command": "pause", "arguments": {"seconds": 1e9}},
    {"type": "do", "id": 1, "command": "release", "arguments": {"all": True}},
    {"version": 1, "command": "status"},
    {"version": 1, "command": "quarantine", "table": "", "arguments": {"offset": 0}},
    {"version": 1, "command": "song", "table": "honest", "arguments": {}},
    {"ok": True, "text": "", "data": {"status": {}}},
)  # fmt: skip
FIELDS = (
    *("type", "version", "table", "pid", "id", "status", "text", "priority", "command", "reason"),
    *("arguments", "ok", "data", "seconds", "key", "service", "offset", "all", "incident"),
)
VALUES = (
    *("hello", "welcome", "refused", "ask", "status", "event", "do", "done", "creds", "fuzz", ""),
    *("quarantine", "release", "add", "reset", "pause", "resume", "reload", "incidents", "honest"),
    *(1, 0, -1, 2, 1e300, 10**30, None, True, [], {}, "\udcff", "\0", "x" * 300),
)


def line(message: object) -> bytes:
    """Return a message as it goes over the wire, even one that can't."""
    return json.dumps(message).encode() + b"\n"


near_messages = st.builds(
    lambda base, extra: {**base, **extra},
    st.sampled_from(MESSAGES),
    st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(VALUES), max_size=2),
)
near = st.lists(
    near_messages.map(line)
    | st.binary(max_size=30)
    | st.sampled_from(
        [
            *(
                b"\n",
                b"{}\n",
                b"[]\n",
                b'{"a":NaN}\n',
                b'{"a":1e999}\n',
                b"\xff\xfe\n",
                b'{"type":"',
            ),
            *(b"[" * 50_000 + b"\n", b"x" * (MAX_LINE + 1)),
            *(b'{"version":1,"command":"status"}\n' * 50, b'{"a":' + b"9" * 5000 + b"}\n"),
        ]
    ),
    max_size=5,
).map(b"".join)
WORDS = (
    *(f'"{field}":'.encode() for field in FIELDS),
    *(json.dumps(each).encode() for each in VALUES if each != "x" * 300),
    *(b"{", b"}", b"\n", b",", b"[", b'{"type":"ask","id":1}\n', b"NaN", b"1e999", b"\xff"),
)
