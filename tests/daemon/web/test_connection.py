import socket
import threading
import time

import pytest

from tablewatch.daemon.web.connection import Connection, Limits


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    theirs.settimeout(60)
    yield ours, theirs
    ours.close()
    theirs.close()


def connection(sock, **limits):
    return Connection(sock, "127.0.0.1", Limits(**{"request": 60.0, "answer": 60.0, **limits}))


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n"])
@pytest.mark.parametrize("step", [1, 5, 1000])
def test_a_head_is_read_up_to_its_empty_line(pair, end, step):
    ours, theirs = pair
    data = b"\r\nGET / HTTP/1.0\r\nA: b" + end + b"rest"
    for begin in range(0, len(data), step):
        theirs.send(data[begin : begin + step])
    assert connection(ours).read_head() == b"GET / HTTP/1.0\r\nA: b"


def test_a_head_that_is_too_long_is_not_kept(pair):
    ours, theirs = pair
    theirs.sendall(b"GET / HTTP/1.0\r\n" + b"A: b\r\n" * 1000)
    assert connection(ours, head=2000).read_head() is None


@pytest.mark.parametrize("last", [1, 3, 4])
def test_how_a_head_is_split_does_not_make_it_too_long(pair, last):
    ours, theirs = pair
    head = b"GET /" + b"a" * 395
    sent = head + b"\r\n\r\n"
    reader = connection(ours, head=len(head))
    theirs.sendall(sent[:-last])
    thread = threading.Timer(0.1, theirs.sendall, [sent[-last:]])
    thread.start()
    try:
        assert reader.read_head() == head
    finally:
        thread.join()


def test_a_client_that_left_has_no_head(pair):
    ours, theirs = pair
    theirs.send(b"GET /")
    theirs.close()
    assert connection(ours).read_head() == b""


def test_a_byte_now_and_then_buys_no_time(pair):
    ours, theirs = pair
    done = threading.Event()

    def drip():
        while not done.wait(0.02):
            try:
                theirs.send(b"x")
            except OSError:
                return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(TimeoutError):
            connection(ours, request=0.3).read_head()
    finally:
        done.set()
        thread.join()


def test_a_client_that_reads_nothing_is_given_up(pair):
    ours, _ = pair
    with pytest.raises(TimeoutError):
        connection(ours, answer=0.2).write(b"x" * 10_000_000)


def test_a_client_that_reads_slowly_gets_no_more_time(pair):
    ours, theirs = pair
    done = threading.Event()

    def sip():
        while not done.wait(0.02):
            theirs.recv(100)

    thread = threading.Thread(target=sip)
    thread.start()
    try:
        with pytest.raises(TimeoutError):
            connection(ours, answer=0.3).write(b"x" * 10_000_000)
    finally:
        done.set()
        thread.join()


def test_whoever_is_cut_off_stops_waiting(pair):
    ours, _ = pair
    one = connection(ours)
    threading.Timer(0.05, one.cut).start()
    assert one.read_head() == b""


def test_cutting_what_is_closed_is_no_failure(pair):
    ours, _ = pair
    one = connection(ours)
    one.close()
    one.cut()
    one.close()
    assert ours.fileno() == -1


def test_the_answer_arrives_whatever_else_the_client_has_sent():
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname(), timeout=60)
        ours, _ = server.accept()
        with theirs:
            theirs.sendall(b"POST / HTTP/1.0\r\n\r\n" + b"x" * 100_000)
            one = connection(ours)
            assert one.read_head() == b"POST / HTTP/1.0"
            one.write(b"no\n")
            thread = threading.Thread(target=lambda: (one.finish(), one.close()))
            thread.start()
            received = b""
            while data := theirs.recv(100):
                received += data
            assert received == b"no\n"
            theirs.close()
            thread.join()


def test_the_last_wait_for_a_client_is_bounded(pair):
    ours, _ = pair
    before = time.monotonic()
    connection(ours).finish()
    assert time.monotonic() - before < 30
