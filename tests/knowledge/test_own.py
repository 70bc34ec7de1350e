"""Patterns of the administrator's own: before everything built in, and never mistaken for it."""

import pytest

from tablewatch.config.patterns import ERROR_SIGNS, MEDIA, OTHER_SIGNS, Pattern, PatternStep
from tablewatch.knowledge.catalogue import entries
from tablewatch.knowledge.classify import MAX_TEXT, Classifier
from tablewatch.knowledge.own import PREFIX, own
from tablewatch.knowledge.records import ErrorClass, Own, Sign
from tablewatch.knowledge.repair import Medium, Step
from tablewatch.knowledge.repairs.silent import SILENT

QUOTA = Pattern(
    "quota",
    lines=("warn: quota of * exceeded", "quota service: *: no quota"),
    error_class="configuration",
    cause="the user has no quota",
    repair="give the user a quota",
    steps=(PatternStep("shell", "quota NAME"), PatternStep("file", "x = 1", "/etc/quota")),
    references=("quota(1)",),
)
MAINTENANCE = Pattern(
    "maintenance",
    messages=("Maintenance until *", "Access denied for user '*' by policy"),
    error_class="connection",
    cause="the database is being worked on",
)


def read(line, *patterns):
    return Classifier(own=own(patterns)).read(line)


def test_a_line_is_known_by_its_parts_in_order():
    reading = read(b"creds[1]: warn: quota of alice exceeded by 7", QUOTA)
    assert reading.signature == "local-quota"
    assert (reading.sign, reading.error_class) == (Sign.ERROR, ErrorClass.CONFIGURATION)
    assert reading.cause == "the user has no quota"
    assert reading.text == "warn: quota of alice exceeded by 7"


@pytest.mark.parametrize(
    "line",
    [
        b"creds[1]: warn: quota of alice",
        b"creds[1]: x warn: quota of alice exceeded",
        b"creds[1]: exceeded warn: quota of alice",
    ],
)
def test_a_line_without_one_of_the_parts_or_with_another_beginning_is_not(line):
    assert read(line, QUOTA).signature != "local-quota"


def test_each_of_several_lines_counts():
    assert read(b"creds[1]: quota service: alice: no quota", QUOTA).signature == "local-quota"


def test_the_repair_goes_with_it():
    repair = read(b"warn: quota of alice exceeded", QUOTA).repair
    assert repair.summary == "give the user a quota"
    assert repair.steps == (
        Step(Medium.SHELL, "quota NAME"),
        Step(Medium.FILE, "x = 1", "/etc/quota"),
    )
    assert repair.references == ("quota(1)",)
    assert repair.for_table("creds").steps[0].text == "quota creds"


def test_a_pattern_without_a_repair_has_none():
    assert read(b"warn: mysql_stmt_execute: Maintenance until 9", MAINTENANCE).repair is None


def test_a_message_is_looked_for_behind_what_the_backend_puts_before_it():
    for start in (
        b"mysql_stmt_execute: ",
        b"PQexecPrepared: ERROR:  ",
        b"trying to reconnect after error: ",
    ):
        reading = read(b"creds[1]: warn: " + start + b"Maintenance until 9", MAINTENANCE)
        assert (reading.signature, reading.error_class) == (
            "local-maintenance",
            ErrorClass.CONNECTION,
        )
    assert reading.sign is Sign.RETRY  # of the line, not of the pattern


def test_a_message_at_the_beginning_of_a_line_is_no_message():
    assert read(b"creds[1]: Maintenance until 9", MAINTENANCE).signature == "other"


def test_own_patterns_come_before_those_built_in():
    reading = read(b"warn: mysql_stmt_execute: Access denied for user 'x' by policy", MAINTENANCE)
    assert reading.signature == "local-maintenance"
    theirs = Pattern(
        "gone", lines=("warn: mysql_stmt_execute: Server has*",), error_class="query", cause="a key"
    )
    reading = read(b"warn: mysql_stmt_execute: Server has gone away", theirs)
    assert (reading.signature, reading.error_class) == ("local-gone", ErrorClass.QUERY)


def test_the_first_of_several_counts():
    first, second = QUOTA._replace(name="a"), QUOTA._replace(name="b")
    assert read(b"warn: quota of x exceeded", first, second).signature == "local-a"


def test_a_message_that_blames_the_key_does_not_where_no_key_can_be_at_fault():
    mine = MAINTENANCE._replace(error_class="query")
    reading = read(b"warn: mysql_stmt_prepare: Maintenance until 9", mine)
    assert (reading.signature, reading.error_class) == (
        "local-maintenance",
        ErrorClass.CONFIGURATION,
    )


def test_a_line_that_is_no_error_can_be_told_of():
    mine = Pattern("connects", lines=("dial *",), sign="reconnect")
    reading = read(b"creds[1]: dial 192.0.2.1", mine)
    assert (reading.sign, reading.error_class, reading.cause) == (Sign.RECONNECT, None, "")


@pytest.mark.parametrize("sign", [*ERROR_SIGNS, *OTHER_SIGNS])
def test_every_sign_that_may_be_written_is_one(sign):
    error_class = "unknown" if sign in ERROR_SIGNS else ""
    mine = Pattern("x", lines=("abcd",), sign=sign, error_class=error_class)
    assert read(b"abcd", mine).sign.value == sign


def test_the_words_of_the_files_are_those_of_the_knowledge_base():
    assert set(MEDIA) == {medium.value for medium in Medium}
    assert {*ERROR_SIGNS, *OTHER_SIGNS} == {sign.value for sign in Sign}


def test_lines_that_fit_are_of_one_group_whatever_stands_for_the_star():
    one = read(b"warn: quota of alice exceeded", QUOTA)
    assert one.group == read(b"warn: quota of bob exceeded", QUOTA).group
    assert "alice" not in one.group


def test_a_long_line_is_shown_short_and_known_all_the_same():
    reading = read(b"warn: quota of " + b"x" * 1900 + b" exceeded", QUOTA)
    assert reading.signature == "local-quota"
    assert len(reading.text) == MAX_TEXT


def test_no_name_can_be_one_of_ours():
    taken = {*entries(), *SILENT}
    assert not any(id_.startswith(PREFIX) for id_ in taken)


def test_nothing_of_ones_own_is_nothing():
    assert own(()) == Own()
