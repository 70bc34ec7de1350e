"""Who is connected: nobody is counted twice, forgotten, or looked at for another's sake."""

import selectors
import socket

import pytest

from tablewatch.daemon.crowd import Crowd
from tablewatch.daemon.links import Link
from tablewatch.daemon.stream import Stream


class World:
    """A crowd, and the far ends of its connections."""

    def __init__(self):
        self.crowd = Crowd()
        self._selector = selectors.DefaultSelector()
        self._far = []

    def stream(self, deadline=10.0):
        near, far = socket.socketpair()
        self._far.append(far)
        return Stream(near, None, self._selector, max_outgoing=1000, deadline=deadline)

    def tool(self, uid=0, deadline=10.0):
        stream = self.stream(deadline)
        self.crowd.add(stream, uid, None)
        return stream

    def supervisor(self, deadline=10.0):
        stream = self.stream(deadline)
        link = Link(stream)
        self.crowd.add(stream, 0, link)
        return link

    def close(self):
        self.crowd.close()
        for far in self._far:
            far.close()
        self._selector.close()


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


def test_tools_are_counted_by_user_and_supervisors_for_themselves(world):
    for uid in (5, 5, 6):
        world.tool(uid)
    world.supervisor()
    crowd = world.crowd
    assert (crowd.tools(), crowd.tools(5), crowd.tools(6), crowd.tools(7)) == (3, 2, 1, 0)
    assert (crowd.links, len(crowd)) == (1, 4)


def test_each_connection_knows_whose_it_is(world):
    tool, link = world.tool(), world.supervisor()
    assert world.crowd.link_of(tool) is None
    assert world.crowd.link_of(link.stream) is link


def test_who_has_left_is_told_once_and_counted_no_more(world):
    tool, link = world.tool(5), world.supervisor()
    stays = world.tool(5)
    assert list(world.crowd.left()) == []
    for stream in (tool, link.stream, tool):
        stream.close()
    assert dict(world.crowd.left()) == {tool: None, link.stream: link}
    assert list(world.crowd.left()) == []
    assert (world.crowd.tools(5), world.crowd.links, len(world.crowd)) == (1, 0, 1)
    assert not stays.closed


def test_one_that_leaves_for_another_s_leaving_is_told_of_too(world):
    first, second = world.tool(), world.tool()
    first.close()
    told = []
    for stream, _ in world.crowd.left():
        told.append(stream)
        second.close()
    assert told == [first, second]


def test_whose_time_is_over_is_left(world):
    early, late = world.tool(deadline=5.0), world.supervisor(deadline=7.0)
    assert world.crowd.next_due() == 5.0
    world.crowd.expire(4.9)
    assert not early.closed
    world.crowd.expire(5.0)
    assert early.closed
    assert not late.stream.closed
    assert [stream for stream, _ in world.crowd.left()] == [early]
    assert world.crowd.next_due() == 7.0


def test_a_supervisor_that_is_welcome_has_all_the_time(world):
    link = world.supervisor()
    link.stream.deadline = None
    assert world.crowd.next_due() is None
    world.crowd.expire(1e9)
    assert not link.stream.closed


def test_in_the_end_all_are_closed(world):
    tool, link = world.tool(), world.supervisor()
    world.crowd.close()
    assert tool.closed
    assert link.stream.closed
