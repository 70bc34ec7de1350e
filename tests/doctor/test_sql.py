import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stack.schema import SENDERS

from tablewatch.doctor.sql import TableName, any_key, compared_column, names, words


def tables(text):
    return [(each.schema, each.name, each.alias) for each in names(text).tables]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("select mail from vusers where mail = ?", [("", "vusers", "vusers")]),
        ("SELECT `m l` FROM `v users` AS u", [("", "v users", "u")]),
        ("select 1 from db.t x, u y where a in (1, 2)", [("db", "t", "x"), ("", "u", "y")]),
        ("select 1 from `db`.`t` left join u on (t.a = u.b)", [("db", "t", "t"), ("", "u", "u")]),
        ("select 1 from (a, b) join c on x", [("", "a", "a"), ("", "b", "b"), ("", "c", "c")]),
        ("select x from (select y from inner_t) as d", [("", "inner_t", "inner_t")]),
        ("select a from t where b in (select c from u)", [("", "t", "t"), ("", "u", "u")]),
        ("select a from t union select b from u", [("", "t", "t"), ("", "u", "u")]),
        ("select 'from nowhere' -- from a comment\nfrom t /* from c */", [("", "t", "t")]),
        ("select extract(year from d), f(a, b) from t", [("", "d", "d"), ("", "t", "t")]),
        ("select a from t order by b, c", [("", "t", "t")]),
        ("select ?", []),
    ],
)
def test_tables_are_found_where_they_can_stand(text, found):
    assert tables(text) == found


def test_the_query_of_the_incident_is_understood():
    found = names(SENDERS)
    assert {each.name for each in found.tables} == {"valias", "t", "vdomains", "vusers"}
    assert TableName("", "vdomains", "vd") in found.tables
    assert {"alias", "addr", "domain", "mail"} <= found.words
    assert not found.simple
    assert not found.everything


@pytest.mark.parametrize(
    ("text", "simple"),
    [
        ("select a from t where b = ?", True),
        ("select a from t, u where b = ?", False),
        ("select a from t union select a from t", False),
        ("with x as (select a from t) select * from x", False),
    ],
)
def test_simple_is_one_select_from_one_table(text, simple):
    assert names(text).simple is simple


@pytest.mark.parametrize(
    ("text", "everything"),
    [
        ("select * from t", True),
        ("select t.* from t", True),
        ("select a, b * 2 from t", False),
        ("select count(*) from t", False),
    ],
)
def test_everything_is_selected_by_a_star(text, everything):
    assert names(text).everything is everything


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("select a from t where mail = ?", "mail"),
        ("select a from t where ok = 1 and u.`mail`=? limit 1", "u.`mail`"),
        ("select a from t where (mail = ?)", "mail"),
        ("select a from t where ? = mail", "mail"),
        ("select a from t where ? = u.mail and ok", "u.mail"),
        ("select a from t where ? = mail + 1", ""),
        ("select a from t where x + mail = ?", ""),
        ("select a from t where mail = ? or alias = ?", ""),
        ("select mail = ? from t", ""),
        ("select a from t where lower(mail) = ?", ""),
        ("select a from t where mail like ?", ""),
        ("select '= ?' from t", ""),
        ("select ?", ""),
    ],
)
def test_the_column_a_key_is_compared_with(text, column):
    assert compared_column(text) == column


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("select a, b from t where c = ?", "select a, b from t where c = c"),
        ("select a from t where ok and u.c=? limit 1;", "select a from t where ok and u.c=u.c"),
        ("select a from t where c = ? ;  ", "select a from t where c = c"),
        ("select a from t where c=?and b", "select a from t where c=c and b"),
        ("select a from t where?=c and b", "select a from t where c=c and b"),
        ("select a from t where c like ?", ""),
        ("select a from t where c = ? union select b from u", ""),
        ("with x as (select 1) select a from t where c = ?", ""),
        ("select a from t where d in (select e from u where f = ?)", ""),
        (SENDERS, ""),
    ],
)
def test_what_any_key_can_find(text, found):
    assert any_key(text) == found


@given(st.text(max_size=200))
def test_any_text_is_read(text):
    names(text)
    any_key(text)
    assert all(each.text or each.kind == "quoted" for each in words(text))


@given(st.text("selctfromjin ,.()`'\"*?=", max_size=100))
def test_any_near_miss_is_read(text):
    names(text)
    any_key(text)
