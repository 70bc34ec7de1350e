"""One connection of the daemon's: bounded in both directions, and never in the way."""

import selectors
import socket

import pytest

from tablewatch.control.wire import MAX_LINE
from tablewatch.daemon.stream import Stream

MOST = 1_000_000


@pytest.fixture
def selector():
    with selectors.DefaultSelector() as made:
        yield made


@pytest.fixture
def ends(selector):
    ours, theirs = socket.socketpair()
    stream = Stream(ours, None, selector, max_outgoing=MOST, deadline=None)
    theirs.setblocking(False)
    yield stream, theirs
    stream.close()
    theirs.close()


def events(selector):
    """What the selector says of the one connection in it."""
    return [mask for _, mask in selector.select(0)]


def read_all(peer):
    """Take everything that is there."""
    data = bytearray()
    while True:
        try:
            piece = peer.recv(1 << 20)
        except BlockingIOError:
            return bytes(data)
        if not piece:
            return bytes(data)
        data += piece


def test_messages_go_out_and_come_in(ends):
    stream, peer = ends
    stream.send({"a": 1})
    assert peer.recv(100) == b'{"a":1}\n'
    peer.send(b'{"b":2}\n{"c":3}\n{"d"')
    assert stream.receive() == [{"b": 2}, {"c": 3}]
    peer.send(b":4}\n")
    assert stream.receive() == [{"d": 4}]
    assert not stream.closed


def test_nothing_there_is_no_end(ends):
    stream, _ = ends
    assert stream.receive() == []
    assert not stream.closed


@pytest.mark.parametrize("nonsense", [b"hello\n", b"\n", b"[1]\n", b'{"a":NaN}\n', b"\x00\xff\n"])
def test_nonsense_ends_it(ends, nonsense):
    stream, peer = ends
    peer.send(b'{"a":1}\n' + nonsense)
    assert stream.receive() == []
    assert stream.closed


def test_a_line_without_an_end_ends_it(ends):
    stream, peer = ends
    fed = 0
    while not stream.closed:
        fed += peer.send(b"x" * 32768)
        assert stream.receive() == []
    assert MAX_LINE < fed <= MAX_LINE + 65536


def test_the_peers_end_is_the_end(ends, selector):
    stream, peer = ends
    peer.close()
    assert stream.receive() == []
    assert stream.closed
    assert not selector.get_map()


def test_half_a_peer_is_the_end(ends):
    stream, peer = ends
    peer.send(b'{"a":1}\n')
    peer.shutdown(socket.SHUT_WR)
    assert stream.receive() == [{"a": 1}]
    assert stream.receive() == []
    assert stream.closed


def test_what_a_peer_does_not_take_waits_and_is_sent_in_order(ends, selector):
    stream, peer = ends
    lines = [b'{"n":%d,"x":"%s"}\n' % (number, b"x" * 1000) for number in range(800)]
    for line in lines:
        stream.write(line)
    assert not stream.is_drained
    assert events(selector) == []  # not writable: it must not keep the hub awake
    got = bytearray()
    while not stream.is_drained:
        got += read_all(peer)
        assert events(selector) == [selectors.EVENT_WRITE]
        stream.flush()
    got += read_all(peer)
    assert bytes(got) == b"".join(lines)
    assert events(selector) == []


def test_a_peer_that_does_not_read_is_left(ends):
    stream, peer = ends
    line = b"x" * 9_999 + b"\n"
    sent = 0
    while not stream.closed:
        stream.write(line)
        sent += len(line)
        assert sent < 10 * MOST
    assert sent > MOST
    assert len(read_all(peer)) < sent


def test_writing_to_a_peer_that_has_gone_only_closes(ends):
    stream, peer = ends
    peer.close()
    stream.send({"a": 1})
    assert stream.closed
    stream.send({"a": 2})
    stream.flush()
    stream.close()
    assert stream.closed


def test_whoever_wants_to_know_hears_once_that_it_is_closed(ends):
    stream, peer = ends
    told = []
    stream.on_close = told.append
    peer.close()
    assert stream.receive() == []
    stream.close()
    assert told == [stream]


def test_the_selector_is_asked_for_no_more_than_changes(ends, selector, monkeypatch):
    stream, peer = ends
    changes = []
    modify = selector.modify
    monkeypatch.setattr(selector, "modify", lambda *to: changes.append(to[1]) or modify(*to))
    for number in range(10):
        stream.send({"number": number})
    assert changes == []
    stream.write(b"x" * (MOST - 1000) + b"\n")
    assert changes == [selectors.EVENT_READ | selectors.EVENT_WRITE]
    while not stream.is_drained:
        read_all(peer)
        stream.flush()
    assert changes[1:] == [selectors.EVENT_READ]
