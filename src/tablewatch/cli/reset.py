"""``tablewatch reset``: let a table start anew, as ``smtpctl update table`` does."""

from __future__ import annotations

import argparse

from tablewatch.cli import daemon_control

DESCRIPTION = """\
Do at once what a repair calls for: release every refused key and kind of key, close the breaker,
and start the backend again without delay. smtpctl update table does the same, and has the
backend read its data again.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "reset",
        help="forget all trouble, ask the database again",
        description=DESCRIPTION,
        epilog=daemon_control.EXITS,
    )
    daemon_control.add_target(parser)
    daemon_control.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Reset, and return the exit status."""
    return daemon_control.order(args, "reset", args.table or "")
