import pytest

from tablewatch.daemon.web.clients import Clients
from tablewatch.daemon.web.connection import Limits, Stage


class Visitor:
    def __init__(self, peer="192.0.2.1", stage=Stage.READING):
        self.peer = peer
        self.stage = stage
        self.is_cut = False

    def cut(self):
        self.is_cut = True


@pytest.fixture
def clients():
    return Clients(Limits(connections=12, per_address=6))


def fill(clients, number, peer="127.0.0.1", stage=Stage.READING):
    made = [Visitor(peer, stage) for _ in range(number)]
    for each in made:
        assert clients.add(each)
    return made


def test_while_there_is_room_nobody_has_to_go(clients):
    assert not any(each.is_cut for each in fill(clients, 8))


def test_then_the_oldest_that_has_not_asked_yet_goes(clients):
    first = fill(clients, 1, stage=Stage.ANSWERING)[0]
    others = fill(clients, 7)
    newcomer = fill(clients, 1)[0]
    assert [each.is_cut for each in others] == [True] + [False] * 6
    assert not first.is_cut
    assert not newcomer.is_cut


def test_who_has_its_answer_goes_before_who_has_not(clients):
    writing, reading, done = (
        fill(clients, 1, stage=stage)[0] for stage in (Stage.WRITING, Stage.READING, Stage.DONE)
    )
    fill(clients, 5, stage=Stage.WRITING)
    fill(clients, 1)
    assert (writing.is_cut, reading.is_cut, done.is_cut) == (False, False, True)
    fill(clients, 1)
    assert (writing.is_cut, reading.is_cut) == (False, True)


def test_the_greediest_address_pays(clients):
    guest = fill(clients, 1, "192.0.2.1")[0]
    greedy = fill(clients, 7, "127.0.0.1")
    fill(clients, 1, "192.0.2.2")
    assert greedy[0].is_cut
    assert not guest.is_cut


def test_one_address_does_not_get_all_places(clients):
    served = fill(clients, 6, "192.0.2.1", stage=Stage.ANSWERING)
    assert not clients.add(Visitor("192.0.2.1"))
    assert clients.add(Visitor("192.0.2.2"))
    served[2].stage = Stage.READING
    assert clients.add(Visitor("192.0.2.1"))
    assert served[2].is_cut


def test_this_host_may_have_them_all(clients):
    fill(clients, 12, "::1", stage=Stage.ANSWERING)
    assert clients.full


def test_when_all_are_being_answered_nobody_comes_in(clients):
    everybody = fill(clients, 12, stage=Stage.ANSWERING)
    assert not clients.add(Visitor())
    clients.remove(everybody[0])
    assert not clients.full
    assert clients.add(Visitor())


def test_there_are_never_more_than_allowed(clients):
    for number in range(100):
        clients.add(Visitor(f"192.0.2.{number % 7}"))
        assert len(clients) <= 12


def test_all_can_be_sent_away(clients):
    everybody = fill(clients, 3)
    clients.cut_all()
    assert all(each.is_cut for each in everybody)
