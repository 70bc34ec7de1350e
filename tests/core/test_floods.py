"""A flood of stderr: every line counts, hardly any costs anything."""

import pytest
from tests.core.player import LOST, RECONNECT, RETRY, Player

CHAT = b"creds[7]: debug: row %d of the result"
ODD = b"creds[7]: warn: mysql_stmt_fetch: %d"


@pytest.fixture
def player():
    return Player().start()


def lines_told(player):
    return player.core.journal.backend_lines


def test_chatter_that_was_logged_before_changes_nothing_but_counts(player):
    player.stderr(CHAT % 1)
    due = player.core.next_deadline(player.now)
    asked = player.ask()
    logged = len(player.logged)
    player.stderr(*(CHAT % number for number in range(1000)))
    assert player.core.plain.settled
    assert len(player.logged) == logged
    assert lines_told(player) == 1001
    assert player.core.journal.collapsed == 1000
    player.answer(asked)
    assert player.core.next_deadline(player.now) == due


def test_the_first_line_of_its_kind_is_due_to_be_summed_up(player):
    player.core.next_deadline(player.now)
    player.stderr(CHAT % 1)
    assert player.core.next_deadline(player.now) <= player.now + 60.0
    player.stderr(CHAT % 2, CHAT % 3)
    player.wait(61.0)
    assert any("repeated 2 times" in text for text in player.logged)


@pytest.mark.parametrize("chatter", [0, 1, 500])
def test_each_reconnect_within_a_flood_is_counted(player, chatter):
    player.stderr(CHAT % 0)
    player.core.next_deadline(player.now)
    flood = [CHAT % number for number in range(chatter)]
    player.stderr(*flood, RECONNECT, *flood, LOST, RECONNECT, *flood)
    counters = player.core.counters
    assert (counters.retries.total(), counters.reconnects.total()) == (1, 2)
    assert player.core.judge.budget.balance(player.now) == 8.0
    assert lines_told(player) == 4 + 3 * chatter


def test_a_retry_at_the_end_of_a_flood_is_acted_upon_at_once(player):
    player.stderr(CHAT % 0, RETRY)
    asked = player.ask()
    player.stderr(*(CHAT % number for number in range(500)), RETRY, RETRY, RETRY)
    assert player.answers[-1].startswith(f"lookup-result|{asked}|error")


def test_an_error_said_a_thousand_times_is_still_whom_it_blames(player):
    player.stderr(b'creds[7]: warn: key too long: "x"')
    player.answer(player.ask("before"))
    asked = player.ask("alice")
    player.stderr(*[b'creds[7]: warn: key too long: "alice"'] * 1000, *[CHAT % 1] * 10)
    player.answer(asked, "error")
    assert player.core.judge.quarantine.size(player.now) == 1


def test_blank_lines_are_counted_and_not_logged(player):
    logged = len(player.logged)
    player.stderr(*[b"", b"creds[7]: "] * 10)
    assert (lines_told(player), len(player.logged)) == (20, logged)


def test_no_key_shows_that_was_asked_when_a_kind_of_line_was_seen_first(player):
    for number, key in enumerate(["alice", "bob77", "carol"]):
        asked = player.ask(key)
        player.stderr(*[f"creds[7]: debug: asked for {key} {number}".encode()] * 3)
        player.answer(asked)
        player.wait(200.0)
    shown = [text for text in player.logged if "asked for" in text]
    assert len(shown) >= 3
    assert not [text for text in shown if "alice" in text or "bob77" in text or "carol" in text]
