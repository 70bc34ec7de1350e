"""Incidents: one per cause, told in plain words, over when the table has been well for a while."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.player import LOST, RECONNECT, REGISTER, RETRY, Player

from tablewatch.config.settings import BreakerSettings, Config, IncidentSettings, LogSettings
from tablewatch.core.actions import Log, Usage
from tablewatch.core.casefile import MAX_FIRST, MAX_LAST, MAX_LINES, MAX_TEXT, Spent
from tablewatch.core.counters import CLASSES, REPLACED, Counters
from tablewatch.core.evidence import Evidence
from tablewatch.core.incidents import MAX_CLOSED, MAX_OPEN, MAX_STEPS, Incidents
from tablewatch.core.journal import Journal
from tablewatch.knowledge.classify import Classifier, ErrorClass
from tablewatch.knowledge.signatures import ERROR_TEXTS

WARN = "creds[7]: warn: trying to reconnect after error: "
DENIED = b"creds[7]: warn: mysql_real_connect: Access denied for user 'mail'@'localhost'"
SILENT = sorted({*REPLACED, "settings"} - {"spare", "reload"})


def evidence(*lines):
    seen = Evidence()
    for line in lines:
        seen.note(Classifier().read(line))
    return seen


class Desk:
    """Incidents with a log and a clock."""

    def __init__(self, quiet=300.0):
        self.lines = []
        settings = LogSettings(interval=0.0)
        self.incidents = Incidents(quiet, Journal(settings, "", self.lines.append), Counters())
        self.incidents.table = "creds"
        self.now = 1000.0

    def note(self, *lines, why="error"):
        self.incidents.note(evidence(*lines) if lines else None, why, self.now)

    @property
    def open(self):
        return self.incidents.open

    def log(self):
        return [line.text for line in self.lines]


@pytest.fixture
def desk():
    return Desk()


# --- one per cause


def test_a_thousand_signs_of_one_cause_are_one_incident(desk):
    for _ in range(1000):
        desk.note(RETRY)
        desk.now += 0.01
    (incident,) = desk.open
    assert (incident.count, incident.opened) == (1000, 1000.0)
    assert incident.last == pytest.approx(desk.now - 0.01)
    assert len(desk.lines) == 1


def test_an_outage_is_one_incident_however_many_texts_it_shows(desk):
    texts = [each for each in ERROR_TEXTS if each.error_class is ErrorClass.CONNECTION]
    assert len(texts) > 20
    for text in texts:
        desk.note((WARN + "...".join(text.parts)).encode())
    assert [each.error_class for each in desk.open] == ["connection"]
    assert desk.open[0].count == len(texts)
    assert len(desk.lines) == 1


def test_the_cause_told_is_that_of_the_last_sign(desk):
    desk.note(LOST)
    before = desk.open[0].cause
    desk.note((WARN + "Too many connections").encode())
    assert desk.open[0].cause != before


def test_two_causes_are_two_incidents_the_one_seen_last_at_the_end(desk):
    desk.note(RETRY)
    desk.now += 1
    desk.note(DENIED)
    assert [each.error_class for each in desk.open] == ["query", "configuration"]
    desk.now += 1
    desk.note(RETRY)
    assert [each.error_class for each in desk.open] == ["configuration", "query"]


@pytest.mark.parametrize("why", SILENT)
def test_what_a_backend_does_without_a_word_has_a_cause_and_a_remedy_of_its_own(why):
    desk, other = Desk(), Desk()
    desk.note(why=why)
    other.note(why="whatever")
    (incident,) = desk.open
    assert (incident.signature, incident.error_class) == (f"backend-{why}", "unknown")
    assert incident.cause != f"backend: {why}"
    assert incident.todo != other.open[0].todo


def test_what_a_backend_wrote_says_more_than_what_it_did(desk):
    desk.note(RETRY, why="exit")
    assert desk.open[0].error_class == "query"
    desk.note(RECONNECT, why="exit")  # no error
    assert desk.open[-1].signature == "backend-exit"


# --- told


def test_it_is_told_when_it_opens_with_a_cause_and_the_command_that_helps(desk):
    desk.note(RETRY)
    (text,) = desk.log()
    assert text.startswith("incident: the key has characters that")
    assert "; to do: convert the looked-up columns" in text
    assert "smtpctl update table creds." in text


def test_before_smtpd_has_told_the_tables_name_the_command_has_a_gap(desk):
    desk.incidents.table = ""
    desk.note(DENIED)
    assert desk.open[0].todo.endswith("smtpctl update table NAME")


def test_what_was_done_is_told_once_and_only_the_last_few_steps(desk):
    desk.note(RETRY)
    for number in range(20):
        desk.incidents.did(f"step {number}")
        desk.incidents.did(f"step {number}")
    assert list(desk.open[0].done) == [f"step {20 - MAX_STEPS + each}" for each in range(MAX_STEPS)]


def test_what_was_done_belongs_to_the_sign_noted_last(desk):
    desk.note(RETRY)
    desk.note(DENIED)
    desk.note(RETRY)
    desk.incidents.did("a step")
    assert {each.error_class: list(each.done) for each in desk.open} == {
        "configuration": [],
        "query": ["a step"],
    }


def test_what_is_done_without_an_incident_or_after_it_belongs_to_none(desk):
    desk.incidents.did("a step")
    desk.note(RETRY)
    desk.incidents.tick(desk.now + 300.0)
    desk.incidents.did("another")
    assert [list(each.done) for each in desk.incidents.closed] == [[]]


# --- over


def test_it_is_over_after_a_quiet_time_since_its_last_sign(desk):
    desk.note(RETRY)
    desk.now += 200.0
    desk.note(RETRY)
    assert desk.incidents.next_due() == desk.now + 300.0
    desk.incidents.tick(desk.now + 299.9)
    assert len(desk.open) == 1
    desk.incidents.tick(desk.now + 300.0)
    assert desk.open == []
    (closed,) = desk.incidents.closed
    assert (closed.closed, closed.count) == (desk.now + 300.0, 2)
    assert desk.log()[-1] == f"incident over after 8m20s, seen 2 times: {closed.cause}"
    assert desk.incidents.next_due() is None


def test_the_same_cause_later_is_another_incident(desk):
    desk.note(RETRY)
    desk.incidents.tick(desk.now + 300.0)
    desk.now += 301.0
    desk.note(RETRY)
    assert [each.id for each in (*desk.incidents.closed, *desk.open)] == [1, 2]
    assert desk.open[0].count == 1


def test_broken_settings_are_not_over_by_themselves(desk):
    desk.note(why="settings")
    assert desk.incidents.next_due() is None
    desk.incidents.tick(desk.now + 1e6)
    assert len(desk.open) == 1
    desk.incidents.end("settings", desk.now + 1e6)
    assert desk.open == []
    assert desk.log()[-1].startswith("incident over after 11d13h46m40s, seen once: tablewatch.yml")


def test_the_end_of_what_never_began_is_nothing(desk):
    desk.incidents.end("settings", desk.now)
    assert desk.lines == []


# --- bounds


def others():
    """Signs of many different causes, none of them an outage."""
    texts = [each for each in ERROR_TEXTS if each.error_class is not ErrorClass.CONNECTION]
    return {each.id: (WARN + "...".join(each.parts)).encode() for each in texts}


def test_only_so_many_are_open_the_one_not_seen_for_longest_makes_room(desk):
    desk.note(why="settings")
    for line in others().values():
        desk.now += 1
        desk.note(line)
    seen = desk.incidents.opened.total()
    assert seen > 2 * MAX_OPEN
    assert len(desk.open) == MAX_OPEN
    assert desk.open[0].signature == "backend-settings"
    assert [each.id for each in desk.open[1:]] == list(range(seen - MAX_OPEN + 2, seen + 1))


def test_the_last_few_that_are_over_are_remembered(desk):
    for _ in range(3 * MAX_CLOSED):
        desk.note(RETRY)
        desk.now += 300.0
        desk.incidents.tick(desk.now)
    assert [each.id for each in desk.incidents.closed] == list(
        range(2 * MAX_CLOSED + 1, 3 * MAX_CLOSED + 1)
    )


def test_every_class_is_counted_from_zero_on(desk):
    assert dict(desk.incidents.opened) == dict.fromkeys(CLASSES, 0)
    desk.note(RETRY)
    assert desk.incidents.opened == {**dict.fromkeys(CLASSES, 0), "query": 1}


SIGNS = st.one_of(
    st.sampled_from(sorted(others().values())).map(lambda line: ("note", line)),
    st.sampled_from([LOST, RETRY, DENIED]).map(lambda line: ("note", line)),
    st.sampled_from(SILENT).map(lambda why: ("silent", why)),
    st.sampled_from(["a", "b", "c", "d", "e", "f"]).map(lambda text: ("did", text)),
    st.just(("end", "settings")),
    st.sampled_from([0.5, 5.0, 60.0]).map(lambda seconds: ("wait", seconds)),
)


@given(st.lists(SIGNS, max_size=120))
def test_whatever_happens_the_account_is_right_and_bounded(events):
    desk = Desk(quiet=10.0)
    for name, value in events:
        before = dict(desk.incidents.opened)
        if name == "note":
            desk.note(value)
        elif name == "silent":
            desk.note(why=value)
        elif name == "did":
            desk.incidents.did(value)
        elif name == "end":
            desk.incidents.end(value, desk.now)
        else:
            desk.now += value
            due = desk.incidents.next_due()
            if due is not None and due <= desk.now:
                desk.incidents.tick(desk.now)
                then = desk.incidents.next_due()
                assert then is None or then > desk.now, "the loop would spin"
        incidents = desk.incidents
        assert len(desk.open) <= MAX_OPEN
        assert len(incidents.closed) <= MAX_CLOSED
        assert all(incidents.opened[each] >= before[each] for each in CLASSES)
        shown = [*desk.open, *incidents.closed]
        assert len({each.id for each in shown}) == len(shown)
        assert all(1 <= each.id <= incidents.opened.total() for each in shown)
        assert len({each.signature for each in desk.open}) == len(desk.open)
        for each in shown:
            assert each.opened <= each.last <= (each.closed or desk.now)
            assert len(each.done) == len(set(each.done)) <= MAX_STEPS
        assert {each.closed is None for each in desk.open} <= {True}
        assert {each.closed is None for each in incidents.closed} <= {False}


# --- of a table


def good(player, key="bob@example.org"):
    id_ = player.ask(key)
    if player.answer_to(id_) is None:
        player.answer(id_)
    return player.answer_to(id_) == "found|alice:secret"


def bad(player, key, *lines):
    """The backend writes `lines` and answers error by itself."""
    id_ = player.ask(key)
    if player.reached_backend(id_):
        player.stderr(*lines)
        if player.answer_to(id_) is None:
            player.answer(id_, "error")


def incidents(player):
    return player.core.incidents.open


def opened(player):
    return player.core.incidents.opened.total()


def test_a_thousand_poisoned_keys_are_one_incident():
    player = Player().start()
    for number in range(1000):
        bad(player, f"\u0142{number}@example.org", RETRY)
        player.wait(0.02)
    (incident,) = incidents(player)
    assert (incident.error_class, opened(player)) == ("query", 1)
    assert "credentials ***@example.org quarantined for 1h" in incident.done
    assert incident.done[-1] == "every credentials key with characters beyond latin1 refused"


def test_a_poisoned_key_that_costs_its_backend_is_the_same_incident():
    player = Player().start()
    for number in range(4):
        player.ask(f"\u0142{number}@example.org")
        player.stderr(*[RETRY, RECONNECT] * 3)
        player.register()
    (incident,) = incidents(player)
    assert incident.error_class == "query"
    assert incident.done[0] == "the lookup got a temporary error, the backend was replaced"


def test_an_outage_with_all_its_signs_is_one_incident_until_it_is_over():
    player = Player(breaker=BreakerSettings(threshold=3)).start()
    down = b"creds[7]: warn: mysql_real_connect: Can't connect to MySQL server on 'db' (111)"
    for line in (LOST, down, LOST):
        bad(player, "bob@example.org", line)
    assert "the database is left alone and tried now and then" in incidents(player)[0].done
    for _ in range(40):
        player.wait(30.0)
        bad(player, "bob@example.org", down)
    assert player.core.judge.breaker.openings == 1
    assert (len(incidents(player)), opened(player)) == (1, 1)


def test_an_incident_opens_at_the_first_decisive_sign():
    player = Player().start()
    id_ = player.ask("\u0142@example.org")
    player.stderr(RETRY, RECONNECT)
    assert incidents(player) == []  # the backend may still find an answer
    player.answer(id_, "error")
    assert len(incidents(player)) == 1
    assert "incident: the key has characters" in player.log()


def test_a_retry_that_helped_is_no_incident():
    player = Player().start()
    id_ = player.ask("alice")
    player.stderr(LOST, RECONNECT)
    player.answer(id_)
    assert player.answer_to(id_) == "found|alice:secret"
    assert opened(player) == 0


def test_a_bare_error_is_no_incident():
    player = Player().start()
    for number in range(3):
        bad(player, f"user{number}")
    assert opened(player) == 0


def test_it_is_over_when_the_table_has_been_quiet_for_long_enough_and_not_before():
    player = Player(incidents=IncidentSettings(quiet=120.0)).start()
    bad(player, "\u0142@example.org", RETRY)
    player.wait(119.9)
    assert len(incidents(player)) == 1
    player.wait(0.2)
    assert incidents(player) == []
    assert "incident over after 2m, seen once: the key has" in player.log()


def test_it_is_not_over_while_the_breaker_is_open_or_untried():
    player = Player(breaker=BreakerSettings(threshold=1)).start()
    bad(player, "alice", LOST)
    player.wait(4000.0)
    assert len(incidents(player)) == 1
    assert good(player)
    player.wait(0.1)
    assert incidents(player) == []


def test_it_is_not_over_while_no_backend_runs():
    player = Player(start_timeout=600.0).start()
    bad(player, "\u0142@example.org", RETRY)
    player.die()
    player.wait(500.0)  # the next one hangs in its start
    assert len(incidents(player)) == 2
    player.register()
    player.wait(0.1)
    assert incidents(player) == []


def test_a_broken_file_is_an_incident_until_a_good_one_is_read():
    player = Player()
    player.core.misconfigured(["line 3: no such key", "not used"], player.now)
    player.start()
    player.wait(4000.0)
    (incident,) = incidents(player)
    assert incident.signature == "backend-settings"
    assert player.core.counters.config_errors == 2
    player.core.misconfigured([], player.now)
    assert len(incidents(player)) == 1
    player.core.reload(player.now, Config())
    player.settle()
    assert incidents(player) == []
    assert "incident over after 1h6m40s, seen once: tablewatch.yml is broken" in player.log()


def test_a_reload_changes_how_long_it_lasts():
    player = Player().start()
    bad(player, "\u0142@example.org", RETRY)
    changed = replace(player.core.settings, incidents=IncidentSettings(quiet=10.0))
    player.core.reload(player.now, Config(defaults=changed))
    player.wait(10.1)
    assert incidents(player) == []


def test_an_idle_death_is_not_blamed_on_an_error_of_before():
    player = Player().start()
    bad(player, "\u0142@example.org", RETRY)
    player.die("killed by SIGKILL")
    assert [each.signature for each in incidents(player)][-1] == "backend-exit"
    assert incidents(player)[0].count == 1


def test_nor_on_an_error_during_a_start_that_went_well():
    player = Player()
    player.greet()
    player.stderr(LOST)
    player.register()
    player.die("killed by SIGKILL")
    assert [each.signature for each in incidents(player)] == ["backend-exit"]


def test_nor_on_one_of_a_request_that_was_torn():
    player = Player().start()
    player.smtpd(b"table|0.1|1.0|creds|lookup|credentials|0000000a|torn\n")
    player.stderr(RETRY)
    player.smtpd(b"rest\n")
    player.backend(b"lookup-result|0000000a|error\n")
    player.die("killed by SIGKILL")
    assert [each.signature for each in incidents(player)] == ["backend-exit"]


def test_an_idle_death_is_blamed_on_what_it_says_of_it():
    player = Player().start()
    good(player)
    player.stderr(LOST)
    player.die("exited with status 1")
    assert [each.error_class for each in incidents(player)] == ["connection"]


def test_the_death_of_a_spare_or_a_reload_is_no_incident():
    player = Player(spares=1).start()
    player.backend(REGISTER, generation=2)
    player.die(generation=2)
    player.core.reload(player.now, player.core.config)
    player.settle()
    assert opened(player) == 0


def test_an_error_of_our_own_is_an_incident():
    player = Player().start()
    player.core.failed(player.now, "ValueError")
    player.settle()
    assert [each.signature for each in incidents(player)] == ["backend-internal"]


def test_a_leak_is_an_incident_however_often_it_is_measured():
    player = Player(spares=0).start()
    player.usage = lambda now: Usage(0.0, 600 * 1024**2, 5, 0)
    player.wait(200.0)
    (incident,) = incidents(player)
    assert incident.signature == "backend-memory"
    assert list(incident.done) == ["the backend is replaced between two lookups"]


def handshakes(player):
    """Let every backend that was started and lives finish its handshake."""
    for generation in player.spawned:
        backend = player.core.pool.find(generation)
        if backend is not None and backend.ready_at is None:
            player.backend(REGISTER, generation)


def nothing_but_errors(*lines):
    """A backend that worked, and then, like the next one, errs whoever is asked for."""
    player = Player(spares=1).start()
    handshakes(player)
    player.backend(f"lookup-result|{player.ask('bob')}|found|x\n".encode(), 1)
    for number in range(12):
        id_ = player.ask(f"user{number}@example.org")
        for generation in player.reached_backend(id_):
            player.stderr(*lines, generation=generation)
            player.backend(f"lookup-result|{id_}|error\n".encode(), generation)
        player.wait(7.0)
        handshakes(player)
    assert player.core.counters.restarts["stuck"] == 1
    (incident,) = incidents(player)
    return incident


def test_nothing_but_errors_is_an_incident_of_what_the_backend_says_of_them():
    incident = nothing_but_errors(b"creds[7]: warn: table-postgres: nobody has heard this yet")
    assert incident.cause == "an error that is not in the knowledge base"
    assert list(incident.done) == [
        "the backend is replaced between two lookups",
        "the database is left alone and tried now and then",
    ]


def test_nothing_but_errors_without_a_word_is_one_of_its_own():
    incident = nothing_but_errors()
    assert incident.signature == "backend-stuck"
    assert list(incident.done) == ["the backend is replaced between two lookups"]


def test_a_probe_that_costs_its_backend_is_no_lookup_of_anybodys():
    probe = BreakerSettings(threshold=1, probe="credentials probe@example.org")
    player = Player(breaker=probe).start()
    bad(player, "alice", LOST)
    player.wait(1.1)
    assert "probe@" in player.asked[1][-1]
    player.die("killed by SIGSEGV")
    done = [step for each in incidents(player) for step in each.done]
    assert "the backend was replaced" in done
    assert "the lookup got a temporary error, the backend was replaced" not in done
    assert "credentials p***@example.org: a probe" in player.log()


# --- observe mode


def test_observe_mode_tells_what_it_would_have_done():
    player = Player(mode="observe").start()
    id_ = player.ask("\u0142@example.org")
    for _ in range(50):
        player.stderr(RETRY, RECONNECT)
    player.answer(id_, "error")
    (incident,) = incidents(player)
    assert list(incident.done) == [
        "would have: the lookup got a temporary error, the backend was replaced",
        "would have: credentials ***@example.org quarantined for 1h",
    ]
    assert incident.count == 1


def test_observe_mode_replaces_a_dead_backend_and_says_so():
    player = Player(mode="observe").start()
    player.ask("alice")
    player.die("killed by SIGSEGV")
    (incident,) = incidents(player)
    assert incident.done[0] == "the lookup got a temporary error, the backend was replaced"


# --- the case file: the timeline


def texts(incident, *kinds):
    return [step.text for step in incident.case.steps if not kinds or step.kind in kinds]


def poisoned(**settings):
    """A backend that loops over a key until it is given up; its incident."""
    player = Player(**settings).start()
    player.wait(100.0)
    player.ask("\u0142ucja@example.org")
    player.stderr(RETRY, RECONNECT)
    player.wait(0.01)
    player.stderr(RETRY, RECONNECT, RETRY)
    return player


def test_the_timeline_begins_with_the_retries_that_led_to_it_and_goes_on_with_what_was_done():
    player = poisoned()
    (incident,) = incidents(player)
    kinds = [step.kind for step in incident.case.steps]
    assert kinds == ["signal", "signal", "decision", "note", "decision"]
    words = ["trying to", "(re)connecting", "kept reconnecting", "incident: ", "quarantined for 1h"]
    for step, word in zip(incident.case.steps, words, strict=True):
        assert word in step.text
    times = [step.at for step in incident.case.steps]
    assert times == sorted(times)
    assert times[0] == 1100.0 < incident.opened
    assert list(incident.case.lines) == texts(incident, "signal")


def test_what_happens_later_is_in_the_timeline_too():
    player = poisoned()
    player.register()
    player.wait(61.0)
    bad(player, "\u0142ukasz@example.org", RETRY)
    player.wait(300.0)
    (incident,) = player.core.incidents.closed
    said = texts(incident)
    assert "repeated" not in said[0]
    assert any("***@example.org" in text and "quarantined" in text for text in said[5:])
    assert said[-1].startswith("incident over after")


def test_what_was_before_is_in_the_timeline_of_the_next_only_if_it_was_not_long_ago():
    player = poisoned(incidents=IncidentSettings(quiet=5.0))
    player.register()
    player.wait(10.0)
    assert incidents(player) == []
    player.die("killed by SIGSEGV")
    assert any("trying to reconnect" in text for text in texts(*incidents(player)))
    player.register()
    player.wait(40.0)
    player.die("killed by SIGSEGV")
    assert not any("trying to reconnect" in text for text in texts(*incidents(player)))


def test_what_happens_while_several_are_open_is_in_each(desk):
    desk.note(RETRY)
    desk.note(DENIED)
    desk.incidents.witness(desk.now, "decision", "the breaker opens")
    assert [texts(each)[-1] for each in desk.open] == ["the breaker opens"] * 2


def test_a_flood_of_new_lines_is_bounded():
    player = Player(log=LogSettings(interval=0.0)).start()
    player.ask("\u0142ucja@example.org")
    player.stderr(RETRY)
    player.stderr(*[b"creds[7]: warn: line %d %s" % (each, b"x" * 3000) for each in range(500)])
    player.answer("00000001", "error")
    (incident,) = incidents(player)
    player.stderr(*[b"creds[7]: warn: more %d %s" % (each, b"x" * 3000) for each in range(500)])
    assert len(incident.case.steps) == MAX_FIRST + MAX_LAST
    assert len(incident.case.lines) == MAX_LINES
    assert max(len(text.encode()) for text in (*texts(incident), *incident.case.lines)) <= MAX_TEXT
    assert texts(incident)[-1].startswith("warn: more 499")


def test_the_backends_words_are_masked_in_it():
    player = Player().start()
    bad(player, "qalicezq", RETRY, b'creds[7]: warn: key too long: "qalicezq"')
    (incident,) = incidents(player)
    said = "".join([*texts(incident), *incident.case.lines])
    assert "key too long" in said
    assert "licezq" not in said


def test_in_observe_mode_the_backend_may_be_at_the_next_question_already():
    """smtpd 7.9 does not wait; what the backend writes is read before its answer is."""
    player = Player(mode="observe", version="7.9.0").start()
    first = player.ask("bob")
    player.ask("qalicezq")
    player.stderr(RETRY, b"creds[7]: warn: nobody is called qalicezq")
    player.answer(first, "error")
    assert "nobody is called q***" in player.log()
    (incident,) = incidents(player)
    assert "licezq" not in "".join([*texts(incident), *incident.case.lines])


def test_with_keys_in_the_log_nothing_of_the_log_is_in_it():
    player = poisoned(log=LogSettings(show_keys=True))
    player.register()
    player.die("killed by SIGSEGV")
    assert "\\u0142ucja@example.org" in player.log()
    first, second = incidents(player)
    for each in (first, second):
        assert (each.case.steps, list(each.case.lines)) == ([], [])
    assert list(first.case.keys) == [
        (
            "credentials",
            "***@example.org",
            "18 bytes, contains U+0142, which latin1 cannot hold",
        )
    ]
    assert first.case.cost.retries == 3


def test_lines_that_show_keys_are_marked_for_whoever_passes_them_on():
    """What was collapsed under the old settings is told when the new ones come."""
    player = Player(log=LogSettings(show_keys=True, interval=60.0)).start()
    for _ in range(3):
        bad(player, "qalicezq", b'creds[7]: warn: key too long: "qalicezq"')
    player.core.reload(player.now, Player().core.config)
    lines = [line for line in player.core.actions if isinstance(line, Log)]
    shown = [line for line in lines if "qalicezq" in line.text]
    assert [line.text.partition(":")[2].strip()[:8] for line in shown] == ["repeated"]
    assert all(line.private for line in shown)
    assert not lines[-1].private
    player.settle()


# --- the case file: keys


def test_the_keys_that_were_quarantined_are_in_it_masked():
    player = Player(spares=0).start()
    for name in ("\u0142ucja", "\u0142ukasz", "\u0142ucja"):
        bad(player, f"{name}@example.org", RETRY)
    (incident,) = incidents(player)
    assert [key[:2] for key in incident.case.keys] == [("credentials", "***@example.org")] * 2
    assert "U+0142" in next(iter(incident.case.keys))[2]


@pytest.mark.parametrize("lines", [(RETRY,), (RETRY, RECONNECT) * 9])
def test_auth_keys_are_never_in_it_not_even_their_length(lines):
    player = Player().greet()
    player.backend(b"register|auth\nregister|ready\n")
    for _ in range(2):
        id_ = player.ask("qu\u0142a:qhunter2zq", service="auth")
        player.stderr(*lines)
        if player.answer_to(id_) is None:
            player.answer(id_, "error")
        else:
            player.backend(b"register|auth\nregister|ready\n")
    (incident,) = incidents(player)
    assert not incident.case.keys
    said = " ".join(texts(incident))
    assert "hunter2zq" not in said
    assert "bytes" not in said


def test_a_key_belongs_to_the_sign_noted_last(desk):
    desk.incidents.involve("credentials", "a***", "")  # of none
    desk.note(RETRY)
    desk.note(DENIED)
    desk.incidents.involve("credentials", "b***", "")
    assert {each.error_class: list(each.case.keys) for each in desk.open} == {
        "query": [],
        "configuration": [("credentials", "b***", "")],
    }


# --- the case file: samples


def test_what_the_backend_uses_meanwhile_is_in_it():
    player = Player().start()
    player.wait(40.0)
    bad(player, "\u0142ucja@example.org", RETRY)
    player.usage = lambda now: Usage(1.5, 20_000_000, 9, None)
    player.wait(1000.0)
    (incident,) = player.core.incidents.closed
    at = [at for at, _ in incident.case.samples]
    assert at == sorted(at)
    assert incident.opened <= at[0] < at[-1] < incident.closed
    assert {used for _, used in incident.case.samples} == {Usage(1.5, 20_000_000, 9, None)}


# --- the case file: cost


def cost(player):
    (incident,) = incidents(player)
    return incident.case.cost


def test_the_cost_counts_from_before_the_first_sign():
    """The retries were made when the incident opens, and smtpd has its answer."""
    assert cost(poisoned()) == Spent(3, 2, 1, 1, 0.0)


def test_what_was_spent_before_on_others_is_not_its_cost():
    player = Player().start()
    for _ in range(3):
        bad(player, "alice", LOST, RECONNECT)
        player.wait(400.0)
    player.ask("bob")
    player.die("killed by SIGSEGV")
    player.register()
    assert cost(player) == Spent(0, 0, 1, 1, 0.0)
    player.wait(400.0)
    player.die("killed by SIGSEGV")  # with nobody asking
    assert cost(player) == Spent(0, 0, 0, 1, 0.0)


def test_a_probe_that_fails_is_no_temporary_error_of_smtpds():
    probe = BreakerSettings(threshold=1, probe="credentials probe@example.org")
    player = Player(breaker=probe).start()
    bad(player, "alice", LOST)
    player.wait(1.1)
    assert "probe@" in player.asked[1][-1]
    player.die("killed by SIGSEGV")
    (silent,) = [each for each in incidents(player) if each.signature == "backend-exit"]
    assert silent.case.cost == Spent(0, 0, 0, 1, 0.0)


def test_an_error_of_our_own_costs_what_it_answered():
    player = Player(version="7.9.0").start()
    for _ in range(3):
        player.ask()
    player.core.failed(player.now, "ValueError")
    player.settle()
    assert cost(player) == Spent(0, 0, 3, 1, 0.0)


def test_in_observe_mode_nothing_is_answered_or_replaced():
    player = Player(mode="observe").start()
    player.ask("\u0142ucja@example.org")
    player.stderr(RETRY, RECONNECT, RETRY, RECONNECT, RETRY)
    assert cost(player) == Spent(3, 2, 0, 0, 0.0)


def test_the_time_it_was_throttled_before_is_a_part_of_its_cost():
    player = Player(on_exhausted="throttle", deadline=20.0).start()
    player.ask()
    while not incidents(player):
        if player.running:
            player.stderr(LOST, RECONNECT)
        player.wait(0.01)
    assert 10.0 < cost(player).throttled < 20.0
    assert cost(player).throttled == player.core.counters.throttled
    assert cost(player).retries == player.core.counters.retries.total()


def test_it_goes_on_while_it_is_open_and_ends_with_it():
    player = Player(
        breaker=BreakerSettings(threshold=1, min_open=60.0, max_open=60.0),
        incidents=IncidentSettings(quiet=10.0),
    ).start()
    bad(player, "alice", LOST)
    for _ in range(7):
        player.ask("bob")
    player.wait(200.0)
    good(player)
    player.wait(1.0)
    (incident,) = player.core.incidents.closed
    assert incident.case.cost == Spent(1, 0, 7, 0, 0.0)
    player.die("killed by SIGSEGV")
    assert incident.case.cost == Spent(1, 0, 7, 0, 0.0)


@pytest.mark.parametrize("show_keys", [True, False])
def test_what_was_not_logged_is_booked_when_it_is_over(show_keys):
    player = Player(log=LogSettings(show_keys=show_keys, interval=3600.0)).start()
    for name in ("\u0142ucja", "\u0142ukasz"):
        bad(player, f"{name}@example.org", RETRY)
        for _ in range(5):
            bad(player, f"{name}@example.org")  # refused
        player.wait(301.0)
    assert [each.case.cost.tempfails for each in player.core.incidents.closed] == [5, 5]


# --- changes, for whoever tells of them


def test_every_change_is_counted_but_a_sample_is_none(desk):
    seen = []
    for change in (
        lambda: desk.note(RETRY),
        lambda: desk.note(RETRY),
        lambda: desk.incidents.did("a step"),
        lambda: desk.incidents.witness(desk.now, "note", "a note"),
        lambda: desk.incidents.traced(1, ["a line"]),
        lambda: desk.incidents.tick(desk.now + 300.0),
        lambda: desk.incidents.traced(1, ["another"]),
    ):
        change()
        (incident,) = (*desk.open, *desk.incidents.closed)
        seen.append((incident.version, desk.incidents.changes))
    assert all(one[0] < two[0] and one[1] < two[1] for one, two in pairwise(seen))
    desk.incidents.sample(desk.now, Usage(None, None, None, None))
    desk.incidents.did("a step")
    desk.incidents.witness(desk.now, "note", "of nobody")
    desk.incidents.traced(7, ["of none"])
    desk.incidents.tick(desk.now + 999.0)
    assert (incident.version, desk.incidents.changes) == seen[-1]


# --- traces


def test_the_incident_that_a_sign_would_open_is_known_before(desk):
    assert desk.incidents.expects(evidence(RETRY), "retries") == 1
    desk.note(RETRY, why="retries")
    assert desk.incidents.expects(evidence(RETRY), "deadline") == 0
    assert desk.incidents.expects(None, "deadline") == 2
    desk.note(why="deadline")
    assert [each.id for each in desk.open] == [1, 2]
    desk.incidents.tick(desk.now + 300.0)
    assert desk.incidents.expects(evidence(RETRY), "retries") == 3


def test_what_was_seen_belongs_to_its_incident_even_if_that_is_over(desk):
    desk.note(RETRY)
    desk.note(DENIED)
    desk.incidents.traced(2, ["connects"])
    desk.incidents.tick(desk.now + 300.0)
    desk.incidents.traced(1, ["computes"])
    assert [each.case.trace for each in desk.incidents.closed] == [["computes"], ["connects"]]
