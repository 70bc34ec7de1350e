"""Targets: the output of strace(1) and kdump(1)."""

from __future__ import annotations

from hypothesis import strategies as st
from tests.fuzz.target import Targets

from tablewatch.knowledge.trace_formats import Seen, from_kdump, from_strace
from tablewatch.knowledge.tracing import condense

TRACES = Targets()

KEY = b"alice@example.org"
PASSWORD = b"xyzzy7Q"
_SENT = "".join(f"\\x{byte:02x}" for byte in PASSWORD)
STRACE_WORDS = (
    *("[pid 4711] ", "1700000000.123456 ", "read(3, ", "connect(3, {sa_family=AF_INET, sin_port="),
    *(
        "htons(3306), sin_addr=inet_addr(",
        '"\\x31\\x32\\x37\\x2e\\x30"',
        ")}, 16) = 0\n",
        "recvfrom(",
    ),
    *(
        'sun_path="\\x2f\\x72"',
        "sun_path=@",
        "<... read resumed>",
        '"\\xff\\x15\\x04\\x23',
        '"...',
        "\n",
    ),
    *(
        "\\x48\\x59\\x30\\x30\\x30",
        "poll([{fd=3",
        "sendto(3, ",
        "write(3, ",
        "inet_pton(AF_INET6, ",
    ),
    *(
        " = -1 EINTR",
        "sin6_port=htons(5432)",
        '"\\x45\\x00\\x00\\x00\\x10\\x53',
        "\\x00\\x43",
        "\\x4d",
    ),
)
KDUMP_WORDS = (
    *(" 4711 table-mysql 1700000000.123456 ", " 4711/1 x ", "CALL  ", "RET   ", "GIO   ", "STRU  "),
    *(
        "read(3,0x7f,0x200)\n",
        "connect(3,0x7f,16)\n",
        "fd 3 read 20 bytes\n",
        "fd 3 wrote 9 bytes\n",
    ),
    *("\tff 15 04 23 48 59 30 30 30\n", "struct sockaddr { AF_INET, 127.0.0.1:3306 }\n", "\t45 00"),
    *("(via syscall) poll(", 'struct sockaddr { AF_UNIX, "/run/x" }\n', "NAMI  ", "PSIG  ", "\n"),
)


def near(words: tuple[str, ...]) -> st.SearchStrategy[bytes]:
    """Return texts of a trace, nearly."""
    parts = st.sampled_from(words).map(str.encode) | st.binary(max_size=12)
    return st.lists(parts, max_size=25).map(b"".join)


def shown(events: list[Seen]) -> list[str]:
    """Return the condensed trace, looked at."""
    for event in events:
        assert event.what in ("call", "connect", "received")
        assert event.text.isprintable()
        assert event.what == "received" or not event.data
    lines = condense(events, [KEY])
    assert len(lines) <= 12
    for line in lines:
        assert line.isprintable(), line
        assert len(line) < 1000
        assert not line.startswith("is answered") or KEY.decode() not in line
    assert bool(lines) == any(event.what == "call" for event in events)
    return lines


@TRACES("strace", near(STRACE_WORDS), map(str.encode, STRACE_WORDS))
def strace(data: bytes) -> None:
    """Whatever strace writes, it becomes events of the known kinds and at most a dozen printable
    lines without keys; and what is *sent* in between changes nothing but the number of calls.
    """
    text = data.decode("utf-8", "backslashreplace")
    events = list(from_strace(text.splitlines()))
    shown(events)
    sent = f'1700000000.5 sendto(3, "{_SENT}", 7, 0, NULL, 0) = 7'
    more = list(from_strace([sent, *text.splitlines(), sent]))
    assert [each for each in more if each.text != "sendto"] == [
        each for each in events if each.text != "sendto"
    ]
    assert not any(PASSWORD.decode() in line for line in shown(more))


@TRACES("kdump", near(KDUMP_WORDS), map(str.encode, KDUMP_WORDS))
def kdump(data: bytes) -> None:
    """As strace, for OpenBSD's kdump: what was written by the process is never looked at."""
    text = data.decode("utf-8", "backslashreplace")
    lines = text.splitlines()
    shown(list(from_kdump(lines)))
    sent = [" 4711 table-mysql 1700000000.9 GIO   fd 3 wrote 7 bytes", "\t" + PASSWORD.hex(" ")]
    more = list(from_kdump([*lines, *sent]))
    assert not any(PASSWORD in event.data for event in more[len(list(from_kdump(lines))) :])
    assert not any(PASSWORD.decode() in line for line in shown(more))
