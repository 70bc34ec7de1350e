"""``tablewatch resume``: end a pause."""

from __future__ import annotations

import argparse

from tablewatch.cli import daemon_control

DESCRIPTION = "End a pause: lookups reach the backend of the table again."


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "resume", help="end a pause", description=DESCRIPTION, epilog=daemon_control.EXITS
    )
    daemon_control.add_target(parser)
    daemon_control.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Resume, and return the exit status."""
    return daemon_control.order(args, "resume", args.table or "")
