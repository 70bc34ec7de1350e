"""How many tables there can be: as many as are promised, where there are descriptors for them."""

import resource

import pytest

from tablewatch.daemon import capacity
from tablewatch.daemon.capacity import DESCRIPTORS, MAX_TABLES, room, take_descriptors

# As a process of OpenBSD's class `daemon` may have, login.conf(5).
OPENBSD = 1024


@pytest.fixture
def limits(monkeypatch):
    """The limits of a process that is not this one: to be set, and as they were set."""

    class Limits:
        now = (128, OPENBSD)

        def getrlimit(self, which):
            assert which == resource.RLIMIT_NOFILE
            return self.now

        def setrlimit(self, which, limits):
            assert which == resource.RLIMIT_NOFILE
            self.now = limits

    made = Limits()
    monkeypatch.setattr(capacity.resource, "getrlimit", made.getrlimit)
    monkeypatch.setattr(capacity.resource, "setrlimit", made.setrlimit)
    return made


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((128, OPENBSD), (OPENBSD, OPENBSD)),
        ((1024, 524_288), (DESCRIPTORS, 524_288)),
        ((128, resource.RLIM_INFINITY), (DESCRIPTORS, resource.RLIM_INFINITY)),
        ((128, 128), (128, 128)),
        ((20_000, 20_000), (20_000, 20_000)),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY),) * 2,
    ],
)
def test_it_takes_what_it_needs_and_may_have(limits, before, after):
    limits.now = before
    take_descriptors()
    assert limits.now == after


def test_a_limit_that_can_t_be_raised_stays(limits, monkeypatch):
    def refuse(*_):
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(capacity.resource, "setrlimit", refuse)
    take_descriptors()
    assert limits.now == (128, OPENBSD)


@pytest.mark.parametrize("soft", [DESCRIPTORS, 20_000, resource.RLIM_INFINITY])
def test_with_enough_descriptors_there_is_room_for_every_table_and_some_that_come(limits, soft):
    limits.now = (soft, resource.RLIM_INFINITY)
    assert room().links > MAX_TABLES
    assert str(MAX_TABLES) in room().why


@pytest.mark.parametrize("soft", [20, 128, 512, OPENBSD, DESCRIPTORS - 1])
def test_with_fewer_some_are_left_for_everybody_else(limits, soft):
    limits.now = (soft, soft)
    assert 0 < room().links <= MAX_TABLES + 24
    assert soft - room().links >= min(soft // 2, 256)


def test_a_limit_that_is_reached_says_how_it_is_raised(limits):
    limits.now = (OPENBSD, OPENBSD)
    links, why = room()
    assert links == 768
    assert "1024 descriptors" in why
    assert "768 supervisors" in why
    assert f"LimitNOFILE of systemd, to {DESCRIPTORS}" in why
    assert "openfiles in login.conf(5)" in why
    assert len(why) <= 256  # what a supervisor takes as a reason
