"""What EXPLAIN says, and which index it asks for."""

import json

import pytest

from tablewatch.doctor.findings import Severity
from tablewatch.doctor.postgres_asking import ServerError
from tablewatch.doctor.postgres_plan import compared, examine_plan

from .played_postgres import PlayedServer, case

KEY = "nobody@tablewatch.invalid"
FILTER = f"((users.mail)::text = '{KEY}'::text)"


def plan(*nodes):
    """A played server whose plan is a join of `nodes`."""
    text = json.dumps([{"Plan": {"Node Type": "Nested Loop", "Plans": list(nodes)}}])
    facts = [["20000", "mail", "character varying"], ["20000", "id", "integer"]]
    return PlayedServer({"EXPLAIN": [[text]], "pg_class": facts})


def scan(**changes):
    return {"Node Type": "Seq Scan", "Relation Name": "users", "Schema": "public"} | changes


def found(*nodes, watched=True):
    return list(examine_plan(case(plan(*nodes), watched=watched)))


@pytest.mark.parametrize(
    ("condition", "columns"),
    [
        (FILTER, [("", "mail")]),
        (f"((mail)::text = '{KEY}'::text)", [("", "mail")]),
        (f"(lower((u.mail)::text) = '{KEY}'::text)", [("lower", "mail")]),
        (f'(("Odd T"."E Mail")::text = \'{KEY}\'::text)', [("", "E Mail")]),
        (f"('{KEY}'::text = t.mail)", [("", "mail")]),
        (f"((a.x = 1) AND ((a.mail)::text = '{KEY}'::text))", [("", "mail")]),
        (
            f"(((u.a)::text = '{KEY}'::text) OR ((u.b)::text = '{KEY}'::text))",
            [("", "a"), ("", "b")],
        ),
        (f"((users.mail)::text ~ '{KEY}'::text)", []),
        (f"('{KEY}'::text ~~ ('%'::text || (d.domain)::text))", []),
        ("((users.mail)::text = 'somebody'::text)", []),
        ("", []),
    ],
)
def test_what_the_key_is_compared_with(condition, columns):
    assert compared(condition) == columns


def test_a_table_that_is_read_whole_asks_for_an_index():
    (finding,) = found(scan(Filter=FILTER))
    assert (finding.id, finding.severity) == ("postgres-index", Severity.WARNING)
    (step,) = finding.repair
    assert step.text == 'CREATE INDEX CONCURRENTLY ON "public"."users" ("mail");'


def test_so_does_an_index_that_is_read_whole():
    nodes = scan(**{"Node Type": "Index Only Scan"}, Filter=FILTER)
    assert [each.id for each in found(nodes)] == ["postgres-index"]


@pytest.mark.parametrize(
    "node",
    [
        scan(),  # the table of a join that has nothing to do with the key
        scan(**{"Node Type": "Index Scan", "Index Cond": FILTER}),
        scan(**{"Node Type": "Index Scan", "Index Cond": FILTER}, Filter="(active = 1)"),
        {"Node Type": "Function Scan", "Filter": FILTER},
    ],
)
def test_nothing_to_say(node):
    assert found(node) == []


def test_no_index_on_what_is_no_text():
    condition = f"((users.id)::text = '{KEY}'::text)"
    (finding,) = found(scan(Filter=condition))
    assert "CREATE INDEX" not in finding.repair[0].text


def test_a_pattern_is_served_by_no_index():
    (finding,) = found(scan(Filter=f"((users.mail)::text ~ '{KEY}'::text)"))
    assert "CREATE INDEX" not in finding.repair[0].text


@pytest.mark.parametrize(
    ("watched", "severity"), [(True, Severity.NOTE), (False, Severity.WARNING)]
)
def test_a_foreign_table_is_another_server(watched, severity):
    (finding,) = found(scan(**{"Node Type": "Foreign Scan"}), watched=watched)
    assert (finding.id, finding.severity) == ("postgres-foreign", severity)


@pytest.mark.parametrize("answer", [ServerError("42601", "no"), [["{}"]], [["no JSON"]], []])
def test_a_plan_that_can_not_be_had_is_said(answer):
    (finding,) = examine_plan(case(PlayedServer({"EXPLAIN": answer})))
    assert (finding.id, finding.severity) == ("postgres-unchecked", Severity.NOTE)
