"""The line to the daemon: real sockets, with the time given."""

import errno
import json
import os
import random
import select
import socket
import stat

import psutil
import pytest
from tests.support.smtpd import PATIENCE

from tablewatch.control.wire import MAX_ORDER, encode
from tablewatch.supervisor.link import MAX_OUTGOING, MAX_WAIT, MIN_WAIT, WELCOME_WITHIN, Link

WELCOME = {"type": "welcome", "version": 1}


class Daemon:
    """Listens, and says what a test wants."""

    def __init__(self, folder):
        self.path = folder / "link.sock"
        self._listener = None
        self.connection = None

    def start(self):
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.path.unlink(missing_ok=True)
        self._listener.bind(str(self.path))
        self._listener.listen(5)
        self._listener.settimeout(PATIENCE)

    def accept(self):
        """Take the connection and return what the supervisor says first."""
        self.connection, _ = self._listener.accept()
        self.connection.settimeout(PATIENCE)
        self._file = self.connection.makefile("rb")
        return self.hear()

    def hear(self):
        return json.loads(self._file.readline())

    def say(self, *messages):
        self.write(b"".join(encode(each) for each in messages))

    def write(self, data):
        self.connection.sendall(data)

    def leave(self):
        self._file.close()
        self.connection.close()

    def stop(self):
        for each in (self.connection, self._listener):
            if each is not None:
                each.close()


class World:
    """A link, the poll(2) it lives in, and the time."""

    def __init__(self, folder):
        self.now = 1000.0
        self.poll = select.poll()
        self.link = Link(self.poll, random.Random(7))
        self.daemon = Daemon(folder)
        self.messages = []
        self.link.configure(str(self.daemon.path), self.now)

    def hello(self):
        return {"table": "creds", "pid": os.getpid(), "release": "0.1.0"}

    def turn(self, wait=0):
        """One turn of the loop; return whether there was anything to do."""
        ready = self.poll.poll(wait)
        for descriptor, events in ready:
            assert self.link.owns(descriptor)
            self.messages += self.link.dispatch(events, self.now)
        return bool(ready)

    def turns(self):
        """Turn until there is nothing to do."""
        while self.turn():
            pass

    def tick(self):
        """Let the time come that the link waits for; return how long that was."""
        before, due = self.now, self.link.next_due()
        assert due is not None
        self.now = max(self.now, due)
        self.link.tick(self.now, self.hello)
        return self.now - before

    def connect(self):
        """Be let in by an honest daemon."""
        self.daemon.start()
        self.tick()
        hello = self.daemon.accept()
        self.daemon.say(WELCOME)
        self.turn(int(PATIENCE * 1000))
        return hello


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture
def world(folder):
    made = World(folder)
    yield made
    made.link.close()
    made.daemon.stop()


def test_it_introduces_itself_and_is_let_in(world):
    assert world.connect() == {"type": "hello", "version": 1, **world.hello()}
    assert (world.link.made, world.link.trouble) == (1, "")
    assert world.link.next_due() is None


def test_without_a_daemon_it_tries_again_and_again_within_bounds(world):
    waits = [world.tick() for _ in range(20)]
    assert waits[0] == 0.0
    assert all(MIN_WAIT / 2 <= each <= MAX_WAIT for each in waits[1:])
    assert waits[1] < 2 * MIN_WAIT
    assert min(waits[10:]) >= MAX_WAIT / 2
    assert world.link.made == 0


def test_a_daemon_that_comes_later_is_found(world):
    for _ in range(5):
        world.tick()
    world.connect()
    assert world.link.made == 1


def test_a_socket_nobody_listens_at_is_like_none(world):
    world.daemon.start()
    world.daemon.stop()
    for _ in range(3):
        world.tick()
    assert world.link.made == 0
    world.connect()
    assert world.link.made == 1


def test_it_comes_back_soon_after_the_daemon_was_restarted(world):
    for _ in range(3):
        world.connect()
        world.daemon.leave()
        world.turns()
        assert world.link.next_due() - world.now <= 2 * MIN_WAIT
    assert world.link.made == 3


def test_a_daemon_that_refuses_again_and_again_is_asked_less_and_less_often(world):
    world.daemon.start()
    waits = []
    for _ in range(12):
        waits.append(world.tick())
        world.daemon.accept()
        world.daemon.say({"type": "refused", "reason": "another supervisor of this table"})
        world.turns()
        world.daemon.leave()
    assert min(waits[6:]) >= MAX_WAIT / 2
    assert world.link.trouble == "tablewatchd refused us: another supervisor of this table"


