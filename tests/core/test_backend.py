"""Backend: one request at a time, and only the transitions of the table."""

import pytest
from tests.core.player import RECONNECT, RETRY

from tablewatch.core.backend import Backend, Pending
from tablewatch.core.states import Event, State
from tablewatch.knowledge.classify import Classifier
from tablewatch.protocol.messages import Operation, Refusal
from tablewatch.protocol.text import TEXT


def request(operation=Operation.LOOKUP, key=b"alice", service="credentials"):
    return TEXT.request("creds", operation, service, key)


def pending(**fields):
    return Pending(request(**fields), arrived=10.0, deadline=15.0)


@pytest.fixture
def backend():
    codec = TEXT.backend_codec()
    made = Backend(1, codec, now=5.0, deadline=35.0)
    codec.greet(TEXT.hello("creds", "7.6.0"))
    codec.receive(b"register|credentials\nregister|ready\n")
    made.move(Event.READY)
    return made


def note(backend, *lines):
    for line in lines:
        backend.note(Classifier().read(line))


def test_it_is_busy_with_one_request_until_that_is_done(backend):
    one = pending()
    assert backend.ask(one, 11.0) == one.request.raw
    assert (backend.state, backend.since, backend.deadline) == (State.BUSY, 11.0, 15.0)
    assert backend.done() is one
    assert backend.state is State.IDLE


def test_a_second_request_at_the_same_time_is_a_defect(backend):
    backend.ask(pending(), 11.0)
    with pytest.raises(KeyError):
        backend.ask(pending(), 11.0)


def test_an_abandoned_request_is_finished_for_nobody(backend):
    backend.ask(pending(), 11.0)
    backend.abandon()
    assert backend.done() is None
    assert backend.state is State.IDLE


def test_gone_is_final(backend):
    backend.move(Event.GAVE_UP)
    with pytest.raises(KeyError):
        backend.move(Event.READY)


def test_retries_beyond_the_limit_are_overspent(backend):
    backend.ask(pending(), 11.0)
    note(backend, RETRY, RETRY)
    assert not backend.overspent(2)
    note(backend, RETRY)
    assert backend.overspent(2)


def test_an_abandoned_request_can_be_overspent_too(backend):
    backend.ask(pending(), 11.0)
    backend.abandon()
    note(backend, RETRY, RETRY, RETRY)
    assert backend.overspent(2)


def test_reconnects_of_an_update_are_not_overspent(backend):
    backend.ask(pending(operation=Operation.UPDATE, key=None, service=None), 11.0)
    note(backend, *[RECONNECT] * 9)
    assert not backend.overspent(2)


def test_an_idle_backend_is_never_overspent(backend):
    note(backend, *[RETRY] * 9)
    assert not backend.overspent(2)


def test_each_request_begins_with_a_clean_sheet(backend):
    backend.ask(pending(), 11.0)
    note(backend, RETRY)
    backend.codec.receive(b"lookup-result|00000001|not-found\n")
    backend.done()
    backend.ask(pending(), 12.0)
    assert backend.evidence.spent == 0


def test_its_last_words_are_its_last_error(backend):
    note(backend, RETRY, RECONNECT)
    assert backend.last_words.startswith("warn: trying to reconnect")


def test_what_it_said_of_one_request_is_not_said_of_the_next(backend):
    backend.ask(pending(), 11.0)
    note(backend, RETRY)
    backend.codec.receive(b"lookup-result|00000001|not-found\n")
    backend.done()
    assert backend.last_words
    backend.ask(pending(), 12.0)
    assert backend.last_words == ""


def test_what_it_said_of_its_start_is_no_evidence_later():
    made = Backend(1, TEXT.backend_codec(), now=5.0, deadline=35.0)
    note(made, RETRY)
    assert made.evidence.error is not None
    made.ready(7.0)
    assert made.evidence.error is None


def test_its_age_is_counted_from_its_birth(backend):
    born = backend.born
    backend.ask(pending(), 500.0)
    assert (backend.since, backend.born) == (500.0, born)


def test_a_refusal_is_pending_with_its_reason():
    made = Pending(Refusal(request(), "newline in key"), arrived=1.0, deadline=2.0)
    assert made.refusal == "newline in key"
    assert made.request == request()


def test_a_retry_and_the_reconnect_it_announces_are_one(backend):
    read = Classifier().read
    assert [backend.note(read(line)) for line in (RETRY, RECONNECT)] == [1, 0]
    assert [backend.note(read(line)) for line in (RECONNECT, RECONNECT)] == [1, 1]
    assert [backend.note(read(line)) for line in (RETRY, RETRY, RECONNECT)] == [1, 1, 0]
    assert backend.note(read(b"creds[7]: debug: hello")) == 0


def test_a_line_in_the_handshake_costs_the_first_request_nothing(backend):
    note(backend, RETRY, RETRY, RETRY)
    backend.ask(pending(), 11.0)
    assert backend.evidence.spent == 0
    assert not backend.overspent(0)


def test_ready_is_remembered_and_forgets_the_words_of_the_start():
    codec = TEXT.backend_codec()
    made = Backend(1, codec, now=5.0, deadline=35.0)
    note(made, RETRY)
    assert made.ready_at is None
    made.ready(7.0)
    assert (made.state, made.ready_at, made.last_words) == (State.IDLE, 7.0, "")


def test_every_answer_is_progress(backend):
    for number in range(1, 4):
        backend.ask(pending(), 11.0)
        backend.codec.receive(b"lookup-result|00000001|not-found\n")
        backend.done()
        assert backend.answers == number


def test_a_retry_of_an_update_beyond_the_limit_is_overspent(backend):
    backend.ask(pending(operation=Operation.UPDATE, key=None, service=None), 11.0)
    note(backend, RETRY, RETRY)
    assert not backend.overspent(2)
    note(backend, RETRY)
    assert backend.overspent(2)


def test_what_was_asked_last_is_remembered_after_its_answer(backend):
    one = pending()
    backend.ask(one, 11.0)
    backend.done()
    assert backend.asked is one.request
