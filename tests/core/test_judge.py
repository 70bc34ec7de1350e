"""Judge: whose fault a failure is, and which requests are not asked because of it."""

import random

import pytest
from tests.core.player import LOST, RETRY

from tablewatch.config.settings import (
    BreakerSettings,
    FilterSettings,
    LogSettings,
    QuarantineSettings,
    TableSettings,
)
from tablewatch.core.counters import Counters
from tablewatch.core.evidence import Evidence
from tablewatch.core.incidents import Incidents
from tablewatch.core.journal import Journal
from tablewatch.core.judge import Judge
from tablewatch.knowledge.classify import Classifier
from tablewatch.policy.breaker import State
from tablewatch.protocol.messages import Operation, Verdict
from tablewatch.protocol.text import TEXT

DOWN = b"creds[7]: warn: mysql_real_connect: Can't connect to MySQL server on 'db' (111)"
DENIED = b"creds[7]: warn: mysql_real_connect: Access denied for user 'mail'@'localhost'"
NO_TABLE = b"creds[7]: warn: trying to reconnect after error: Table 'mail.vusers' doesn't exist"
STRANGE = b"creds[7]: warn: mysql_stmt_fetch: something never heard of"
OTHER = b"creds[7]: warn: another thing never heard of"
BAD_REGEX = b"creds[7]: warn: trying to reconnect after error: Got error 'missing )' from regexp"
POLISH = "\u0142{}@example.org"


class Court:
    """A judge, the log, and the time."""

    def __init__(self, **settings):
        self.lines = []
        self.settings = TableSettings(**settings)
        journal = Journal(LogSettings(), "creds", self.lines.append)
        self.judge = Judge(
            self.settings,
            b"0123456789abcdef",
            random.Random(1),
            journal,
            Incidents(300.0, journal, Counters()),
        )
        self.now = 1000.0

    def request(self, key="alice", service="credentials", operation=Operation.LOOKUP):
        key = None if operation is Operation.FETCH else key.encode()
        return TEXT.request("creds", operation, service, key)

    def good(self, key="alice", service="credentials"):
        self.judge.good(self.request(key, service), self.now)

    def bad(self, key="alice", *lines, why="error", **fields):
        evidence = Evidence()
        for line in lines:
            evidence.note(Classifier().read(line))
        request = self.request(key, **fields)
        self.judge.bad(request, evidence, why, self.now)
        return self.judge.stuck_after(request, Verdict.ERROR, evidence, self.now)

    def known(self, key="alice", service="credentials"):
        """Return the word for why this key is refused at once, or ""."""
        objection = self.judge.known_bad(self.request(key, service), self.now)
        return objection.why if objection is not None else ""

    def objection(self, key="alice", service="credentials"):
        found = self.judge.objection(self.request(key, service), self.now)
        return found.why if found is not None else ""

    @property
    def breaker(self):
        return self.judge.breaker.state(self.now)

    @property
    def quarantined(self):
        return len(self.judge.quarantine)

    def rest(self):
        """Wait until the breaker lets a trial through."""
        self.now = self.judge.breaker.due()

    def log(self):
        return "\n".join(line.text for line in self.lines)


def opened(**settings):
    court = Court(breaker=BreakerSettings(**settings))
    for number in range(court.settings.breaker.threshold):
        court.bad(f"user{number}", DOWN)
    assert court.breaker is State.OPEN
    return court


# --- quarantine


def test_a_query_error_is_the_keys_fault_at_once():
    court = Court()
    court.bad("\u0142", RETRY)
    assert court.known("\u0142") == "quarantined"
    assert court.known("alice") == ""
    assert court.known("\u0142", "userinfo") == ""


def test_its_log_line_names_the_cause_and_not_the_key():
    court = Court()
    court.bad("\u0142ukasz@example.org", RETRY)
    assert "\u0142ukasz" not in court.log()
    assert "quarantined for 1h" in court.log()


def test_a_quarantine_ends():
    court = Court(quarantine=QuarantineSettings(duration=60.0))
    court.bad("\u0142", RETRY)
    court.now += 60.0
    assert court.known("\u0142") == ""


@pytest.mark.parametrize("service", ["credentials", "userinfo"])
def test_what_a_refused_key_is_answered_is_chosen_per_service(service):
    court = Court(quarantine=QuarantineSettings(not_found=("credentials",)))
    court.bad("\u0142", RETRY, service=service)
    objection = court.judge.known_bad(court.request("\u0142", service), court.now)
    expected = Verdict.NOT_FOUND if service == "credentials" else Verdict.ERROR
    assert objection.verdict is expected


def test_nothing_is_remembered_of_auth():
    court = Court(filter=FilterSettings(charset="ascii"))
    for _ in range(3):
        court.bad("\u0142:secret", RETRY, service="auth")
        court.good("other:secret", service="auth")
        court.bad("\u0142:secret", service="auth", why="exit")
    assert court.known("\u0142:secret", "auth") == ""
    assert court.quarantined == 0
    assert "secret" not in court.log()


