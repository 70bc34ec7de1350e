"""Parameters in the text of a statement."""

import contextlib
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.doctor.sqlite_text import statement


@pytest.mark.parametrize(
    ("sql", "text", "parameters"),
    [
        ("SELECT 1", "SELECT 1", 0),
        ("SELECT a FROM t WHERE b = ?;", "SELECT a FROM t WHERE b = ?1", 1),
        ("SELECT ?, ?", "SELECT ?1, ?2", 2),
        ("SELECT ?1, ?1", "SELECT ?1, ?1", 1),
        ("SELECT ?3, ?", "SELECT ?3, ?4", 4),
        ("SELECT ?0000000003", "SELECT ?3", 3),
        ("SELECT :a, @b, $c, :a", "SELECT ?1, ?2, ?3, ?1", 3),
        ("SELECT '?', \"?\", `?`, [?], ?", "SELECT '?', \"?\", `?`, [?], ?1", 1),
        ("SELECT 'it''s ?' -- ?\n, ? /* ? */", "SELECT 'it''s ?' -- ?\n, ?1 /* ? */", 1),
        ("SELECT ?; SELECT ?, ?", "SELECT ?1", 1),
        ("SELECT ';', ?", "SELECT ';', ?1", 1),
        ("", "", 0),
    ],
)
def test_parameters_are_numbered_as_sqlite_does(sql, text, parameters):
    found = statement(sql)
    assert (found.text, found.parameters) == (text, parameters)


def test_a_number_that_sqlite_refuses_is_still_refused():
    found = statement("SELECT ?" + "9" * 5000)
    with (
        contextlib.closing(sqlite3.connect(":memory:")) as database,
        pytest.raises(sqlite3.Error, match="variable number"),
    ):
        database.execute(found.text)


def test_bytes_are_taken_for_text():
    found = statement("SELECT ? = ?, '?1'")
    assert found.as_bytes == "SELECT CAST(?1 AS TEXT) = ?2, '?1'"


@given(
    st.lists(
        st.sampled_from(["?", "?1", "?2", ":a", "'?'", '"b"', "1", "/* ? */ 2", "x'00'"]),
        min_size=1,
        max_size=6,
    )
)
def test_the_number_is_the_one_sqlite_wants(parts):
    """The driver refuses any other number of values."""
    found = statement(f"SELECT {', '.join(parts)}")
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute('CREATE TABLE t ("b")')
        database.execute(f"{found.text} FROM t", [None] * found.parameters)
        with pytest.raises(sqlite3.ProgrammingError):
            database.execute(f"{found.text} FROM t", [None] * (found.parameters + 1))
