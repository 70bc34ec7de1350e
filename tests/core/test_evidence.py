"""Evidence: what is charged to a request, and which of its errors counts."""

import itertools

import pytest
from tests.core.player import LOST, RECONNECT, RETRY

from tablewatch.core.evidence import Evidence
from tablewatch.knowledge.classify import Classifier, ErrorClass

DENIED = b"creds[7]: warn: mysql_real_connect: Access denied for user 'mail'@'localhost'"
STRANGE = b"creds[7]: warn: trying to reconnect after error: something never heard of"


def evidence(*lines):
    made = Evidence()
    for line in lines:
        made.note(Classifier().read(line))
    return made


def test_retries_and_reconnects_are_counted_apart():
    made = evidence(RETRY, RECONNECT, RETRY, RECONNECT, RECONNECT)
    assert (made.retries, made.reconnects, made.spent) == (2, 3, 3)


def test_a_known_error_is_told_in_plain_words():
    made = evidence(RETRY)
    assert made.error_class is ErrorClass.QUERY
    assert "character" in made.cause


def test_an_unknown_error_is_told_as_such():
    made = evidence(STRANGE)
    assert made.error_class is ErrorClass.UNKNOWN
    assert made.cause


def test_an_ordinary_line_is_no_evidence():
    made = evidence(b"creds[7]: debug: connected", b"anything at all")
    assert (made.spent, made.error_class, made.cause) == (0, None, "")


@pytest.mark.parametrize("lines", list(itertools.permutations([STRANGE, LOST, DENIED, RETRY])))
def test_the_weightiest_error_counts_whatever_the_order(lines):
    assert evidence(*lines).error_class is ErrorClass.QUERY
    rest = [line for line in lines if line is not RETRY]
    assert evidence(*rest).error_class is ErrorClass.CONFIGURATION
    rest.remove(DENIED)
    assert evidence(*rest).error_class is ErrorClass.CONNECTION


def test_clear_forgets_everything():
    made = evidence(RETRY, RECONNECT)
    made.clear()
    assert (made.spent, made.error_class, made.cause) == (0, None, "")
