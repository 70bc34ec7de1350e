import pytest

from tablewatch.doctor import host
from tablewatch.doctor.findings import Severity
from tablewatch.doctor.host import Host
from tablewatch.doctor.patient import Patient

BARE = Patient("creds", "mysql", "/c", False, "", {"password": "secret"})
WATCHED = Patient("creds", "mysql", "/c", True, "", {"password": "secret"})


def on(**told):
    return Host(**told)


@pytest.mark.parametrize(
    ("version", "plain", "severity"),
    [
        ("6.8.0p2", False, None),
        ("7.5.0p0", False, None),
        ("7.6.0p1", False, Severity.CRITICAL),
        ("7.6.0", True, Severity.CRITICAL),
        ("7.7.0p0", False, Severity.CRITICAL),
        ("7.8.0p0", False, Severity.CRITICAL),
        ("7.8.0", True, Severity.NOTE),  # patched or not, it calls itself so
        ("7.8.0p1", False, None),
        ("7.8.1", True, None),
        ("7.9.0p0", False, None),
        ("10.0.0", False, None),
    ],
)
def test_versions_that_let_line_ends_through(version, plain, severity):
    found = list(host.examine_smtpd(on(smtpd=version, plain_release=plain), [BARE]))
    assert [each.severity for each in found] == ([] if severity is None else [severity])
    assert all(each.id == "smtpd-newline" and version in each.proof for each in found)


def test_watched_tables_are_protected_from_line_ends():
    (found,) = host.examine_smtpd(on(smtpd="7.6.0p1"), [WATCHED])
    assert found.severity is Severity.NOTE
    assert "protected" in found.why


def test_a_version_that_can_not_be_told_is_said():
    (found,) = host.examine_smtpd(on(), [BARE])
    assert (found.id, found.severity) == ("smtpd-unknown", Severity.NOTE)


RETRIES = b"\0warn: trying to reconnect after error: %s\0"


@pytest.mark.parametrize(
    ("content", "patient", "expected"),
    [
        (RETRIES, BARE, ("backend-unbounded", Severity.CRITICAL)),
        (RETRIES, WATCHED, ("backend-unbounded", Severity.NOTE)),
        (RETRIES + b"warn: to many retries\0", BARE, None),
        (b"#!/bin/sh\n", BARE, ("backend-unknown", Severity.NOTE)),
        (None, BARE, ("backend-unknown", Severity.NOTE)),
    ],
)
def test_the_unbounded_loop_is_told_from_the_program(tmp_path, content, patient, expected):
    program = tmp_path / "table-mysql"
    if content is not None:
        program.write_bytes(content)
    told = on(program=lambda _: str(program) if content is not None else "")
    found = [(each.id, each.severity) for each in host.examine_program(patient, told)]
    assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        (0o640, []),
        (0o600, []),
        (0o644, ["conf-exposed"]),
        (0o660, ["conf-writable"]),
        (0o666, ["conf-exposed", "conf-writable"]),
    ],
)
def test_who_may_read_and_change_a_configuration(tmp_path, mode, found):
    file = tmp_path / "it's.conf"
    file.touch()
    file.chmod(mode)
    patient = Patient("creds", "mysql", str(file), True, "", {"password": "secret"})
    findings = list(host.examine_file(patient, on(group="_smtpd")))
    assert [each.id for each in findings] == found
    for each in findings:
        assert each.repair[0].text.startswith("chown root:_smtpd '")
        assert "secret" not in repr(each)


@pytest.mark.parametrize(
    ("options", "exposed"),
    [
        ({"conninfo": "host=db user=a"}, False),
        ({"conninfo": "host=db password=secret"}, True),
        ({"dbpath": "/var/db"}, False),
    ],
)
def test_only_a_password_is_exposed(tmp_path, options, exposed):
    file = tmp_path / "conf"
    file.touch()
    file.chmod(0o644)
    patient = Patient("creds", "postgres", str(file), True, "", options)
    assert bool(list(host.examine_file(patient, on()))) is exposed


def test_what_keeps_smtpds_user_from_reading_is_passed_on(tmp_path):
    file = tmp_path / "conf"
    file.touch()
    file.chmod(0o600)
    patient = Patient("creds", "mysql", str(file), True)
    told = on(user="_smtpd", obstacles=lambda path: [f"{path} can't be read by _smtpd"])
    (found,) = host.examine_file(patient, told)
    assert (found.id, found.severity) == ("conf-unreadable", Severity.CRITICAL)
    assert "can't be read by _smtpd" in found.proof


def test_a_file_that_is_not_there_is_nobodys_secret():
    assert not list(host.examine_file(BARE, on()))


def test_the_version_of_smtpd_is_read_from_what_it_says(tmp_path, monkeypatch):
    program = tmp_path / "smtpd"
    program.write_text("#!/bin/sh\necho version: OpenSMTPD 7.6.0p1 >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert host.smtpd_version() == "7.6.0p1"


@pytest.mark.parametrize(
    ("tool", "text", "package"),
    [
        (
            "dpkg-query",
            'case $1 in -S) echo "opensmtpd-extras: $2";; *) echo 6.7.1-2;; esac',
            "opensmtpd-extras 6.7.1-2",
        ),
        ("pkg_info", "echo opensmtpd-table-mysql-1.2.1", "opensmtpd-table-mysql-1.2.1"),
        ("nothing", "", ""),
    ],
)
def test_the_package_of_a_program(tmp_path, monkeypatch, tool, text, package):
    program = tmp_path / tool
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert host.package_of("/usr/libexec/opensmtpd/table-mysql") == package
