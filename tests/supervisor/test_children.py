"""Children: found by generation or descriptor, written to, stopped, and certainly ended."""

import math
import os
import select
import signal
import sys

import psutil
import pytest
from tests.support.smtpd import gone, wait_until

from tablewatch.supervisor.children import Children

IDLE = "import os\nos.write(1, b'.')\nos.read(0, 1)"
DEAF = "import os,time\nos.write(1, b'.')\nwhile True: time.sleep(1)"
LOOP = "import os\nos.write(1, b'.')\nwhile True: pass"


class Nursery:
    def __init__(self):
        self.poll = select.poll()
        self.children = Children(self.poll)
        self.pids = []

    def start(self, code=IDLE, generation=1):
        self.children.start(
            generation, sys.executable, ["-c", code], "creds", output_is_connection=True
        )
        child = self.children.get(generation)
        self.pids.append(child.process.pid)
        child.process.connection.setblocking(True)
        child.process.connection.settimeout(60)
        assert child.process.connection.recv(1) == b"."
        child.process.connection.setblocking(False)
        return child

    def registered(self):
        """Return the descriptors that poll() looks at."""
        found = set()
        for descriptor in os.listdir("/dev/fd"):
            try:
                self.poll.modify(int(descriptor), select.POLLIN)
            except OSError:
                continue
            found.add(int(descriptor))
        return found


@pytest.fixture
def nursery():
    made = Nursery()
    yield made
    made.children.end_all()
    for pid in made.pids:
        wait_until(lambda pid=pid: gone(pid), "a child to be gone")


def test_one_that_is_handed_over_is_nobodys_of_ours(nursery):
    child = nursery.start(DEAF)
    descriptors = {child.process.connection.fileno(), child.process.stderr}
    assert descriptors <= nursery.registered()
    process = nursery.children.release(1)
    assert process is child.process
    assert nursery.children.get(1) is None
    assert not descriptors & nursery.registered()
    assert all(nursery.children.owner(each) is None for each in descriptors)
    nursery.children.kill(1)
    nursery.children.end_all()
    assert not gone(process.pid)
    nursery.children.end(process)
    wait_until(lambda: not list(nursery.children.exited()) and process.exit, "it to be reaped")
    assert process.exit.signal == signal.SIGKILL


def test_one_that_is_not_there_can_not_be_handed_over(nursery):
    assert nursery.children.release(7) is None


def test_one_that_is_ended_for_somebody_else_is_reaped_at_the_end_at_the_latest(nursery):
    nursery.start(LOOP)
    process = nursery.children.release(1)
    nursery.children.end(process)
    nursery.children.end_all()
    assert process.exit is not None


def state(child):
    return psutil.Process(child.process.pid).status()


def wait_for_state(child, wanted):
    wait_until(lambda: state(child) == wanted, f"the child to be {wanted}")


def test_a_child_is_found_by_generation_and_by_both_descriptors(nursery):
    child = nursery.start()
    connection, stderr = child.process.connection.fileno(), child.process.stderr
    assert nursery.children.get(1) is child
    assert nursery.children.owner(connection) is child
    assert nursery.children.owner(stderr) is child
    assert nursery.children.is_stderr(stderr)
    assert not nursery.children.is_stderr(connection)
    assert nursery.children.get(2) is None
    assert nursery.registered() == {connection, stderr}


def test_a_killed_child_is_forgotten_and_its_descriptors_are_closed(nursery):
    child = nursery.start()
    descriptors = child.process.connection.fileno(), child.process.stderr
    nursery.children.kill(1)
    assert nursery.children.get(1) is None
    assert [nursery.children.owner(each) for each in descriptors] == [None, None]
    assert nursery.registered() == set()
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    wait_until(lambda: gone(child.process.pid), "it to be dead")


def test_a_killed_child_is_reaped(nursery):
    child = nursery.start(LOOP)
    nursery.children.kill(1)

    def reaped():
        assert list(nursery.children.exited()) == []  # ours to end, nothing to tell
        return not psutil.pid_exists(child.process.pid)

    wait_until(reaped, "it to be reaped")


def test_to_kill_what_is_gone_is_no_error(nursery):
    nursery.children.kill(1)
    nursery.start()
    nursery.children.kill(1)
    nursery.children.kill(1)


def test_a_child_that_ends_by_itself_is_told_until_it_is_killed(nursery):
    child, other = nursery.start(generation=1), nursery.start(generation=2)
    os.kill(child.process.pid, signal.SIGKILL)
    assert wait_until(lambda: list(nursery.children.exited()), "it to be told") == [child]
    assert list(nursery.children.exited()) == [child]
    nursery.children.kill(1)
    assert list(nursery.children.exited()) == []
    assert nursery.children.get(2) is other


def test_a_stopped_child_stands_still_until_it_may_go_on(nursery):
    child = nursery.start(LOOP)
    child.process.pause()
    wait_for_state(child, psutil.STATUS_STOPPED)
    assert list(nursery.children.exited()) == []  # stopped is not ended
    before = psutil.Process(child.process.pid).cpu_times().user
    child.process.resume()

    def burns():
        return psutil.Process(child.process.pid).cpu_times().user > before

    wait_until(burns, "it to go on")


def test_one_that_is_stopped_to_be_ended_is_none_of_the_children_any_more(nursery):
    child = nursery.start(LOOP)
    nursery.children.stop(1)
    wait_for_state(child, psutil.STATUS_STOPPED)
    assert nursery.children.get(1) is None
    assert list(nursery.children.exited()) == []
    nursery.children.stop(1)
    nursery.children.end_stopped()
    wait_until(lambda: gone(child.process.pid), "it to be dead")
    nursery.children.end_stopped()


