"""A trace becomes a few lines that say what a backend was at, and hold no secret."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tablewatch.knowledge.keys import CUT_MARK
from tablewatch.knowledge.trace_formats import Seen, from_kdump, from_strace
from tablewatch.knowledge.tracing import condense

POISON = "ałice@example.org".encode()
COLLATIONS = b"Illegal mix of collations (latin1_swedish_ci,IMPLICIT)"
POSTGRES = b"E\0\0\0\x5fSERROR\0VERROR\0C22P05\0Mcharacter has no equivalent\0Fmbutils.c\0\0"
MOST = 128 * 1024  # of what the tracer reads
HASH = b"$6$saltsalt$" + b"h" * 86


def packet(contents, number=1):
    """One packet of MySQL's protocol."""
    return len(contents).to_bytes(3, "little") + bytes([number]) + contents


def error(text, code=1267, state=b"#HY000"):
    return packet(b"\xff" + code.to_bytes(2, "little") + state + text)


MYSQL = error(COLLATIONS)


def loop(data, turns=10):
    for turn in range(turns):
        yield Seen("call", "connect", time=turn / 10)
        yield Seen("connect", "127.0.0.1:3306", time=turn / 10)
        yield Seen("call", "recvfrom", time=turn / 10)
        yield Seen("received", data=data, time=turn / 10)


def told(data, keys=()):
    """Return what is said of the answers."""
    return [line for line in condense(loop(data, 1), keys) if line.startswith("is answered")]


def test_a_loop_of_reconnects_is_told_in_three_lines():
    assert condense(loop(MYSQL)) == [
        "20 system calls in 0.90 s: connect 10, recvfrom 10",
        "connects to 127.0.0.1:3306: 10 times, 11 a second",
        "is answered: error 1267 (HY000): Illegal mix of collations (latin1_swedish_ci,IMPLICIT)"
        " (10 times, 11 a second)",
    ]


def test_postgresql_and_redis_are_understood():
    assert told(POSTGRES) == ["is answered: error 22P05: character has no equivalent (once)"]
    assert told(b"-NOAUTH Authentication required.\r\n") == [
        "is answered: NOAUTH Authentication required. (once)"
    ]


def test_postgresql_in_another_language_is_understood():
    russian = POSTGRES.replace(b"SERROR", b"S\xd0\x9e\xd0\xa8")
    assert told(russian) == told(POSTGRES) != []


def test_an_error_in_place_of_mysqls_greeting_is_understood():
    many = packet(b"\xff\x10\x04Too many connections", 0)
    assert told(many) == ["is answered: error 1040: Too many connections (once)"]


def test_an_error_whose_header_was_read_before_is_understood():
    assert told(MYSQL[4:]) == told(MYSQL) != []


def test_an_error_after_other_packets_is_understood_and_ends_where_it_ends():
    """What comes after it may be a row."""
    assert told(packet(b"\x01") + MYSQL + packet(b"\x0chunter2zq", 2)) == told(MYSQL) != []


def test_one_that_computes_is_told_apart():
    lines = condense([Seen("call", "getpid", time=1.0), Seen("call", "getpid", time=2.0)])
    assert lines[-1] == "talks to nobody: it computes, or waits"


def test_nothing_seen_is_nothing_said():
    assert condense([]) == []


def test_one_call_is_no_calls():
    assert condense([Seen("call", "read", time=1.0)])[0] == "1 system call in 0.00 s: read 1"


# --- secrets


def test_a_key_in_a_message_is_masked():
    message = b"Incorrect string value: '" + POISON + b"' for column"
    (line,) = told(error(message, 1366), [POISON])
    assert "example.org" in line
    assert "ice@" not in line


@pytest.mark.parametrize("key", [b"qalicezq", b"qali\x01cezq", b"qali\xffcezq", b'qali"ce\\zq'])
@pytest.mark.parametrize("marked", [True, False])
def test_however_a_key_looks_it_is_masked(key, marked):
    before = b"Incorrect string value: '" if marked else b"nobody is called "
    (line,) = told(error(before + key + b"' for column"), [key])
    assert "qali" not in line
    assert "cezq" not in line


@pytest.mark.parametrize("length", range(289, 330))
def test_a_key_that_is_cut_is_masked(length):
    """By us after 300 characters."""
    key = b"qalicequalicequalice"
    text = b"x" * (length - len(key)) + key + b" is nobody's"
    (line,) = told(error(text), [key])
    assert CUT_MARK in line
    assert "qalic" not in line


