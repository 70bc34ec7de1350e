"""Journal: every line once, none with a secret."""

import pytest
from tests.core.player import RECONNECT, RETRY

from tablewatch.config.settings import LogSettings
from tablewatch.core.actions import Priority
from tablewatch.core.journal import Journal
from tablewatch.knowledge.classify import Classifier

KEY = b"alice@example.org"
QUOTES_KEY = b'creds[7]: warn: key too long: "alice@example.org"'


@pytest.fixture
def lines():
    return []


@pytest.fixture
def journal(lines):
    return Journal(LogSettings(interval=60.0), "creds", lines.append)


def read(line):
    return Classifier().read(line)


def nothing():
    return [], []


def the_key():
    return [KEY], []


def test_a_line_names_its_table(journal, lines):
    journal.say(Priority.NOTICE, "x", "something happened", 0.0)
    assert (lines[0].priority, lines[0].text) == (
        Priority.NOTICE,
        "table creds: something happened",
    )


def test_a_backend_line_is_told_apart_from_ours_and_loses_its_pid(journal, lines):
    journal.relay(read(RECONNECT), nothing, 0.0)
    assert lines[0].text == "table creds: backend: debug: (re)connecting"


def test_errors_weigh_more_than_chatter(journal, lines):
    journal.relay(read(RETRY), nothing, 0.0)
    journal.relay(read(RECONNECT), nothing, 0.0)
    assert [line.priority for line in lines] == [Priority.WARNING, Priority.INFO]


def test_repetitions_become_one_line_per_interval(journal, lines):
    for _ in range(3000):
        journal.relay(read(RETRY), nothing, 1.0)
    assert len(lines) == 1
    due = journal.next_due()
    journal.tick(due)
    assert len(lines) == 2
    assert "repeated 2999 times" in lines[1].text


def test_what_was_not_logged_before_is_no_repetition(journal, lines):
    assert not journal.repeats(read(RETRY).group, 1.0)
    assert (journal.backend_lines, lines) == (0, [])


def test_a_repetition_is_counted_as_if_it_were_relayed(journal, lines):
    journal.relay(read(RETRY), nothing, 1.0)
    for _ in range(2999):
        assert journal.repeats(read(RETRY).group, 1.0)
    assert (journal.backend_lines, journal.collapsed, len(lines)) == (3000, 2999, 1)
    journal.tick(journal.next_due())
    assert "repeated 2999 times" in lines[1].text


def test_what_a_line_might_quote_is_asked_only_if_it_is_logged(journal, lines):
    asked = []

    def quotable():
        asked.append(1)
        return [], []

    for _ in range(3):
        journal.relay(read(RETRY), quotable, 1.0)
    assert len(asked) == len(lines) == 1


def test_a_password_is_not_shown_even_where_keys_are(lines):
    journal = Journal(LogSettings(show_keys=True), "creds", lines.append)
    journal.relay(read(b"creds[7]: warn: no hunter22 here"), lambda: ([], [b"hunter22"]), 1.0)
    assert "hunter22" not in lines[0].text


def test_what_was_collapsed_is_told_at_the_end(journal, lines):
    for _ in range(5):
        journal.relay(read(RETRY), nothing, 1.0)
    journal.flush(2.0)
    assert "repeated 4 times" in lines[-1].text


def test_a_key_quoted_by_a_backend_is_masked_in_every_line(journal, lines):
    for _ in range(3):
        journal.relay(read(QUOTES_KEY), the_key, 1.0)
    journal.flush(2.0)
    assert len(lines) == 2
    assert not [line for line in lines if "alice" in line.text]


def test_keys_are_shown_where_the_operator_asks_for_them(lines):
    journal = Journal(LogSettings(show_keys=True), "creds", lines.append)
    journal.relay(read(QUOTES_KEY), the_key, 1.0)
    assert "alice@example.org" in lines[0].text


def test_a_report_somebody_asked_for_is_logged_however_much_else_there_is(journal, lines):
    for number in range(10_000):
        journal.say(Priority.WARNING, f"quarantine {number}", f"key {number}", 1.0)
    for _ in range(2):
        journal.report("counters: 3 requests")
    assert [each.text for each in lines[-2:]] == ["table creds: counters: 3 requests"] * 2
