"""strace's and kdump's lines become the few events that matter."""

import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.knowledge.keys import CUT_MARK
from tablewatch.knowledge.trace_formats import (
    KDUMP,
    KTRACE,
    STRACE,
    Seen,
    from_kdump,
    from_strace,
)

CUT = CUT_MARK.encode()


def hexed(data):
    return "".join(f"\\x{byte:02x}" for byte in data)


def strace(*lines):
    return list(from_strace(lines))


def kdump(*lines):
    return list(from_kdump(lines))


def dumped(data, per_line=24):
    """The lines of ``kdump -x`` for what was read: 80 columns, the first 512 bytes."""
    shown = data[:512]
    rows = [shown[at : at + per_line] for at in range(0, len(shown), per_line)]
    return [
        f" 12345 table-mysql 1700000000.700000 GIO   fd 3 read {len(data)} bytes",
        *("\t" + row.hex(" ") for row in rows),
    ]


# --- strace


def test_what_is_received_is_read_and_what_is_sent_is_not():
    secret = hexed(b"password")
    assert strace(
        f'[pid  77] 12.500000 recvfrom(3, "{hexed(b"abc")}", 16384, MSG_DONTWAIT, NULL, NULL) = 3',
        f'12.600000 sendto(3, "{secret}", 8, MSG_DONTWAIT|MSG_NOSIGNAL, NULL, 0) = 8',
        f'12.700000 write(3, "{secret}", 8) = 8',
    ) == [
        Seen("call", "recvfrom", time=12.5),
        Seen("received", data=b"abc", time=12.5),
        Seen("call", "sendto", time=12.6),
        Seen("call", "write", time=12.7),
    ]


def test_what_strace_cut_is_marked_as_cut():
    (_, received) = strace(f'1.5 read(3, "{hexed(b"abc")}"..., 16384) = 900')
    assert received.data == b"abc" + CUT


def test_a_call_that_another_thread_interrupted_counts_once_and_is_read():
    assert strace(
        "[pid  77] 1.500000 recvfrom(3,  <unfinished ...>",
        "[pid  78] 1.600000 getpid() = 78",
        f'[pid  77] 1.700000 <... recvfrom resumed>"{hexed(b"abc")}", 16384, 0, NULL, NULL) = 3',
        f'[pid  77] 1.800000 <... write resumed>"{hexed(b"abc")}", 3) = 3',
    ) == [
        Seen("call", "recvfrom", time=1.5),
        Seen("call", "getpid", time=1.6),
        Seen("received", data=b"abc", time=1.7),
    ]


def test_strace_tells_where_it_connects():
    inet = (
        "1.0 connect(3, {sa_family=AF_INET, sin_port=htons(3306), "
        f'sin_addr=inet_addr("{hexed(b"127.0.0.1")}")}}, 16) = 0'
    )
    inet6 = (
        "1.0 connect(3, {sa_family=AF_INET6, sin6_port=htons(5432), sin6_flowinfo=htonl(0), "
        f'inet_pton(AF_INET6, "{hexed(b"::1")}", &sin6_addr), sin6_scope_id=0}}, 28) = 0'
    )
    unix = f'1.0 connect(3, {{sa_family=AF_UNIX, sun_path="{hexed(b"/run/m.sock")}"}}, 110) = 0'
    abstract = f'1.0 connect(3, {{sa_family=AF_UNIX, sun_path=@"{hexed(b"m")}"}}, 110) = 0'
    events = strace(inet, inet6, unix, abstract)
    places = [event.text for event in events if event.what == "connect"]
    assert places == ["127.0.0.1:3306", "[::1]:5432", "/run/m.sock", "@m"]


def test_a_place_is_one_printable_line():
    path = hexed(b"/run/\n1.0 connect\xff\x1b[2J")
    (_, event) = strace(f'1.0 connect(3, {{sa_family=AF_UNIX, sun_path="{path}"}}, 110) = 0')
    assert event.text == "/run/\\n1.0 connect\\xff\\x1b[2J"