def test_the_trouble_is_over_when_it_is_let_in(world):
    world.daemon.start()
    world.tick()
    world.daemon.accept()
    world.daemon.say({"type": "refused", "reason": "x"})
    world.turns()
    assert world.link.trouble
    world.connect()
    assert world.link.trouble == ""


def test_what_a_daemon_gives_as_its_reason_is_one_line_of_text(world):
    world.daemon.start()
    world.tick()
    world.daemon.accept()
    world.daemon.say({"type": "refused", "reason": "a\nsmtpd: forged\x1b[2J\udcff"})
    world.turns()
    assert world.link.trouble.isprintable()
    assert world.link.trouble.encode()


def test_after_a_refusal_nothing_more_is_heeded(world):
    world.daemon.start()
    world.tick()
    world.daemon.accept()
    world.daemon.say({"type": "refused", "reason": "x"}, WELCOME, {"type": "ask", "id": 1})
    world.turns()
    assert (world.messages, world.link.made) == ([], 0)
    assert world.link.next_due() is not None  # it will try again
    world.connect()
    assert world.link.made == 1


def test_a_daemon_that_never_accepts_is_left_and_tried_again(world):
    world.daemon.start()
    world.tick()
    assert world.link.next_due() == world.now + WELCOME_WITHIN
    world.tick()
    assert world.poll.poll(0) == []
    assert world.tick() <= MAX_WAIT


def test_a_daemon_that_never_accepts_costs_one_descriptor(world):
    world.daemon.start()
    world.tick()
    before = psutil.Process().num_fds()
    for _ in range(30):
        world.tick()
    assert psutil.Process().num_fds() <= before


def test_a_daemon_that_says_no_welcome_can_not_ask(world):
    world.daemon.start()
    world.tick()
    world.daemon.accept()
    world.daemon.say({"type": "ask", "id": 1}, {"type": "do", "id": 2, "command": "pause"})
    world.turns()
    assert world.messages == []
    assert world.link.next_due() == world.now + WELCOME_WITHIN


@pytest.mark.parametrize(
    "garbage",
    [
        b"220 mail.example.org ESMTP\r\n",
        b"\n",
        b"[]\n",
        b"\x00\xff\xfe\n",
        b'{"type":5}\n',
        b'{"type":"ask","id":"x"}\n',
        b'{"type":"ask","id":-1}\n',
        b'{"type":"ask","id":NaN}\n',
        b'{"type":"refused","reason":[]}\n',
        b"[" * 50_000 + b"\n",
        b"x" * (MAX_ORDER + 1),
    ],
)
@pytest.mark.parametrize("welcomed", [False, True])
def test_a_daemon_that_talks_nonsense_is_left_and_tried_again(world, garbage, welcomed):
    if welcomed:
        world.connect()
    else:
        world.daemon.start()
        world.tick()
        world.daemon.accept()
    world.daemon.write(garbage)
    world.turns()
    assert world.messages == []
    assert world.link.next_due() - world.now <= MAX_WAIT
    world.connect()
    assert world.link.made == 1 + welcomed


def test_questions_are_heeded_one_in_each_turn(world):
    """So that as many as there may be don't keep the loop from smtpd."""
    world.connect()
    world.daemon.say(*[{"type": "ask", "id": number} for number in range(50)])
    for number in range(50):
        assert [each["id"] for each in world.messages] == list(range(number))
        assert world.turn()
    assert not world.turn()


def test_a_question_may_come_in_pieces(world):
    world.connect()
    for byte in b'{"type":"ask","id":7}\n':
        world.daemon.write(bytes([byte]))
        world.turns()
    assert world.messages == [{"type": "ask", "id": 7}]


def test_the_longest_order_arrives(world):
    world.connect()
    order = {"type": "do", "id": 1, "command": "add", "arguments": {"key": "\udcff" * 16_384}}
    world.daemon.say(order)
    world.turns()
    assert world.messages == [order]


def test_welcomes_without_end_are_one(world):
    world.connect()
    world.daemon.say(*[WELCOME] * 100)
    world.turns()
    assert (world.link.made, world.messages) == (1, [])


def test_events_arrive_in_order(world):
    world.connect()
    world.link.event(4, "first", world.now)
    world.link.event(5, "second", world.now)
    assert [world.daemon.hear() for _ in range(2)] == [
        {"type": "event", "priority": 4, "text": "first"},
        {"type": "event", "priority": 5, "text": "second"},
    ]


