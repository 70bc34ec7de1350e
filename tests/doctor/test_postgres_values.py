"""Values that smtpd can't use, by counts and never by themselves."""

import pytest

from tablewatch.doctor.findings import Severity
from tablewatch.doctor.patient import Query
from tablewatch.doctor.postgres_asking import Column, ServerError
from tablewatch.doctor.postgres_values import examine_values

from .played_postgres import TWO, PlayedServer, case

DOMAIN = Query("domain", "query_domain", "SELECT name FROM domains WHERE name = $1;", 3, 1, 1)
ODD = Query("alias", "query_alias", "SELECT a FROM t WHERE f($1) = ANY (b)", 3, 1, 1)
NAME = (Column("name", 7, 1),)
ORIGIN = {"quote_ident": [["public.users", "hash", "r"]]}


def found(counts, query=DOMAIN, columns=NAME, watched=False, **answers):
    server = PlayedServer({"count(*)": [["10", *counts]]} | ORIGIN | answers)
    return list(examine_values(case(server, query=query, watched=watched), columns)), server


def test_rows_without_such_values_are_no_finding():
    assert found(["0", "0", "0"])[0] == []


def test_all_rows_are_looked_at_that_the_query_can_find():
    _, server = found(["0", "0", "0"])
    assert "(SELECT name FROM domains WHERE name = name) AS found(c1)" in server.asked[0]
    assert "LIMIT 100000" in server.asked[0]


def test_where_that_is_unclear_the_column_s_own_table_is():
    _, server = found(["0", "0", "0"], query=ODD)
    assert "(SELECT hash AS c1 FROM public.users LIMIT 100000)" in server.asked[-1]


def test_an_expression_of_an_unclear_query_is_left_alone():
    assert found([], query=ODD, columns=(Column("x"),))[0] == []


@pytest.mark.parametrize(
    ("counts", "title", "severity"),
    [
        (["1", "0", "0"], "an empty value or NULL", Severity.CRITICAL),
        (["0", "1", "0"], "a value with a line end", Severity.CRITICAL),
        (["0", "0", "1"], "a value too long", Severity.WARNING),
    ],
)
def test_a_value_that_is_the_whole_answer(counts, title, severity):
    (finding,), _ = found(counts)
    assert (finding.id, finding.severity) == ("postgres-values", severity)
    assert title in finding.title
    assert finding.proof == "column name: 1 of 10 rows"


def test_a_supervisor_answers_in_its_place():
    (finding,), _ = found(["1", "0", "0"], watched=True)
    assert finding.severity is Severity.WARNING


def test_half_a_credential_only_fails_its_own_login():
    query = Query("credentials", "query_credentials", "SELECT m, h FROM u WHERE m = $1", 2, 1, 2)
    (finding,), _ = found(["0", "0", "0", "2", "0", "0"], query=query, columns=TWO)
    assert finding.severity is Severity.WARNING
    assert finding.proof == "column hash: 2 of 10 rows"


def test_the_repair_shows_whose_rows_they_are_and_no_hash():
    query = Query("credentials", "query_credentials", "SELECT m, h FROM u WHERE m = $1", 2, 1, 2)

    class Server(PlayedServer):
        def rows(self, sql, *values):
            if "quote_ident" in sql:
                return [["public.users", "mail" if values[1] == "1" else "hash", "r"]]
            return super().rows(sql, *values)

    server = Server({"count(*)": [["10", "0", "0", "0", "2", "0", "0"]]})
    (finding,) = examine_values(case(server, query=query), TWO)
    show, keep_out = (step.text for step in finding.repair)
    assert show.startswith("SELECT ctid, mail FROM public.users WHERE coalesce(hash::text")
    assert keep_out.endswith("NOT VALID;")


def test_rows_of_a_view_have_no_constraint():
    (finding,), _ = found(["1", "0", "0"], quote_ident=[["public.v", "name", "v"]])
    assert [step.client for step in finding.repair] == [""]


def test_what_can_not_be_counted_is_said():
    answers = {"count(*)": ServerError("57014", "canceling statement due to statement timeout")}
    (finding,), _ = found([], **answers)
    assert finding.id == "postgres-unchecked"
