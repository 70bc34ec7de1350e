"""``tablewatch install``: make the links through which smtpd runs the supervisor."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterable

import tablewatch
from tablewatch.cli import access, host, links
from tablewatch.cli.configured import configuration
from tablewatch.cli.links import Action, Change
from tablewatch.config.daemon_settings import SMTPD_USERS
from tablewatch.config.loader import file_trouble
from tablewatch.config.settings import BACKEND_PATHS
from tablewatch.doctor import smtpd_conf
from tablewatch.doctor.smtpd_conf import TableLine
from tablewatch.errors import InstallError

DESCRIPTION = """\
Make the links table-watch-BACKEND beside smtpd's table backends, so that a table can be put under
supervision by one word in smtpd.conf. smtpd.conf itself is not changed: what to change is printed.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "install", help="make the links smtpd runs the supervisor by", description=DESCRIPTION
    )
    parser.add_argument("backends", nargs="+", metavar="BACKEND", help="mysql, postgres, ...")
    parser.add_argument(
        "--program", metavar="PATH", help="the table-watch to link to (default: the one beside us)"
    )
    add_common_options(parser)


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add what install and uninstall have in common."""
    parser.add_argument("--libexec", metavar="DIR", help="where smtpd looks for its backends")
    parser.add_argument("--smtpd-conf", metavar="FILE", help="the smtpd.conf(5) to look at")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")


def run(args: argparse.Namespace) -> int:
    """Make the links and say what is left to do. Raises InstallError with nothing done."""
    libexec = os.path.abspath(args.libexec or _default_libexec(args.backends))
    program = os.path.abspath(args.program) if args.program else _own_program(sys.argv[0])
    backend_path = configuration().backend_path
    changes = links.plan_install(args.backends, libexec, program, backend_path)
    for change in changes:
        if not args.dry_run:
            change.make()
        print(_told(change, args.dry_run))
    _warn_about_access(program, own=not args.program)
    _tell_what_to_change(args.backends, args.smtpd_conf)
    return 0


def _default_libexec(backends: Iterable[str]) -> str:
    there = [directory for directory in BACKEND_PATHS if os.path.isdir(directory)]
    for directory in there:
        if any(os.path.exists(os.path.join(directory, "table-" + name)) for name in backends):
            return directory
    if not there:
        raise InstallError(
            f"none of {', '.join(BACKEND_PATHS)} exists; is OpenSMTPD installed? "
            "Say with --libexec where it looks for table backends"
        )
    return there[0]


def _own_program(argv0: str) -> str:
    """Return the table-watch that was installed together with this command."""
    for place in (os.path.abspath(argv0), os.path.realpath(argv0)):
        program = os.path.join(os.path.dirname(place), links.SUPERVISOR)
        if os.path.isfile(program) and os.access(program, os.X_OK):
            return program
    program = shutil.which(links.SUPERVISOR) or ""
    if not program:
        raise InstallError(
            f"can't find {links.SUPERVISOR}, which belongs beside {argv0}; "
            "say with --program where it is"
        )
    return os.path.abspath(program)


def _told(change: Change, dry_run: bool) -> str:
    arrow = f"{change.path} -> {change.target}"
    if change.action is Action.KEEP:
        return f"already there: {arrow}"
    if change.action is Action.REPLACE:
        return f"{'would change' if dry_run else 'changed'}: {arrow} (was {change.before})"
    return f"{'would make' if dry_run else 'made'}: {arrow}"


def _warn_about_access(program: str, *, own: bool) -> None:
    who = access.account(SMTPD_USERS)
    if who is None:
        return
    _warn_about_others([program, tablewatch.__file__] if own else [program])
    obstacles = access.run_obstacles(program, who)
    if own:  # our package is the program's; an editable install may keep it in somebody's home
        obstacles += access.read_obstacles(tablewatch.__file__, who)
    if not obstacles:
        return
    print(f"\nWarning: smtpd runs its tables as {who.name}, which can't run {program}:")
    for obstacle in dict.fromkeys(obstacles):
        print(f"    {obstacle}")
    print(
        "smtpd would not start with these links. Install tablewatch where everybody may read it,\n"
        "below /opt or /usr/local, with a Python that is not in anybody's home, and then run\n"
        "`tablewatch install` from there."
    )


def _warn_about_others(files: Iterable[str]) -> None:
    """Say who else could change what smtpd is going to run."""
    danger = "smtpd is going to run it"
    for file in files:
        if trouble := file_trouble(file, os.geteuid(), danger):
            print(f"\nWarning: {os.path.realpath(file)}:\n    {trouble}")


def _tell_what_to_change(backends: list[str], named: str | None) -> None:
    path = named or host.smtpd_conf()
    try:
        tables = smtpd_conf.tables(path) if path else []
    except OSError as error:
        print(f"\nWarning: can't read {error.filename}: {error.strerror}")
        tables = []
    tables = [table for table in tables if table.bare in backends]
    to_change = [table for table in tables if not table.watched]
    for table in tables:
        if table.watched:
            print(f"\nSupervised already: table {table.table} ({table.file}:{table.line})")
    if not tables:
        name = backends[0]
        print(
            f"\nNo table of this kind was found in {path or 'smtpd.conf'}. Where it has\n\n"
            f"    table NAME {name}:/path\n\nwrite\n\n    table NAME watch-{name}:/path"
        )
    if to_change:
        print("\nTo do now, by hand, in smtpd.conf:\n")
        print("\n".join(changed_lines([(table, table.watch()) for table in to_change])))
    if to_change or not tables:
        print(restart_steps(named))


def changed_lines(changes: Iterable[tuple[TableLine, str]]) -> list[str]:
    """Return each table's line as it is and as it is to be, in the manner of diff(1)."""
    shown = []
    for table, text in changes:
        shown += [f"  {table.file}:{table.line}", f"    -{table.text}", f"    +{text}"]
    return shown


def restart_steps(named: str | None) -> str:
    """Return how to put a changed smtpd.conf into effect; `named`: the one of --smtpd-conf."""
    check = f"smtpd -n -f {named}" if named else "smtpd -n"
    return f"\nThen check it and restart smtpd:\n\n    {check}\n    {host.restart_command()}"
