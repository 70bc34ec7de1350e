"""``tablewatch demo``: a runaway backend, first bare and then supervised, measured as it happens.

Nothing but this package is needed for it: the backend is a program of ours on SQLite, and smtpd's
part is played here. Everything happens in a temporary directory, and all of it is gone afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
Show what one poisoned login does to a mail server whose table backend retries without end, and
what it does under tablewatch. Needs no mail server and no database server, and changes nothing on
this machine. Takes about 20 seconds. Exits with 1 if tablewatch did not do what it promises.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "demo", help="show a runaway backend, bare and supervised", description=DESCRIPTION
    )
    parser.add_argument("--quick", action="store_true", help="the same, in half the time")
    parser.add_argument(
        "--json", action="store_true", help="write nothing but the numbers measured, as JSON"
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo; return 0 if it showed what it should. Raises BackendFailed."""
    # Imported only now: the backend is a module of this package, and has to start fast.
    from tablewatch.cli.demo.show import show  # noqa: PLC0415

    return show(quick=args.quick, as_json=args.json)
