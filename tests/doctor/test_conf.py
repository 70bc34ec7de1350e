import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.doctor import conf
from tablewatch.doctor.findings import Severity
from tablewatch.errors import DoctorError

MYSQL = """\
# the mail server's account
host db.example.org
username: smtpd
  password : secret: with a colon
database\t\tmail

query_credentials select mail, c_password from vusers where mail = ?
fetch_source select address from sources
fetch_source_expire 10
"""


def parse(text, backend="mysql"):
    return conf.parse(backend, "/c", "creds", text)


def test_keys_and_values_are_split_as_the_backend_does():
    read = parse(MYSQL)
    assert read.options == {
        "host": "db.example.org",
        "username": "smtpd",
        "password": "secret: with a colon",
        "database": "mail",
        "fetch_source_expire": "10",
    }
    assert not read.findings


def test_queries_know_what_is_expected_of_them():
    credentials, fetch = parse(MYSQL).queries
    assert (credentials.service, credentials.key, credentials.line) == (
        "credentials",
        "query_credentials",
        7,
    )
    assert (credentials.parameters, credentials.columns) == (1, 2)
    assert (fetch.service, fetch.key, fetch.parameters, fetch.columns) == (
        "source",
        "fetch_source",
        0,
        1,
    )


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("host a b ", "host", "a b"),
        ("host  : a", "host", "a"),
        ("host ::1", "host", "::1"),
        ("host:a", "host", "a"),
        ("host\t \ta", "host", "a"),
    ],
)
def test_blanks_and_colons_between_key_and_value(line, key, value):
    assert parse(line).options == {key: value}


@pytest.mark.parametrize("backend", ["mysql", "postgres", "sqlite"])
@pytest.mark.parametrize(
    ("text", "proof"),
    [
        ("query_alias", "query_alias has no value"),
        ("query_alias:", "query_alias has no value"),
        ("query_alias a\nquery_alias b", "query_alias is set a second time"),
    ],
)
def test_a_line_the_backend_does_not_take(backend, text, proof):
    (found,) = parse(text, backend).findings
    assert found.id == "conf-mistake"
    assert found.proof == proof
    assert found.place == f"/c:{len(text.splitlines())}"
    assert found.severity is (Severity.WARNING if backend == "sqlite" else Severity.CRITICAL)


@pytest.mark.parametrize("number", ["soon", "-1", "2147483648", "1.5", "9" * 5000])
def test_what_has_to_be_a_number(number):
    (found,) = parse(f"fetch_source_expire {number}").findings
    assert found.proof == "fetch_source_expire is no number"


def test_a_number_may_begin_with_zeros():
    assert not parse("fetch_source_expire 0000000000000060").findings


@pytest.mark.parametrize(
    ("backend", "line", "hint"),
    [
        ("mysql", "pasword secret-one", "did you mean password?"),
        ("mysql", "query_credential select 1", "did you mean query_credentials?"),
        ("postgres", "host a", ""),
        ("sqlite", "path /db", "dbpath"),
    ],
)
def test_a_key_the_backend_ignores(backend, line, hint):
    (found,) = parse(line, backend).findings
    assert found.id == "conf-unknown-key"
    assert line.split()[0] in found.proof
    assert hint in found.proof
    assert "secret-one" not in repr(found)


def test_what_is_read_does_not_show_a_password():
    assert "secret" not in repr(parse(MYSQL))


def test_a_file_that_can_not_be_read(tmp_path):
    with pytest.raises(DoctorError, match="No such file"):
        conf.read("mysql", str(tmp_path / "none"), "creds")


def test_a_file_of_any_bytes_is_read(tmp_path):
    file = tmp_path / "c"
    file.write_bytes(b"password \xff\xfe\r\n# \x00\nquery_alias select '\xe9'\n")
    read = conf.read("mysql", str(file), "creds")
    assert read.options["password"].encode("utf-8", "surrogateescape") == b"\xff\xfe"
    assert read.queries[0].text.encode("utf-8", "surrogateescape") == b"select '\xe9'"


@given(st.text("a:# \t\nquery_alias\x0b\x00", max_size=80), st.sampled_from(list(conf.OPTIONS)))
def test_any_text_is_read(text, backend):
    for query in parse(text, backend).queries:
        assert query.text == query.text.strip(" \t\n\v\f\r") != ""
