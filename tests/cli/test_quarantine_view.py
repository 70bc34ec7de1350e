import pytest
from tests.cli.fake_daemon import entry

from tablewatch.cli.daemon_control import Outcome
from tablewatch.cli.paper import Paper, cells
from tablewatch.cli.quarantine_view import lines
from tablewatch.control.entries import QuarantineEntry


def outcome(*entries):
    return Outcome(True, "", total=len(entries), entries=[QuarantineEntry(**e) for e in entries])


def test_keys_stand_below_their_reason():
    by_hand = entry(3, reason="refused by an operator", shown="m***", service="userinfo", hits=0)
    shown = lines("creds", outcome(entry(1), by_hand, entry(2)), Paper(80))
    assert shown == [
        "creds: 3 refused keys",
        "",
        "the key has characters that the column's character set can't hold",
        "ID   SERVICE      KEY               SINCE    LEFT  OFFENCES  HITS",
        "id1  credentials  a***@example.org  5m13s  54m48s         1    17",
        "id2  credentials  a***@example.org  5m14s  54m48s         1    17",
        "",
        "refused by an operator",
        "ID   SERVICE   KEY   SINCE    LEFT  OFFENCES  HITS",
        "id3  userinfo  m***  5m15s  54m48s         1     0",
    ]


def test_a_table_without_refused_keys_says_so():
    assert lines("creds", outcome(), Paper(80)) == ["creds: no key is refused"]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width):
    long = entry(1, shown="a***@" + "very-long-domain." * 8 + "example.org", reason="why " * 60)
    shown = lines("customers-of-the-north", outcome(long, entry(2)), Paper(width))
    assert max(map(cells, shown)) <= width
    assert any("id1" in line for line in shown)


def test_nothing_from_elsewhere_reaches_the_terminal_as_it_is():
    evil = entry(1, shown="a\x1b[2J", reason="b\nc", service="d\u202e")
    shown = lines("t\x1b", outcome(evil), Paper(80))
    assert all(line.isprintable() for line in shown)
