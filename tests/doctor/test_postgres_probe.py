"""What becomes of keys that a client can send."""

import pytest

from tablewatch.doctor.findings import Medium, Severity
from tablewatch.doctor.keys import NASTY, PLAIN
from tablewatch.doctor.patterns import PATTERNS
from tablewatch.doctor.postgres_asking import ServerError
from tablewatch.doctor.postgres_probe import examine_nasty, examine_plainest

from .played_postgres import PlayedServer, about, case

BEYOND = next(each.key for each in NASTY if each.kind == "beyond latin1")
INVALID = next(each.key for each in NASTY if each.kind == "invalid UTF-8")
UNTRANSLATABLE = ServerError("22P05", 'character with byte sequence 0xc5 has no equivalent in "X"')
NOT_TEXT = ServerError("22021", 'invalid byte sequence for encoding "UTF8": 0xff')
TIMEOUT = ServerError("57014", "canceling statement due to statement timeout")


def nasty(keys, facts=None, **more):
    return list(examine_nasty(case(PlayedServer(keys=keys), facts, **more)))


def plainest(answer, **more):
    return list(examine_plainest(case(PlayedServer(keys={PLAIN.key: answer}), **more)))


@pytest.mark.parametrize("answer", [True, False])
def test_a_plain_key_that_is_answered_is_no_finding(answer):
    assert plainest(answer) == []


@pytest.mark.parametrize(
    ("error", "what", "severity"),
    [
        (ServerError("42501", "permission denied for table users"), "probe", Severity.CRITICAL),
        (ServerError("08001", "could not connect to server"), "probe", Severity.CRITICAL),
        (TIMEOUT, "slow", Severity.WARNING),
        (ServerError("25006", "cannot execute INSERT"), "unchecked", Severity.NOTE),
    ],
)
def test_a_plain_key_that_fails(error, what, severity):
    (finding,) = plainest(error)
    assert (finding.id, finding.severity) == (f"postgres-{what}", severity)


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("table users", 'GRANT SELECT ON "users" TO "smtpd";'),
        ("view v", 'GRANT SELECT ON "v" TO "smtpd";'),
        ("schema mail", 'GRANT USAGE ON SCHEMA "mail" TO "smtpd";'),
    ],
)
def test_what_is_denied_is_granted(text, statement):
    (finding,) = plainest(ServerError("42501", f"permission denied for {text}"))
    assert finding.repair[0].text == statement


def test_keys_that_are_not_found_are_no_finding():
    assert nasty({}) == []


def test_keys_that_fail_are_shown_with_their_error():
    (finding,) = nasty({BEYOND: UNTRANSLATABLE}, about(encoding="LATIN1"))
    assert (finding.id, finding.severity) == ("postgres-probe", Severity.WARNING)
    assert finding.proof == f'{UNTRANSLATABLE}\n  beyond latin1 ("{BEYOND.decode()}")'
    assert "UTF8" in finding.repair[0].text


def test_keys_that_make_table_postgres_loop_are_critical():
    lost = ServerError("", "server closed the connection unexpectedly", lost=True)
    (finding,) = nasty({BEYOND: lost})
    assert finding.severity is Severity.CRITICAL
    assert "without an end" in finding.why


def test_after_a_lost_connection_no_more_is_asked():
    lost = ServerError("", "server closed the connection unexpectedly", lost=True)
    findings = nasty({BEYOND: lost, b"%": True})
    assert [each.id for each in findings] == ["postgres-probe"]


def test_bytes_that_are_no_utf8_are_in_no_column_of_utf8():
    assert nasty({INVALID: NOT_TEXT}, watched=True) == []
    (finding,) = nasty({INVALID: NOT_TEXT}, watched=False)
    assert (finding.id, finding.severity) == ("postgres-not-text", Severity.NOTE)
    assert (finding.repair[0].medium, finding.place) == (Medium.FILE, "/etc/mail/creds.conf")


def test_in_another_encoding_they_are_one_more_failure():
    (finding,) = nasty({INVALID: NOT_TEXT}, about(encoding="EUC_JP"))
    assert finding.id == "postgres-probe"


def test_slow_keys_are_told_apart_from_failing_ones():
    found = nasty({BEYOND: TIMEOUT, INVALID: UNTRANSLATABLE})
    assert {each.id for each in found} == {"postgres-slow", "postgres-probe"}


def test_a_pattern_that_finds_somebody_is_nobody_s():
    (finding,) = nasty({PATTERNS[0].key: True})
    assert (finding.id, finding.severity) == ("postgres-match", Severity.WARNING)
    assert '"%"' in finding.proof


def test_a_query_that_finds_somebody_for_every_key_means_it():
    assert nasty({PLAIN.key: True, PATTERNS[0].key: True}) == []
