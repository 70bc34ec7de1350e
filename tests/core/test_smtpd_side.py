"""SmtpdSide: exactly one answer to every request."""

from collections import deque

import pytest

from tablewatch.core.counters import Counters
from tablewatch.core.smtpd_side import SmtpdSide
from tablewatch.protocol.messages import Answer, Damage, Hello, Operation, Request, Verdict
from tablewatch.protocol.text import TEXT


@pytest.fixture
def side():
    made = SmtpdSide(deque(), Counters())
    (hello,) = made.receive(TEXT.hello("creds", "7.9.0").raw)
    made.hello = hello
    made.welcome(("credentials",))
    return made


def ask(side, number=1, now=10.0, limit=5.0):
    request = TEXT.request("creds", Operation.LOOKUP, "credentials", b"alice", number=number)
    (event,) = side.receive(request.raw)
    side.add(event, now, limit)
    return side.queue[-1]


def written(side):
    return b"".join(action.data for action in side._actions)


def test_the_first_bytes_tell_the_protocol(side):
    assert side.dialect is TEXT
    assert isinstance(side.hello, Hello)


def test_what_is_no_protocol_is_damage():
    (event,) = SmtpdSide(deque(), Counters()).receive(b"EHLO\r\n")
    assert isinstance(event, Damage)


def test_a_request_is_answered_once(side):
    pending = ask(side)
    assert isinstance(pending.request, Request)
    side.reply(pending, Answer(Verdict.NOT_FOUND))
    with pytest.raises(AssertionError):
        side.reply(pending, Answer(Verdict.NOT_FOUND))
    assert written(side).count(b"lookup-result|") == 1


def test_a_tempfail_is_an_error_that_says_who_said_it(side):
    side.tempfail(ask(side), "deadline", "no answer in time")
    assert b"|error|tablewatch: no answer in time\n" in written(side)
    assert side._counters.tempfails == {"deadline": 1}


def test_only_overdue_requests_are_taken_out(side):
    early, late = ask(side, 1, now=10.0), ask(side, 2, now=12.0)
    assert side.next_deadline() == 15.0
    assert side.overdue(14.9) == []
    assert side.overdue(15.0) == [early]
    assert list(side.queue) == [late]


def test_without_requests_there_is_no_deadline(side):
    assert side.next_deadline() is None
