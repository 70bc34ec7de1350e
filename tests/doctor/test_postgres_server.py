"""What the server's own settings give rise to, told from what it says of itself."""

import pytest

from tablewatch.doctor.findings import Medium, Severity
from tablewatch.doctor.postgres_server import examine_server

from .played_postgres import about, patient


def found(watched=True, connections=2, **facts):
    return list(examine_server(patient(watched, connections=connections), about(**facts)))


def test_a_server_with_limits_gets_no_finding():
    assert found() == []


def test_missing_timeouts_are_named_with_what_sets_them():
    (finding,) = found(words={"dbname": "mail"}, statement_timeout="0", watched=False)
    assert (finding.id, finding.severity) == ("postgres-timeouts", Severity.WARNING)
    assert "connect_timeout, statement_timeout" in finding.proof
    line, statement = finding.repair
    assert (line.medium, line.text) == (Medium.FILE, "conninfo ... connect_timeout='3'")
    assert statement.text == """ALTER ROLE "smtpd" SET statement_timeout = '3s';"""


def test_the_supervisor_has_a_deadline_of_its_own():
    (finding,) = found(statement_timeout="0")
    assert finding.severity is Severity.NOTE


def test_a_timeout_of_0_is_none():
    (finding,) = found(words={"connect_timeout": "0"})
    assert "connect_timeout" in finding.proof


@pytest.mark.parametrize("host", ["db.example.org", "192.0.2.1"])
def test_a_network_needs_more_timeouts(host):
    (finding,) = found(host=host)
    assert "keepalives_idle, tcp_user_timeout" in finding.proof


@pytest.mark.parametrize("host", ["/run/postgresql", "localhost", "::1", "127.0.0.2", ""])
def test_a_local_server_is_no_network(host):
    assert found(host=host) == []


@pytest.mark.parametrize("messages", ["", "C", "C.UTF-8", "en_US.UTF-8", "POSIX"])
def test_english_messages_are_known(messages):
    assert found(messages=messages) == []


def test_other_languages_are_not():
    (finding,) = found(messages="de_DE.UTF-8")
    assert (finding.id, finding.severity) == ("postgres-messages", Severity.WARNING)
    assert "lc_messages = 'C'" in finding.repair[0].text


@pytest.mark.parametrize(
    ("limit", "statement"),
    [
        ("role_limit", 'ALTER ROLE "smtpd" CONNECTION LIMIT 14;'),
        ("database_limit", 'ALTER DATABASE "mail" CONNECTION LIMIT 14;'),
    ],
)
def test_a_limit_must_let_in_all_backends_and_one_more(limit, statement):
    assert found(connections=6, **{limit: 7}) == []
    (finding,) = found(connections=6, **{limit: 6})
    assert finding.id == "postgres-connections"
    assert [step.text for step in finding.repair] == [statement]


@pytest.mark.parametrize(("taken", "few"), [(87, False), (88, True), (97, True)])
def test_nine_tenths_of_the_connections_are_nearly_all(taken, few):
    assert [each.id for each in found(taken=taken)] == ["postgres-connections"] * few


def test_a_superuser_is_too_much():
    (finding,) = found(superuser=True)
    assert finding.id == "postgres-privileges"
    assert "NOSUPERUSER" in finding.repair[0].text


def test_names_are_quoted_in_sql():
    (finding,) = found(role='us"er', superuser=True)
    assert 'ALTER ROLE "us""er"' in finding.repair[0].text


def test_the_client_names_only_what_is_not_usual():
    assert about().client == "psql --set=ON_ERROR_STOP=1 --dbname=mail"
    far = about(host="db.example.org", port="5433", database="my mail").client
    assert far == (
        "psql --set=ON_ERROR_STOP=1 '--dbname=my mail' --host=db.example.org --port=5433"
    )