def test_a_stopped_child_can_be_killed(nursery):
    child = nursery.start(LOOP)
    child.process.pause()
    wait_for_state(child, psutil.STATUS_STOPPED)
    nursery.children.kill(1)
    wait_until(lambda: gone(child.process.pid), "it to be dead")


def test_pause_and_resume_reach_what_a_child_started(nursery):
    code = (
        "import os\np = os.fork()\n"
        "if p: os.write(1, b'.'); os.write(1, str(p).encode()); os.read(0, 1)\n"
        "while True: pass"
    )
    child = nursery.start(code)
    wait_until(lambda: psutil.Process(child.process.pid).children(), "the grandchild")
    (grandchild,) = psutil.Process(child.process.pid).children()
    child.process.pause()
    wait_until(lambda: grandchild.status() == psutil.STATUS_STOPPED, "it to stop")
    child.process.resume()
    wait_until(lambda: grandchild.status() != psutil.STATUS_STOPPED, "it to go on")
    nursery.children.kill(1)
    wait_until(lambda: gone(grandchild.pid), "it to be dead")


def test_at_the_end_everything_is_ended_stopped_looping_deaf_or_dying(nursery):
    idle, loop = nursery.start(IDLE, 1), nursery.start(LOOP, 2)
    deaf, stopped, dying = nursery.start(DEAF, 3), nursery.start(IDLE, 4), nursery.start(LOOP, 5)
    stopped.process.pause()
    wait_for_state(stopped, psutil.STATUS_STOPPED)
    nursery.children.kill(5)
    to_end = nursery.start(LOOP, 6)
    nursery.children.stop(6)
    nursery.children.end_all()
    for child in (idle, loop, deaf, stopped, dying, to_end):
        assert not psutil.pid_exists(child.process.pid)


def test_a_healthy_child_leaves_by_itself_at_the_end(nursery):
    child = nursery.start(IDLE)
    nursery.children.end_all()
    assert str(child.process.exit) == "exited with status 0"


def test_what_a_child_does_not_read_waits_until_it_does(nursery):
    size = 4_000_000
    code = f"import os\nos.write(1, b'.'); os.kill(os.getpid(), 19)\nleft = {size}\n"
    code += "while left: left -= len(os.read(0, 65536))\nos.write(1, b'done'); os.read(0, 1)"
    child = nursery.start(code)
    wait_for_state(child, psutil.STATUS_STOPPED)
    child.send(b"x" * (size - 1), nursery.poll)
    child.send(b"x", nursery.poll)
    assert 0 < len(child.outgoing) < size
    child.process.resume()
    connection = child.process.connection

    def told():
        for descriptor, events in nursery.poll.poll(100):
            if descriptor == connection.fileno() and events & select.POLLOUT:
                child.flush(nursery.poll)
            elif descriptor == connection.fileno():
                return connection.recv(10)
        return b""

    assert wait_until(told, "an answer") == b"done"
    assert not child.outgoing


def test_what_is_sent_to_a_dead_child_is_dropped(nursery):
    child = nursery.start()
    os.kill(child.process.pid, signal.SIGKILL)
    wait_until(lambda: gone(child.process.pid), "it to be dead")
    child.send(b"x" * 100, nursery.poll)
    assert not child.outgoing


def test_a_program_that_is_not_there_leaves_nothing_behind(nursery, tmp_path):
    with pytest.raises(FileNotFoundError):
        nursery.children.start(1, str(tmp_path / "no"), [], "creds", output_is_connection=True)
    assert nursery.children.get(1) is None
    assert nursery.registered() == set()


def test_to_stop_listening_to_stderr_closes_it_once(nursery):
    child = nursery.start()
    stderr = child.process.stderr
    nursery.children.stop_stderr(child)
    assert nursery.children.owner(stderr) is None
    assert nursery.registered() == {child.process.connection.fileno()}
    nursery.children.stop_stderr(child)
    nursery.children.drop_connection(child)
    assert nursery.registered() == set()


def test_one_at_rest_is_heard_on_its_connection_only(nursery):
    child = nursery.start()
    connection, stderr = child.process.connection.fileno(), child.process.stderr
    nursery.children.rest(child, 7.0)
    assert (child.rests, nursery.children.rest_until) == (True, 7.0)
    assert nursery.registered() == {connection}
    nursery.children.listen()
    assert (child.rests, nursery.children.rest_until) == (False, math.inf)
    assert nursery.registered() == {connection, stderr}


def test_a_second_rest_within_the_first_changes_nothing(nursery):
    child = nursery.start()
    nursery.children.rest(child, 7.0)
    nursery.children.rest(child, 9.0)
    assert nursery.children.rest_until == 7.0
    nursery.children.listen()
    assert child.process.stderr in nursery.registered()


def test_one_whose_stderr_ends_during_its_rest_rests_no_more(nursery):
    child = nursery.start()
    nursery.children.rest(child, 7.0)
    nursery.children.stop_stderr(child)
    assert not child.rests
    nursery.children.rest(child, 8.0)
    assert not child.rests
    nursery.children.listen()
    assert nursery.registered() == {child.process.connection.fileno()}


def test_one_that_is_killed_during_its_rest_is_not_listened_to_again(nursery):
    killed = nursery.start(generation=1)
    nursery.children.rest(killed, 7.0)
    nursery.children.kill(1)
    other = nursery.start(generation=2)  # which may well have its descriptors
    nursery.children.rest(other, 8.0)
    nursery.children.listen()
    assert nursery.registered() == {other.process.connection.fileno(), other.process.stderr}


def test_one_that_is_handed_over_during_its_rest_is_not_listened_to_again(nursery):
    child = nursery.start()
    nursery.children.rest(child, 7.0)
    process = nursery.children.release(1)
    nursery.children.listen()
    assert nursery.registered() == set()
    nursery.children.end(process)