PROGRAM = """
import os, socket
ours, theirs = socket.socketpair()
listener = socket.create_server(("127.0.0.1", 0))
theirs.send(b"row\\0\\xff\\n\\"1.5 connect(")
ours.recv(100)
theirs.send(b"x" * 600)
os.read(ours.fileno(), 600)
socket.create_connection(listener.getsockname())
print(listener.getsockname()[1])
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_real_strace_writes_such_lines():
    done = subprocess.run(
        ["strace", *STRACE, sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
    )
    if "PTRACE" in done.stderr:
        pytest.skip(done.stderr)
    events = strace(*done.stderr.splitlines())
    received = [event.data for event in events if event.what == "received"]
    assert b'row\0\xff\n"1.5 connect(' in received
    assert b"x" * 512 + CUT in received
    assert Seen("connect", f"127.0.0.1:{int(done.stdout)}") in [
        event._replace(time=None) for event in events
    ]
    times = [event.time for event in events]
    assert times == sorted(times)


# --- kdump


def test_kdump_tells_where_it_connects_and_what_it_receives():
    """The form of the lines is that of kdump.c 1.156 and ktrstruct.c."""
    assert kdump(
        " 12345 table-mysql 1700000000.500000 CALL  connect(3,0x7f7ffffd1234,16)",
        " 12345 table-mysql 1700000000.600000 STRU  struct sockaddr { AF_INET, 127.0.0.1:3306 }",
        " 12345 table-mysql 1700000000.650000 RET   connect 0",
        *dumped(b"\xff\xf3\x04#HY000"),
        " 12345 table-mysql 1700000000.800000 GIO   fd 3 wrote 8 bytes",
        "\t70 61 73 73 77 6f 72 64",
    ) == [
        Seen("call", "connect", time=1700000000.5),
        Seen("connect", "127.0.0.1:3306", time=1700000000.6),
        Seen("received", data=b"\xff\xf3\x04#HY000", time=1700000000.7),
    ]


def test_kdump_tells_of_other_families_other_threads_and_indirect_calls():
    events = kdump(
        " 12345/541234  table-mysql 1.500000 CALL  (via syscall) connect(3,0x7f7ffffd1234,28)",
        " 12345/541234  table-mysql 1.500000 STRU  struct sockaddr { AF_INET6, [::1]:5432 }",
        ' 12345/541234  table-mysql 1.500000 STRU  struct sockaddr { AF_UNIX, "/var/m.sock" }',
        " 12345/541234  table-mysql 1.600000 CALL  getsockname(3,0x7f7ffffd1234,0x7f7ffffd1230)",
        " 12345/541234  table-mysql 1.600000 STRU  struct sockaddr { AF_INET, 127.0.0.1:1 }",
    )
    texts = [event.text for event in events]
    assert texts == ["connect", "[::1]:5432", "/var/m.sock", "getsockname"]


def test_what_kdump_cut_is_marked_as_cut():
    (received,) = kdump(*dumped(b"x" * 513))
    assert received.data == b"x" * 512 + CUT
    (received,) = kdump(*dumped(b"x" * 512))
    assert received.data == b"x" * 512


def test_ktrace_is_asked_for_calls_data_and_addresses_and_kdump_for_hexadecimal():
    """See ktrace(1): c, i and t; kdump(1): -T absolute times, -x hexadecimal, -m the most."""
    assert set(KTRACE[KTRACE.index("-t") + 1]) == set("cit")
    assert {"-T", "-x", "-m"} < set(KDUMP)


# --- both


@given(st.lists(st.text(max_size=200), max_size=20))
def test_no_line_is_too_strange(lines):
    for read in (from_strace, from_kdump):
        assert all(isinstance(event, Seen) for event in read(lines))


@given(st.binary(min_size=1, max_size=512))
def test_any_bytes_received_come_through(data):
    events = strace(f'1.5 read(3, "{hexed(data)}", 512) = {len(data)}')
    assert events[-1].data == data
    assert kdump(*dumped(data), *dumped(b"next")) == [
        Seen("received", data=data, time=1700000000.7),
        Seen("received", data=b"next", time=1700000000.7),
    ]


@given(st.binary(min_size=1, max_size=300), st.sampled_from(["strace", "kdump"]))
def test_nothing_that_is_received_looks_like_a_line(data, which):
    made = [f'1.5 read(3, "{hexed(data)}", 512) = 1'] if which == "strace" else dumped(data)
    read = strace if which == "strace" else kdump
    assert [event.what for event in read(*made) if event.what != "call"] == ["received"]
