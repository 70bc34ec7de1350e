"""The real program with patterns of the administrator's own: at its start, and at SIGHUP."""

import pytest
from tests.supervisor.tables import events, is_error, is_found, reload
from tests.support.smtpd import FakeSmtpd, wait_until

LOOP = """\
patterns:
  no-latin:
    message: 'Illegal mix of * (latin1*'
    class: {0}
    cause: our own words for it
    repair: ask the colleagues, then smtpctl update table NAME
"""
BROKEN = LOOP.format("qury")


@pytest.fixture
def patterns(workshop):
    """A function that writes the patterns."""
    directory = workshop.path / "tablewatch.d"
    directory.mkdir(mode=0o755)
    directory.chmod(0o755)

    def write(text, name="local.yml"):
        path = directory / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)

    return write


def test_a_pattern_is_taken_at_the_start(start, patterns):
    patterns(LOOP.format("query"))
    smtpd = start("spares: 0")
    assert is_error(smtpd.ask(b"loop"))
    wait_until(lambda: "our own words for it" in smtpd.log(), "the cause")
    assert "to do: ask the colleagues, then smtpctl update table " in smtpd.log()
    assert is_error(smtpd.ask(b"loop"))
    assert events(smtpd).count("lookup loop") == 1, "of class query: the key is refused"


def test_its_class_counts(start, patterns):
    patterns(LOOP.format("connection"))
    smtpd = start("spares: 0, breaker: {threshold: 10}")
    assert is_error(smtpd.ask(b"loop"))
    assert is_error(smtpd.ask(b"loop"))
    assert events(smtpd).count("lookup loop") == 2, "of class connection: no key is refused"


def test_it_is_taken_at_a_reload_too(start, patterns):
    smtpd = start("spares: 0")
    assert is_error(smtpd.ask(b"loop"))
    assert "our own words" not in smtpd.log()
    patterns(LOOP.format("query"))
    reload(smtpd)
    assert is_error(smtpd.ask("lo\u0142a@example.org".encode()))
    wait_until(lambda: "our own words for it" in smtpd.log(), "the cause")


def test_a_broken_one_changes_nothing_at_a_reload_and_says_so(start, patterns, workshop):
    patterns(LOOP.format("query"))
    smtpd = start("deadline: 200ms, spares: 0")
    patterns(BROKEN)
    text = workshop.config.read_text(encoding="utf-8")
    workshop.config.write_text(text.replace("200ms", "5m"), encoding="utf-8")
    reload(smtpd, said="configuration not used")
    assert 'local.yml:4: patterns.no-latin.class: "qury" is not known' in smtpd.log()
    assert "incident: tablewatch.yml is broken" in smtpd.log()
    assert "read anew" not in smtpd.log()
    assert is_error(smtpd.ask(b"loop"))
    wait_until(lambda: "our own words for it" in smtpd.log(), "the cause, from the old patterns")
    assert is_error(smtpd.ask(b"hang"))  # within the old deadline


def test_a_broken_one_at_the_start_costs_the_patterns_and_not_the_settings(workshop, patterns):
    patterns(BROKEN)
    workshop.configure("{deadline: 200ms, spares: 0, log: {syslog: false}}", protocol="text")
    with FakeSmtpd(workshop, "text") as smtpd:
        smtpd.handshake()
        assert is_error(smtpd.ask(b"hang"))
        assert is_found(smtpd.ask(b"alice"), b"alice")
        assert "running without the patterns in its directory" in smtpd.log()
        assert "built-in defaults" not in smtpd.log()
        assert "incident: tablewatch.yml is broken" in smtpd.log()


def test_both_broken_at_the_start_leave_the_built_in_settings(workshop, patterns):
    patterns(BROKEN)
    workshop.configure("defaults: {dedline: 200ms, log: {syslog: false}}\n", protocol="text")
    with FakeSmtpd(workshop, "text") as smtpd:
        smtpd.handshake()
        assert is_found(smtpd.ask(b"alice"), b"alice")
        assert "dedline" in smtpd.log()
        assert "running on built-in defaults" in smtpd.log()


def test_a_repaired_one_ends_the_incident(start, patterns):
    patterns(LOOP.format("query"))
    smtpd = start("spares: 0")
    patterns(BROKEN)
    reload(smtpd, said="configuration not used")
    patterns(LOOP.format("query"))
    reload(smtpd)
    wait_until(lambda: "incident over" in smtpd.log(), "the end of the incident")
