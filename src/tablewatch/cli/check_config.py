"""``tablewatch check-config``: find what is wrong with the configuration, or explain it."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict

from tablewatch.cli import access, host
from tablewatch.config import explain, loader
from tablewatch.config.daemon_settings import SMTPD_USERS
from tablewatch.config.document import Document
from tablewatch.config.knowledge_files import directory_beside, read_directory
from tablewatch.config.patterns import Pattern
from tablewatch.config.places import split_address
from tablewatch.config.quotes import bare, nearest
from tablewatch.config.settings import DEFAULT_CONFIG, TableSettings
from tablewatch.doctor import smtpd_conf
from tablewatch.errors import ConfigError, Problem
from tablewatch.knowledge.own import PREFIX

DESCRIPTION = """\
Check the configuration file, and the patterns in the directory beside it (/etc/tablewatch.d), and
say what is in effect for each table and where it comes from.
The file is FILE, else what TABLEWATCH_CONFIG names, else /etc/tablewatch.yml. The exit status is
0 if it can be used, 1 if not; tablewatch.yml(5) describes it.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "check-config", help="check and explain the configuration", description=DESCRIPTION
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="the configuration to check")
    parser.add_argument("--table", metavar="NAME", default="", help="explain this table only")
    parser.add_argument("--json", action="store_true", help="explain to a program")
    parser.add_argument("--smtpd-conf", metavar="FILE", help="the smtpd.conf(5) to compare with")


def run(args: argparse.Namespace) -> int:
    """Explain the configuration and return 0, or say on stderr what is wrong and return 1."""
    named = args.file or os.environ.get("TABLEWATCH_CONFIG")
    path = named or DEFAULT_CONFIG
    try:
        document = loader.read(path, required=bool(named))
    except ConfigError as error:
        _refuse(path, error.problems, _WHOLE_FILE, as_json=args.json)
        return 1
    try:
        patterns = read_directory(directory_beside(path))
    except ConfigError as error:
        _refuse(path, error.problems, _PATTERNS, as_json=args.json)
        return 1
    files = dict.fromkeys([document.path, *(each.file for each in patterns)])
    notes = list(_notes(document, list(filter(None, files)), args.table, args.smtpd_conf))
    if args.json:
        found = {"file": path, "exists": bool(document.path), "ok": True}
        effect = explain.as_data(document, args.table)
        listed = [_as_data(each) for each in patterns]
        print(json.dumps({**found, **effect, "patterns": listed, "notes": notes}, indent=2))
        return 0
    if document.path:
        print(f"{bare(path, 200)} can be used as it is.\n")
    else:
        print(f"There is no {path}: everything runs on the built-in defaults.\n")
    config = document.config()
    remarks = {name: _remark(name) for name in config.backend_path}
    remarks[config.daemon.directory] = loader.sockets_trouble(config.daemon.directory)
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print(explain.account(document, args.table, remarks, colour))
    for line in _own_patterns(patterns, directory_beside(path)):
        print(line)
    for note in notes:
        print(f"\nNote: {note}")
    return 0


def _own_patterns(patterns: tuple[Pattern, ...], directory: str) -> Iterator[str]:
    if not patterns:
        return
    yield from ("", f"patterns of your own, from {bare(directory, 200)}")
    for each in patterns:
        where = f"{bare(os.path.basename(each.file))} line {each.line_number}"
        yield f"  {PREFIX}{each.name}, {each.error_class or 'no error'} ({where})"
        for written in (*each.lines, *(f"... {message}" for message in each.messages)):
            yield f"    {bare(written, 74)}"


def _as_data(pattern: Pattern) -> dict[str, object]:
    steps = [step._asdict() for step in pattern.steps]
    return {**pattern._asdict(), "name": PREFIX + pattern.name, "steps": steps}


_WHOLE_FILE = (
    "repaired, a supervisor that is started runs on the\n"
    "built-in defaults instead of this file, and tablewatchd does not start; what is\n"
    "running already is not affected."
)
_PATTERNS = (
    "repaired, a supervisor that is started runs without\n"
    "patterns of your own; what is running already is not affected."
)


def _refuse(path: str, problems: list[Problem], meaning: str, *, as_json: bool) -> None:
    for problem in problems:
        print(problem, file=sys.stderr)
    one = len(problems) == 1
    many = "1 problem. Until it is" if one else f"{len(problems)} problems. Until they are"
    print(f"{many} {meaning}", file=sys.stderr)
    if as_json:
        listed = [asdict(problem) for problem in problems]
        print(json.dumps({"file": path, "ok": False, "problems": listed}, indent=2))


def _remark(directory: str) -> str:
    if trouble := loader.directory_trouble(directory):
        return trouble
    return "" if loader.directory_exists(directory) else "not there"


def _notes(document: Document, files: list[str], table: str, conf: str | None) -> Iterator[str]:
    """Yield what is right as far as the file goes, and still not what somebody would want."""
    config = document.config()
    who = access.account(SMTPD_USERS)
    for file in files if who else ():
        assert who is not None
        this = "this file" if file == document.path else file
        for obstacle in access.read_obstacles(file, who):
            yield f"smtpd runs its tables as {who.name}, which can't read {this}:\n  {obstacle}"
        if trouble := loader.file_trouble(file, who.uid):
            yield f"smtpd runs its tables as {who.name}, which won't trust {this}:\n  {trouble}"
    if not any(loader.directory_exists(name) for name in config.backend_path):
        yield "none of the directories of backend_path is there; is a table backend installed?"
    public = [each for each in config.daemon.listen if not _is_for_this_host(each)]
    if public and not config.daemon.web_config:
        yield (
            f"daemon.listen: whoever reaches {', '.join(map(bare, public))} sees the page,\n"
            "  incidents included; set web_config to ask for a password or a certificate"
        )
    shared = [] if table else list(_traps(config.defaults))
    yield from (f"defaults: {trap}" for trap in shared)
    for name in [table] if table else config.tables:
        traps = (trap for trap in _traps(config.table(name)) if trap not in shared)
        yield from (f"table {bare(name)}: {trap}" for trap in traps)
    path = conf or host.smtpd_conf()
    try:
        lines = smtpd_conf.tables(path) if path else []
    except OSError as error:
        yield f"can't compare with {error.filename}: {error.strerror}"
        return
    watched = {line.table for line in lines if line.watched}
    for name in [table] if table else config.tables:
        found = next((line for line in lines if line.table == name), None)
        if lines and found is None:
            near = nearest(name, sorted(watched))
            hint = f'; did you mean "{near}"?' if near else ""
            yield f"no table {bare(name)} with a backend is in {path}{hint}"
        elif found and name not in watched:
            yield (
                f"table {bare(name)} is not supervised ({found.file}:{found.line});\n"
                f"  write there: {found.watch().strip()}"
            )


def _is_for_this_host(address: str) -> bool:
    host, _ = split_address(address)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _traps(settings: TableSettings) -> Iterator[str]:
    """Yield what these settings do that is easily overlooked."""
    if settings.mode == "observe":
        yield "only observed; nothing is done about anything (mode)"
    if settings.quarantine.not_found:
        listed = ", ".join(settings.quarantine.not_found)
        yield (
            f"a refused key counts as not in the table ({listed});\n"
            '  it passes a deny list, and matches a rule with "!" (quarantine.not_found)'
        )
    if settings.rates.action == "tempfail" and not settings.rates.lookups:
        yield "rates.action does nothing without a limit; set rates.lookups"