def test_events_nobody_heard_of_are_summed_up_once(world):
    for _ in range(3):
        world.link.event(4, "missed", world.now)
    world.connect()
    assert world.link.dropped == 3
    world.link.event(4, "heard", world.now)
    world.link.event(4, "heard too", world.now)
    assert [world.daemon.hear()["text"] for _ in range(3)] == [
        "3 earlier events were not told to the daemon",
        "heard",
        "heard too",
    ]
    world.daemon.leave()
    world.turns()
    world.link.event(4, "missed", world.now)
    world.connect()
    world.link.event(4, "again", world.now)
    assert world.daemon.hear()["text"].startswith("1 earlier events")


def test_an_event_is_no_longer_than_the_daemon_takes(world):
    """A long key, shown because the operator wants to see keys, must not end the connection."""
    world.connect()
    world.link.event(4, "x" * 100_000, world.now)
    assert 1000 < len(world.daemon.hear()["text"]) <= 4000


def test_a_daemon_that_does_not_read_is_left_before_much_waits(world):
    world.connect()
    sent = 0
    while world.link.next_due() is None:
        world.link.send({"x": "y" * 8000}, world.now)
        sent += 8000
        assert sent < 10 * MAX_OUTGOING
    assert sent > MAX_OUTGOING
    world.turns()
    assert world.link.next_due() - world.now <= MAX_WAIT
    world.connect()
    assert world.link.made == 2


def test_what_waits_is_sent_when_the_daemon_reads(world):
    world.connect()
    for number in range(50):
        world.link.send({"n": number, "x": "y" * 8000}, world.now)
    assert world.poll.poll(0) == []  # waiting does not keep the loop awake
    for number in range(50):
        assert world.daemon.hear()["n"] == number
        world.turns()
    assert world.link.next_due() is None


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_a_directory_that_others_can_write_to_is_not_trusted(world, folder, mode):
    world.daemon.start()
    folder.chmod(mode)
    world.tick()
    remedy = "a directory of its own" if mode & stat.S_ISVTX else f"run: chmod go-w {folder}"
    assert world.link.trouble.endswith(remedy)
    assert world.poll.poll(0) == []
    folder.chmod(stat.S_IMODE(mode) & ~0o22)
    world.connect()
    assert (world.link.made, world.link.trouble) == (1, "")


def test_without_the_directory_there_is_no_trouble(world, folder):
    world.link.configure(str(folder / "none" / "link.sock"), world.now)
    world.tick()
    assert world.link.trouble == ""


@pytest.mark.parametrize("path", ["", "/x\0y/link.sock", "/" + "x" * 300 + "/link.sock", "link"])
def test_a_path_that_can_not_be_one_is_no_error(world, path):
    world.link.configure(path, world.now)
    for _ in range(3):
        world.tick()
    assert world.link.made == 0


def test_a_path_too_long_for_a_socket_is_no_error(world, folder):
    deep = folder / ("x" * 90) / ("y" * 90)
    deep.mkdir(parents=True)
    world.link.configure(str(deep / "link.sock"), world.now)
    for _ in range(3):
        world.tick()
    assert world.link.made == 0


def test_another_directory_is_used_at_once(world, folder):
    world.connect()
    other = folder / "other"
    other.mkdir(mode=0o755)
    world.daemon.path = other / "link.sock"
    world.link.configure(str(world.daemon.path), world.now)
    assert world.link.next_due() == world.now
    world.connect()
    assert world.link.made == 2


def test_the_same_directory_changes_nothing(world):
    world.connect()
    world.link.configure(str(world.daemon.path), world.now)
    assert world.link.next_due() is None


def test_a_closed_one_takes_what_it_is_told_in_silence(world):
    world.connect()
    world.link.close()
    world.link.send({"a": 1}, world.now)
    world.link.event(4, "x", world.now)
    assert world.link.dispatch(select.POLLIN, world.now) == []
    assert world.link.dropped == 1
    world.link.close()


def test_without_a_descriptor_it_tries_again_later(world, monkeypatch):
    def none_left(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    world.daemon.start()
    with monkeypatch.context() as patched:
        patched.setattr(socket, "socket", none_left)
        world.tick()
    assert world.tick() >= MIN_WAIT / 2
    assert world.daemon.accept()["type"] == "hello"
