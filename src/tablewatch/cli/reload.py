"""``tablewatch reload``: have the supervisors read their configuration again."""

from __future__ import annotations

import argparse

from tablewatch.cli import daemon_control

DESCRIPTION = """\
Have the supervisor of a table, or of every table if none is named, read tablewatch.yml again, as
SIGHUP does. Where the file has an error it says so and keeps the settings it has.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "reload",
        help="have the supervisors read tablewatch.yml again",
        description=DESCRIPTION,
        epilog=daemon_control.EXITS,
    )
    daemon_control.add_target(parser, required=False)
    daemon_control.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Reload, and return the exit status."""
    return daemon_control.order(args, "reload", args.table or "")
