"""Which queries table-postgres can use."""

import pytest

from tablewatch.doctor.findings import Medium, Severity
from tablewatch.doctor.patient import Query
from tablewatch.doctor.postgres_asking import Column, Prepared, ServerError
from tablewatch.doctor.postgres_queries import examine_shape, loops, reason, repairs, unprepared

from .played_postgres import CONF, case


def prepared(parameters, columns):
    return Prepared(parameters, tuple(Column(f"column{number}") for number in range(columns)))


def shape(parameters, columns, **more):
    return list(examine_shape(case(**more), prepared(parameters, columns)))


def test_one_parameter_and_two_columns_are_right_for_credentials():
    assert shape(1, 2) == []


@pytest.mark.parametrize(
    ("parameters", "columns", "severity", "proof"),
    [
        (2, 2, Severity.CRITICAL, "$1 alone expected, it has $1 to $2"),
        (0, 2, Severity.CRITICAL, "$1 alone expected, it has no parameter"),
        (1, 0, Severity.CRITICAL, "it is no SELECT"),
        (1, 1, Severity.CRITICAL, "2 columns expected, it has 1 column"),
        (1, 3, Severity.WARNING, "used: column0, column1"),
    ],
)
def test_anything_else_is_not(parameters, columns, severity, proof):
    (finding,) = shape(parameters, columns)
    assert (finding.id, finding.severity) == ("postgres-query", severity)
    assert proof in finding.proof
    assert finding.place == f"{CONF}:2"


def test_a_fetch_has_no_parameter():
    query = Query("source", "fetch_source", "SELECT address FROM sources", 3, 0, 1)
    assert shape(0, 1, query=query) == []
    assert shape(1, 1, query=query) != []


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (ServerError("08P01", "bind message supplies 1 parameters"), True),
        (ServerError("08001", "could not connect to server"), True),
        (ServerError("", "server closed the connection unexpectedly", lost=True), True),
        (ServerError("57P01", "terminating connection", lost=True), True),
        (ServerError("22021", "invalid byte sequence"), False),
        (ServerError("26000", "prepared statement"), False),
    ],
)
def test_what_table_postgres_asks_again_for(error, retried):
    assert loops(error) is retried


def test_a_question_mark_is_another_backend_s_parameter():
    query = Query("domain", "query_domain", "SELECT domain FROM d WHERE domain = ?", 4, 1, 1)
    finding = unprepared(case(query=query), ServerError("42601", "syntax error at end of input"))
    (step,) = finding.repair
    assert (step.medium, step.file) == (Medium.FILE, CONF)
    assert step.text == "query_domain SELECT domain FROM d WHERE domain = $1"


def test_other_errors_get_the_repair_of_the_knowledge_base():
    error = ServerError("42P01", 'relation "users" does not exist')
    (step,) = unprepared(case(), error).repair
    assert "smtpctl update table creds" in step.text
    assert "does not exist" in reason(error)


def test_what_the_knowledge_base_lacks_is_not_explained():
    error = ServerError("XX000", "something new")
    assert (reason(error), repairs(case(), error)) == ("", [])


def test_a_foreign_server_that_is_away_is_not_our_own():
    error = ServerError("08001", 'could not connect to server "panel"')
    assert "another server" in reason(error)
    assert "foreign" in repairs(case(), error)[0].text
