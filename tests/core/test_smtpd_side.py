"""SmtpdSide: exactly one answer to every request."""

from collections import Counter

import pytest

from tablewatch.core.actions import Actions
from tablewatch.core.counters import Counters
from tablewatch.core.judge import Objection
from tablewatch.core.smtpd_side import SmtpdSide
from tablewatch.policy.latency import LATENCY_BUCKETS
from tablewatch.protocol.messages import Answer, Damage, Hello, Operation, Request, Verdict
from tablewatch.protocol.text import TEXT


@pytest.fixture
def side():
    made = SmtpdSide(Actions(), Counters())
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
    (event,) = SmtpdSide(Actions(), Counters()).receive(b"EHLO\r\n")
    assert isinstance(event, Damage)


def test_a_request_is_answered_once(side):
    pending = ask(side)
    assert isinstance(pending.request, Request)
    side.reply(pending, Answer(Verdict.NOT_FOUND), 12.5)
    with pytest.raises(AssertionError):
        side.reply(pending, Answer(Verdict.NOT_FOUND), 12.5)
    assert written(side).count(b"lookup-result|") == 1


def test_how_long_smtpd_waited_is_counted(side):
    side.reply(ask(side, 1, now=10.0), Answer(Verdict.NOT_FOUND), 10.004)
    side.tempfail(ask(side, 2, now=10.0), "deadline", "no answer in time", 15.5)
    waits = side._counters.latency[Operation.LOOKUP]
    assert sum(waits.counts) == 2
    assert waits.counts[LATENCY_BUCKETS.index(0.005)] == 1
    assert waits.counts[LATENCY_BUCKETS.index(10.0)] == 1
    assert waits.total == pytest.approx(5.504)


def test_a_tempfail_is_an_error_that_says_who_said_it(side):
    side.tempfail(ask(side), "deadline", "no answer in time", 15.0)
    assert b"|error|tablewatch: no answer in time\n" in written(side)
    assert side._counters.tempfails == Counter(deadline=1)


def test_only_overdue_requests_are_taken_out(side):
    early, late = ask(side, 1, now=10.0), ask(side, 2, now=12.0)
    assert side.next_deadline() == 15.0
    assert side.overdue(14.9) == []
    assert side.overdue(15.0) == [early]
    assert list(side.queue) == [late]


def test_without_requests_there_is_no_deadline(side):
    assert side.next_deadline() is None


def test_what_the_backend_answered_itself_is_not_written_again_and_still_counts(side):
    pending = ask(side)
    before = written(side)
    side.passed_on(pending, Answer(Verdict.NOT_FOUND), 12.5)
    assert written(side) == before
    assert side._counters.answers.total() == 1
    with pytest.raises(AssertionError):
        side.passed_on(pending, Answer(Verdict.NOT_FOUND), 12.5)


@pytest.mark.parametrize("how", ["reply", "passed_on"])
def test_after_either_an_smtpd_that_waits_for_answers_may_ask_again(how):
    """It holds what comes before for the rest of a torn key, see TextSmtpd."""
    made = SmtpdSide(Actions(), Counters())
    (made.hello,) = made.receive(TEXT.hello("creds", "7.6.0").raw)
    made.welcome(("credentials",))
    getattr(made, how)(ask(made, 1), Answer(Verdict.NOT_FOUND), 12.5)
    assert isinstance(ask(made, 2).request, Request)


def test_a_refused_request_is_answered_error_or_not_found(side):
    side.refuse(ask(side, 1), Objection("breaker", "database is left alone"), 12.0)
    side.refuse(ask(side, 2), Objection("quarantined", "key is bad", Verdict.NOT_FOUND), 12.0)
    lines = written(side).splitlines()[-2:]
    assert lines == [
        b"lookup-result|00000001|error|tablewatch: database is left alone",
        b"lookup-result|00000002|not-found",
    ]
    assert side._counters.tempfails == Counter(breaker=1)
    assert side._counters.refusals == {"quarantined": 1}


def test_what_was_passed_on_before_it_was_queued_is_marked(side):
    request = TEXT.request("creds", Operation.LOOKUP, "credentials", b"alice")
    side.add(request, 10.0, 5.0, passed=True)
    side.add(request, 10.0, 5.0)
    assert [pending.passed for pending in side.queue] == [True, False]
