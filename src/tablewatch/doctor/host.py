"""What of the host a table depends on: smtpd, the backends' programs, the files they read."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tablewatch.doctor.findings import Finding, Medium, Severity, Step
from tablewatch.doctor.patient import Patient

_SECONDS = 10.0
_VERSION = re.compile(r"OpenSMTPD (\d+)\.(\d+)(?:\.(\d+))?(?:p(\d+))?")
# A line that only a program has which ends its retries. table_mysql.c has it since 1.2,
# table_postgres.c since 1.1; those of opensmtpd-extras never got it.
_BOUNDED = {
    "mysql": (b"trying to reconnect after error", b"to many retries", "1.2"),
    "postgres": (b"trying to reconnect after error", b"too many retries", "1.1"),
}
_LARGEST_PROGRAM = 50 * 1024 * 1024
_SECRET = re.compile(r"\bpass(word|file)?\b", re.I)


@dataclass(frozen=True, slots=True)
class Host:
    """What is known of the host.

    ``user`` and ``group`` are those smtpd runs its tables as, "" if there are none here;
    ``obstacles`` tells what keeps that user from reading a file. ``program`` returns the path of
    table-NAME, "" if there is none. ``smtpd`` is the version, "" if it can't be told;
    ``plain_release`` says that fixes come without a change of the version, as OpenBSD's do.
    """

    user: str = ""
    group: str = ""
    obstacles: Callable[[str], Sequence[str]] = lambda _: ()
    program: Callable[[str], str] = lambda _: ""
    smtpd: str = ""
    plain_release: bool = False


def smtpd_version() -> str:
    """Return ``7.6.0p1`` if that is what ``smtpd -h`` says; "" if it can't be asked."""
    program = shutil.which("smtpd") or "/usr/sbin/smtpd"
    match = _VERSION.search(_said([program, "-h"]))
    return match[0].removeprefix("OpenSMTPD ") if match else ""


def examine_smtpd(host: Host, patients: Sequence[Patient]) -> Iterator[Finding]:
    """Yield what is wrong with smtpd itself, for the tables in `patients`."""
    match = _VERSION.match(f"OpenSMTPD {host.smtpd}")
    if match is None:
        if not host.smtpd and patients:
            yield Finding(
                "smtpd-unknown",
                Severity.NOTE,
                "The version of smtpd can't be told",
                "Versions 7.6, 7.7 and 7.8.0p0 end when a client sends a line end in a user name.",
                proof="smtpd -h says no version",
            )
        return
    major, minor, patch, portable = (int(part or 0) for part in match.groups())
    if (major, minor) not in ((7, 6), (7, 7), (7, 8)) or (minor, patch) > (8, 0):
        return
    if (major, minor) == (7, 8) and portable > 0:
        return
    bare = [each.table for each in patients if not each.watched]
    unsure = (major, minor) == (7, 8) and host.plain_release
    severity = Severity.CRITICAL if bare and not unsure else Severity.NOTE
    yield Finding(
        "smtpd-newline",
        severity,
        "This smtpd passes line ends in keys on to its tables",
        "Before it has logged in, a client can send a user name with a line end in it; the backend "
        "takes what is behind it for another request and ends, and smtpd ends with it. "
        + ("The tables that are watched are protected." if severity is Severity.NOTE else ""),
        proof=f"smtpd -h says OpenSMTPD {host.smtpd}"
        + ("; whether a patch has mended it can't be told" if unsure else ""),
        repair=(
            Step(
                Medium.PERSON,
                "Update OpenSMTPD to 7.8.0p1 or later; until then, have every table watched.",
            ),
        ),
    )


def examine_program(patient: Patient, host: Host) -> Iterator[Finding]:
    """Yield what is wrong with the backend's program."""
    if patient.backend not in _BOUNDED:
        return
    retries, ends, since = _BOUNDED[patient.backend]
    path = host.program(patient.backend)
    content = _content(path)
    name = f"table-{patient.backend}"
    if content is None or retries not in content:
        what = f"{path} can't be read" if path else f"there is no program {name} where smtpd looks"
        if content is not None:
            what = f"{path} has none of the texts it is known by"
        yield Finding(
            "backend-unknown",
            Severity.NOTE,
            f"The version of {name} can't be told",
            f"Before {since} it retries for ever after an error, and brings smtpd to a stop.",
            patient.table,
            proof=what,
        )
    elif ends not in content:
        package = package_of(path)
        yield Finding(
            "backend-unbounded",
            Severity.NOTE if patient.watched else Severity.CRITICAL,
            f"This {name} retries for ever",
            "After an error it connects anew and asks again, thousands of times a second, without "
            "an end. smtpd waits for it, and with it every session."
            + (" tablewatch ends such a loop." if patient.watched else ""),
            patient.table,
            path,
            proof=f"the program has no {ends.decode()!r} in it"
            + (f"; it is of the package {package}" if package else ""),
            repair=(Step(Medium.PERSON, f"Have the table watched, or update to {name} {since}."),),
        )


def examine_file(patient: Patient, host: Host) -> Iterator[Finding]:
    """Yield what is wrong with the mode and the owner of the backend's configuration."""
    path = shlex.quote(patient.conf)
    group = host.group or "_smtpd"
    repair = Step(Medium.SHELL, f"chown root:{group} {path} && chmod 0640 {path}")
    try:
        mode = stat.S_IMODE(os.stat(patient.conf).st_mode)
    except OSError:
        return
    obstacles = host.obstacles(patient.conf) if host.user else ()
    if obstacles:
        yield Finding(
            "conf-unreadable",
            Severity.CRITICAL,
            f"{host.user} can't read the backend's configuration",
            f"smtpd runs table-{patient.backend} as {host.user}; without its configuration it ends "
            "when it starts, and smtpd does not start.",
            patient.table,
            patient.conf,
            "\n".join(obstacles),
            (repair,),
        )
    if mode & stat.S_IROTH and _has_secret(patient):
        yield Finding(
            "conf-exposed",
            Severity.WARNING,
            "Everybody on this host can read the database's password",
            "Whoever has it can read all that the mail server can, password hashes included.",
            patient.table,
            patient.conf,
            f"mode {mode:04o}",
            (repair,),
        )
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield Finding(
            "conf-writable",
            Severity.WARNING,
            "Others than its owner can change the backend's configuration",
            "Whoever can change a query decides which passwords are right.",
            patient.table,
            patient.conf,
            f"mode {mode:04o}",
            (repair,),
        )


def package_of(path: str) -> str:
    """Return name and version of the package a program is of; "" if no package system tells."""
    if shutil.which("dpkg-query"):
        name = _said(["dpkg-query", "-S", path]).partition(":")[0].strip()
        version = _said(["dpkg-query", "-W", "-f", "${Version}", name]) if name else ""
        return f"{name} {version}".strip() if version else ""
    if shutil.which("pkg_info"):
        return _said(["pkg_info", "-qE", path]).split("\n")[0].strip()
    return ""


def _has_secret(patient: Patient) -> bool:
    return "password" in patient.options or any(map(_SECRET.search, patient.options.values()))


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read(_LARGEST_PROGRAM)
    except OSError:
        return None


def _said(command: list[str]) -> str:
    """Return what a command writes, whatever its exit status; "" if it can't be run."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).decode("utf-8", "replace")
