"""Evidence: what is charged to a request, and when its key may be blamed."""

from tests.core.player import LOST, RECONNECT, RETRY

from tablewatch.core.evidence import Evidence
from tablewatch.knowledge.classify import Classifier


def evidence(*lines):
    made = Evidence()
    for line in lines:
        made.note(Classifier().read(line))
    return made


def test_retries_and_reconnects_are_counted_apart():
    made = evidence(RETRY, RECONNECT, RETRY, RECONNECT, RECONNECT)
    assert (made.retries, made.reconnects, made.spent) == (2, 3, 3)


def test_a_query_error_puts_the_blame_on_the_key():
    assert "character" in evidence(RETRY).query_error


def test_a_lost_connection_does_not():
    made = evidence(LOST)
    assert made.query_error == ""
    assert made.trouble != ""


def test_an_ordinary_line_is_no_evidence():
    made = evidence(b"creds[7]: debug: connected", b"anything at all")
    assert (made.spent, made.query_error, made.trouble) == (0, "", "")


def test_clear_forgets_everything():
    made = evidence(RETRY, RECONNECT)
    made.clear()
    assert (made.spent, made.query_error, made.trouble) == (0, "", "")


def test_clear_forgets_reconnects_that_were_no_trouble():
    made = evidence(RECONNECT)
    made.clear()
    assert made.spent == 0
