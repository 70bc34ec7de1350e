"""``tablewatch pause``: leave a table's database alone while somebody works on it."""

from __future__ import annotations

import argparse

from tablewatch.cli import daemon_control

DESCRIPTION = """\
Leave the backend of a table, and its database, alone: every lookup gets a temporary error at once,
so that mail waits and nothing is lost. It ends by itself after a while, or by tablewatch resume.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "pause",
        help="leave a table's database alone for a while",
        description=DESCRIPTION,
        epilog=daemon_control.EXITS,
    )
    daemon_control.add_target(parser)
    daemon_control.add_term(parser)
    daemon_control.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Pause, and return the exit status."""
    return daemon_control.order(args, "pause", args.table or "", seconds=args.seconds)