def test_without_quarantine_no_key_is_refused():
    court = Court(quarantine=QuarantineSettings(enabled=False))
    court.bad("\u0142", RETRY)
    assert court.known("\u0142") == ""


@pytest.mark.parametrize("line", [LOST, DOWN, DENIED, NO_TABLE])
def test_a_connection_or_configuration_error_is_no_keys_fault(line):
    court = Court()
    for _ in range(20):
        court.bad("alice", line)
        court.good("bob")
    assert court.quarantined == 0


@pytest.mark.parametrize("line", [LOST, DOWN, DENIED, NO_TABLE])
def test_but_opens_the_breaker(line):
    court = Court()
    for number in range(5):
        assert court.objection() == ""
        court.bad(f"user{number}", line)
    assert court.objection() == "breaker"


@pytest.mark.parametrize(("why", "lines"), [("error", [STRANGE]), ("exit", []), ("spin", [])])
def test_an_unknown_failure_needs_a_second_strike_amid_successes(why, lines):
    court = Court()
    court.bad("odd", *lines, why=why)
    court.good("alice")
    assert court.quarantined == 0
    court.bad("odd", *lines, why=why)
    assert court.known("odd") == "quarantined"


def test_strikes_without_successes_between_them_blame_nobody():
    court = Court()
    for _ in range(20):
        court.bad("odd", why="exit")
    assert court.quarantined == 0


def test_a_strike_while_the_breaker_is_open_says_nothing_of_a_key():
    court = Court()
    court.bad("odd", why="exit")
    court.good("alice")
    court.judge.trip("said so", court.now)
    court.bad("odd", why="exit")
    assert court.quarantined == 0


def test_hangs_open_the_breaker():
    court = Court()
    for number in range(5):
        court.bad(f"user{number}", why="deadline")
    assert court.breaker is State.OPEN


def test_deaths_do_not():
    court = Court()
    for number in range(20):
        court.bad(f"user{number}", why="exit")
    assert court.breaker is State.CLOSED


def test_a_bare_error_says_nothing():
    court = Court()
    for number in range(100):
        court.bad(f"user{number % 7}")
        court.good()
    assert court.quarantined == 0
    assert court.breaker is State.CLOSED


# --- the SQL


def test_when_every_key_fails_alike_the_query_is_at_fault_and_the_keys_are_released():
    court = Court()
    for number in range(4):
        court.bad(f"user{number}", RETRY)
    assert court.quarantined == 4
    court.bad("user4", RETRY)
    assert court.quarantined == 0
    assert court.breaker is State.OPEN
    assert "the query is at fault" in court.log()


def test_an_operators_quarantine_is_not_released_with_them():
    court = Court()
    signature = Classifier().read(RETRY).signature
    court.judge.quarantine.add(
        "credentials",
        b"mallory",
        "m***",
        "asked for",
        court.now,
        signature=signature,
        duration=60.0,
    )
    for number in range(5):
        court.bad(f"user{number}", RETRY)
    assert court.known("mallory") == "quarantined"


def test_a_query_error_of_a_fetch_is_the_querys_fault():
    court = Court()
    for _ in range(5):
        court.bad("", RETRY, operation=Operation.FETCH)
    assert court.quarantined == 0
    assert court.breaker is State.OPEN


# --- learned class and filter


def attack(court, line=RETRY, count=5):
    for number in range(count):
        court.good(f"user{number}")
        court.bad(POLISH.format(number), line)


def test_a_kind_of_key_is_learned():
    court = Court()
    attack(court, count=4)
    assert court.objection(POLISH.format(99)) == ""
    attack(court)
    assert court.objection(POLISH.format(99)) == "learned"
    assert court.objection("jos\u00e9") == ""
    assert court.objection("alice") == ""


def test_nothing_is_learned_where_that_is_switched_off():
    court = Court(quarantine=QuarantineSettings(learn=False))
    attack(court)
    assert court.objection(POLISH.format(99)) == ""


def test_nothing_is_learned_from_errors_that_are_not_about_characters():
    court = Court()
    attack(court, BAD_REGEX, count=10)
    assert court.objection(POLISH.format(99)) == ""
    assert court.quarantined == 10


def test_a_success_frees_what_was_learned():
    court = Court()
    attack(court)
    court.good(POLISH.format(7))
    assert court.objection(POLISH.format(99)) == ""
    assert "work after all" in court.log()


def test_a_filtered_key_is_refused_and_auth_is_not_looked_at():
    court = Court(filter=FilterSettings(charset="latin1", max_length=8))
    assert court.known("\u0142") == "filtered"
    assert court.known("x" * 9) == "filtered"
    assert court.known("jos\u00e9") == ""
    assert court.known("\u0142:secret", "auth") == ""


