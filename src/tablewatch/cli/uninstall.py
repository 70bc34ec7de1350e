"""``tablewatch uninstall``: remove the links again."""

from __future__ import annotations

import argparse
import os
import sys

from tablewatch.cli import host, links
from tablewatch.cli.install import add_common_options, changed_lines, restart_steps
from tablewatch.config.settings import BACKEND_PATHS
from tablewatch.doctor import smtpd_conf
from tablewatch.doctor.smtpd_conf import TableLine
from tablewatch.errors import InstallError
from tablewatch.supervisor.programs import LINK_PREFIX

DESCRIPTION = """\
Remove the links that install made. Refused while smtpd.conf uses them, as smtpd would not start.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "uninstall", help="remove the links again", description=DESCRIPTION
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "backends", nargs="*", default=[], metavar="BACKEND", help="mysql, postgres, ..."
    )
    which.add_argument("--all", action="store_true", help="every link of ours")
    parser.add_argument(
        "--force", action="store_true", help="even when smtpd.conf uses them, or can't be read"
    )
    add_common_options(parser)


def run(args: argparse.Namespace) -> int:
    """Remove the links and say what is left to do. Raises InstallError with nothing done."""
    directories = [os.path.abspath(args.libexec)] if args.libexec else _existing(BACKEND_PATHS)
    changes = []
    for directory in directories:
        backends = links.installed(directory) if args.all else args.backends
        changes += links.plan_removal(backends, directory)
    names = [os.path.basename(change.path).removeprefix(LINK_PREFIX) for change in changes]
    if changes:
        users = _users(names, args.smtpd_conf, force=args.force)
        if users and not args.force:
            raise InstallError(f"nothing removed: {_way_back(users, args.smtpd_conf)}")
        if users:
            print(f"tablewatch: warning: {_way_back(users, args.smtpd_conf)}", file=sys.stderr)
    for change in changes:
        if not args.dry_run:
            change.make()
        print(f"{'would remove' if args.dry_run else 'removed'}: {change.path}")
    where = " ".join(directories or BACKEND_PATHS)
    for name in args.backends:
        if name not in names:
            print(f"not installed: {LINK_PREFIX}{name} in {where}")
    if not changes and args.all:
        print(f"nothing installed in {where}")
    if changes:
        print(
            "\nAn smtpd that was started with them goes on using them until it is restarted;\n"
            "restart it before you remove tablewatch itself."
        )
    return 0


def _existing(directories: tuple[str, ...]) -> list[str]:
    return [directory for directory in directories if os.path.isdir(directory)]


def _users(names: list[str], named: str | None, *, force: bool) -> list[TableLine]:
    """Return the tables of smtpd.conf that need the links of `names`."""
    path = named or host.smtpd_conf()
    try:
        tables = smtpd_conf.tables(path) if path else []
    except OSError as error:
        if force:
            return []
        raise InstallError(
            f"can't read {error.filename} ({error.strerror}), so smtpd may still need the links; "
            "nothing removed. Use --force if you know better"
        ) from None
    return [table for table in tables if table.watched and table.bare in names]


def _way_back(users: list[TableLine], named: str | None) -> str:
    lines = "\n".join(changed_lines([(table, table.unwatch()) for table in users]))
    return (
        "smtpd.conf still uses the links, and without them smtpd does not start. "
        f"Change it first:\n\n{lines}\n{restart_steps(named)}"
    )