@pytest.mark.parametrize("key", [b"qalicequalice", POISON])
@pytest.mark.parametrize("left", range(5, 13))
def test_a_key_that_the_tracer_cut_is_masked(key, left):
    """By strace and kdump after 512 bytes."""
    data = error(b"nobody is called " + key + b" or so")
    cut = data[: data.index(key) + left] + CUT_MARK.encode()
    (line,) = told(cut, [key])
    assert "nobody is called" in line
    assert "alic" not in line
    assert "ice@" not in line


def test_passwords_and_hashes_in_messages_are_masked():
    (line,) = told(error(b"no such hash: " + HASH))
    assert "hhhh" not in line


@given(st.binary(max_size=400))
@example(b"ann\0" + HASH)
@example(b"\xff\xf3\x04" + HASH)
@example(packet(b"\x03ann\x62" + HASH, 5))
@example(packet(b"\x08\xff\xf3\x04#HY00\x62" + HASH, 5))
def test_rows_of_the_database_are_never_shown(row):
    """Whatever is received: only what follows the marks of an error is looked at."""
    # A message of the server's: not what this is about.
    marked = row[:1] in (b"-", b"\xff") or b"E" in row
    lines = condense([Seen("call", "read", time=1.0), Seen("received", data=row, time=1.0)])
    assert marked or len(lines) == 1
    assert not any("hhhh" in line for line in lines)


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_a_row_that_looks_like_an_error_is_none(before, after):
    """In a latin1 column 0xff is a letter: a user may have it in what is looked up."""
    value = before + b"\xff\xf3\x04#HY000you are fooled" + after
    row = packet(b"\x03ann" + bytes([len(value)]) + value, 5)
    assert not any("fooled" in line for line in told(row))


# --- bounds


def test_the_result_is_a_few_short_lines():
    events = []
    for number in range(300):
        events.append(Seen("call", f"call{number}" + "x" * 500, time=float(number)))
        events.append(Seen("connect", f"/run/{number}" + "x" * 500, time=float(number)))
        events.append(Seen("received", data=error(b"%d a@b " % number + b"a@b " * 200)))
    lines = condense(events)
    assert len(lines) == 11
    assert sum(map(len, lines)) < 4000


HOSTILE = {
    "ports": "1.5 connect(3, " + "sin_port=htons(1)" * MOST,
    "paths": "1.5 connect(3, " + 'sun_path="' * MOST,
    "bytes": '1.5 read(3, "' + "\\xff" * MOST,
    "marks": '1.5 read(3, "' + "\\xff\\x00\\x00\\x23" * MOST,
    "severities": '1.5 read(3, "' + "\\x45" * 5 + "\\x53" * MOST,
    "E and S": '1.5 read(3, "' + "\\x45\\x01\\x01\\x01\\x01\\x53" * MOST,
    "messages": '1.5 read(3, "' + "\\x45\\x01\\x01\\x01\\x01\\x53\\x41\\x00" * MOST,
    "quotes": "1.5 read(3, " + '"' * MOST,
    "digits": "1" * MOST,
    "a time": "1." + "1" * MOST + " read(",
    "spaces": "1 x" + " " * MOST,
    "brackets": "[pid " + " " * MOST,
    "a name": "1.5 " + "x" * MOST + "(",
    "records": "  1 x 1.5 GIO   fd 3 read 999999999 bytes\n" + "\tff ff ff\n" * MOST,
    "addresses": "  1 x 1.5 CALL  connect(\n  1 x 1.5 STRU  struct sockaddr { AF_X, " + " }" * MOST,
    "tiny lines": "1.5 a(\n" * MOST,
    "dumped errors": "  1 x 1.5 GIO   fd 3 read 9 bytes\n\tff 00 00 23\n" * MOST,
}


@pytest.mark.parametrize("read", [from_strace, from_kdump])
@pytest.mark.parametrize("what", HOSTILE)
def test_the_work_is_bounded_whatever_is_read(what, read):
    """It competes with the loop for the interpreter."""
    lines = HOSTILE[what][:MOST].splitlines()
    before = time.thread_time()
    condense(read(lines), [POISON])
    assert time.thread_time() - before < 1.0