# --- breaker


def test_an_update_is_asked_while_the_breaker_is_open():
    court = opened()
    request = TEXT.request("creds", Operation.UPDATE, None, None)
    assert court.judge.objection(request, court.now) is None
    assert court.objection() == "breaker"


def test_only_one_request_is_the_trial():
    court = opened()
    court.rest()
    assert court.objection() == ""
    assert court.objection("bob") == "breaker"


def test_an_answered_trial_closes_it():
    court = opened()
    court.rest()
    court.objection()
    court.good()
    assert court.breaker is State.CLOSED
    assert "answers again" in court.log()


@pytest.mark.parametrize(
    ("why", "lines"),
    [("error", [DOWN]), ("error", [STRANGE]), ("exit", []), ("deadline", []), ("retries", [LOST])],
)
@pytest.mark.parametrize("operation", [Operation.LOOKUP, Operation.FETCH])
def test_a_failed_trial_opens_it_again_whatever_failed(why, lines, operation):
    court = opened()
    court.rest()
    court.objection()
    court.bad("alice", *lines, why=why, operation=operation)
    assert court.breaker is State.OPEN
    assert court.quarantined == 0


def test_a_trial_with_a_bad_key_closes_it_for_the_database_works():
    court = opened()
    court.rest()
    court.objection("\u0142")
    court.bad("\u0142", RETRY)
    assert court.breaker is State.CLOSED
    assert court.known("\u0142") == "quarantined"


def test_a_bare_error_to_the_trial_closes_it():
    """table-redis says so for "not found"; a trial without an end would keep everybody out."""
    court = opened()
    court.rest()
    court.objection()
    court.bad("nobody")
    assert court.breaker is State.CLOSED


def test_a_bare_error_does_not_end_a_row_of_failures():
    court = Court()
    for number in range(5):
        court.bad(f"user{number}", DOWN)
        court.bad("nobody")
    assert court.breaker is State.OPEN


def test_the_log_says_for_how_long_and_why_it_is_open():
    court = opened()
    due = court.judge.breaker.due() - court.now
    assert f"breaker open for {due:.1f} s" in court.log()


# --- stuck


def test_a_backend_that_answers_nothing_but_errors_is_recycled_then_left_alone():
    court = Court(breaker=BreakerSettings(threshold=1000))
    court.good()
    advice = []
    for number in range(20):
        line = (STRANGE, OTHER)[number % 2]  # not all alike: the query is not to blame
        advice.append(court.bad(f"user{number}", line))
        court.now += 5.0
    assert [text for text in advice if text] == ["it answers nothing but errors"]
    assert "from a fresh backend too" in court.log()


@pytest.mark.parametrize("operation", [Operation.CHECK, Operation.LOOKUP])
def test_a_backend_that_never_says_anything_else_is_left_alone(operation):
    """Every check of table-passwd and table-socketmap is `error`."""
    court = Court()
    for number in range(500):
        assert court.bad(f"user{number}", operation=operation) == ""
        court.now += 1.0
    assert court.breaker is State.CLOSED


# --- the operator


def test_a_pardon_releases_closes_and_forgets():
    court = opened()
    court.judge.quarantine.add("credentials", b"odd", "o***", "said so", court.now)
    attack(court)
    court.bad("strange", why="exit")
    court.judge.pardon(court.now)
    assert court.quarantined == 0
    assert court.breaker is State.CLOSED
    assert court.objection(POLISH.format(99)) == ""
    assert "keys released" in court.log()
    assert "breaker closed" in court.log()


def test_after_a_pardon_errors_are_counted_anew():
    """The first one after it must not open the breaker, for those that went before."""
    court = Court(breaker=BreakerSettings(threshold=1000))
    court.good()
    for number in range(12):
        line = (STRANGE, OTHER)[number % 2]
        court.bad(f"user{number}", line)
        court.now += 5.0
    assert court.breaker is State.CLOSED
    court.judge.pardon(court.now)
    for number in range(4):
        court.now += 5.0
        court.bad(f"user{number}", (STRANGE, OTHER)[number % 2])
    assert court.breaker is State.CLOSED


def test_a_pardon_of_nothing_says_nothing():
    court = Court()
    court.judge.pardon(court.now)
    assert court.lines == []


def test_a_reload_keeps_quarantine_and_breaker_and_takes_the_new_limits():
    court = opened()
    court.judge.quarantine.add("credentials", b"odd", "o***", "said so", court.now)
    court.judge.configure(TableSettings(deadline=20.0, filter=FilterSettings(max_length=3)))
    assert court.quarantined == 1
    assert court.breaker is State.OPEN
    assert court.known("alice") == "filtered"
    assert court.judge.breaker.trial_timeout == 40.0
