"""``tablewatch doctor``: what is wrong with the databases behind the tables, and the repair."""

from __future__ import annotations

import argparse
import grp
import json
import os
import sys
from collections.abc import Iterator
from datetime import datetime

from tablewatch.cli import access, doctor_view, host
from tablewatch.cli.configured import configuration
from tablewatch.cli.paper import clean, paper_of, prepare_output
from tablewatch.config.daemon_settings import SMTPD_USERS
from tablewatch.config.settings import Config
from tablewatch.doctor import examination, fix_script, smtpd_conf
from tablewatch.doctor.examination import UNKNOWN, Diagnosis, Named
from tablewatch.doctor.host import Host, smtpd_version
from tablewatch.doctor.smtpd_conf import TableLine
from tablewatch.errors import BackendNotFound, DoctorError
from tablewatch.supervisor.programs import find_backend

DESCRIPTION = """\
Find out why a table fails, or will: what is wrong with smtpd.conf, with the backends and their
configurations, and with the databases behind them; and print the exact repair. Nothing is changed.
Databases are asked with the accounts of the backends' own configurations, so root has to run this.
"""
EPILOG = """\
exit status: 0 ok, 1 warning, 2 critical, 3 a table could not be examined, 64 usage
"""
# Served by smtpd itself (table.c, `table_backend_lookup`).
_BUILT_IN = ("file", "static", "db", "getpwnam")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "doctor",
        help="find what is wrong with the databases, and the repair",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "tables",
        nargs="*",
        type=_backend_and_conf,
        metavar="BACKEND:CONF",
        help="examine this only (mysql:/etc/mail/mysql.conf); else every table of smtpd.conf",
    )
    parser.add_argument("--smtpd-conf", metavar="FILE", help="the smtpd.conf(5) to read")
    parser.add_argument("--json", action="store_true", help="tell a program")
    parser.add_argument(
        "--fix-script", metavar="FILE", help="write the repairs to this new file, a shell script"
    )
    parser.add_argument(
        "--no-probe", action="store_true", help="don't ask the queries with keys of our own"
    )


def run(args: argparse.Namespace) -> int:
    """Examine, show what was found, and return the exit status."""
    prepare_output()
    try:
        return _run(args)
    except DoctorError as error:
        if args.json:
            print(json.dumps({"level": UNKNOWN, "error": str(error)}, indent=2))
        else:
            print(f"tablewatch: {clean(str(error))}", file=sys.stderr)
        return doctor_view.EXIT_STATUS[UNKNOWN]


def _run(args: argparse.Namespace) -> int:
    if args.fix_script and os.path.lexists(args.fix_script):
        raise DoctorError(f"{args.fix_script} is there already; name a new file")
    config = configuration()
    named = _named(args)
    diagnosis = examination.examine(
        named,
        _host(config),
        _say,
        probe=not args.no_probe,
        connections=lambda each: _connections(config, each),
    )
    if args.fix_script:
        fix_script.write(args.fix_script, diagnosis.findings, datetime.now())
    if args.json:
        print(json.dumps(doctor_view.as_data(diagnosis), indent=2))
    else:
        hints = _hints(diagnosis, args.fix_script)
        print("\n".join(doctor_view.lines(diagnosis, paper_of(sys.stdout), hints)))
    return doctor_view.EXIT_STATUS[diagnosis.level]


def _backend_and_conf(text: str) -> tuple[str, str]:
    backend, colon, conf = text.partition(":")
    if not colon or not backend or "/" in backend or not conf.startswith("/"):
        raise argparse.ArgumentTypeError(
            f"{text!r}: write it as in smtpd.conf, like mysql:/etc/mail/mysql.conf"
        )
    return backend.removeprefix("watch-"), conf


def _named(args: argparse.Namespace) -> list[Named]:
    """Return the tables to examine: those of the command line, as smtpd.conf has them."""
    path = args.smtpd_conf or host.smtpd_conf()
    lines: list[TableLine] = []
    try:
        lines = smtpd_conf.tables(path) if path else []
    except OSError as error:
        if not args.tables:
            raise DoctorError(
                f"can't read {error.filename}: {error.strerror}; name another with --smtpd-conf, "
                "or a table like mysql:/etc/mail/mysql.conf"
            ) from None
    known = [_from_line(each) for each in lines if each.bare not in _BUILT_IN]
    if not args.tables:
        if not known:
            raise DoctorError(
                f"no table with a backend is in {path or 'any smtpd.conf'}; name one with "
                "--smtpd-conf FILE, or a table like mysql:/etc/mail/mysql.conf"
            )
        return known
    chosen: list[Named] = []
    for backend, conf in dict.fromkeys(args.tables):
        found = [each for each in known if (each.backend, each.conf) == (backend, conf)]
        name = os.path.basename(conf).removesuffix(".conf")
        chosen += found or [Named(name, backend, conf, watched=False)]
    return chosen


def _from_line(line: TableLine) -> Named:
    return Named(
        line.table,
        line.bare,
        line.conf,
        line.watched,
        f"{line.file}:{line.line}",
        line.watch(),
        line.services,
    )


def _host(config: Config) -> Host:
    who = access.account(SMTPD_USERS)

    def program(backend: str) -> str:
        try:
            return find_backend(backend, config.backend_path)
        except BackendNotFound:
            return ""

    if who is None:
        return Host(program=program, smtpd=smtpd_version(), plain_release=host.is_openbsd())
    return Host(
        who.name,
        _group_of(who),
        lambda path: access.read_obstacles(path, who),
        program,
        smtpd_version(),
        host.is_openbsd(),
    )


def _group_of(who: access.Account) -> str:
    """Return the group of its own that smtpd's user has; its name is the user's everywhere."""
    try:
        return grp.getgrnam(who.name).gr_name
    except KeyError:
        return ""


def _connections(config: Config, named: Named) -> int:
    return 1 + (config.table(named.table).spares if named.watched else 0)


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"tablewatch: {text}", file=sys.stderr, flush=True)


def _hints(diagnosis: Diagnosis, script: str | None) -> Iterator[str]:
    found = {each.id for each in diagnosis.findings}
    watched = [each.table for each in diagnosis.tables if each.watched and not each.why]
    if watched and not found.intersection(doctor_view.CHARSETS):
        yield (
            "No key makes a query fail. If keys are still refused since before a repair, "
            f"`tablewatch reset {watched[0]}` or `smtpctl update table {watched[0]}` releases them."
        )
    if script:
        yield f"The repairs are in {script}: read it, then run it with sh."
    elif any(each.repair for each in diagnosis.findings):
        yield "`tablewatch doctor --fix-script FILE` writes the repairs into a script to read."
