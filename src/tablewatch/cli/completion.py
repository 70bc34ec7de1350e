"""``tablewatch completion``: a script that lets a shell complete our command line."""

from __future__ import annotations

import argparse
import re
import sys

from tablewatch.cli import completion_shells, daemon_control
from tablewatch.cli.main import COMMANDS, make_parser
from tablewatch.errors import ControlError

SHELLS = {
    "bash": completion_shells.bash,
    "fish": completion_shells.fish,
    "ksh": completion_shells.ksh,
    "zsh": completion_shells.zsh,
}
DESCRIPTION = """\
Print a script for a shell, after which it completes commands, options, and, but for ksh, names of
tables. ksh is the one of OpenBSD.
"""
EPILOG = """\
Put one of these where your shell reads its own commands:

  bash   ~/.bashrc                  eval "$(tablewatch completion bash)"
  zsh    ~/.zshrc, after compinit   eval "$(tablewatch completion zsh)"
  ksh    ~/.kshrc                   eval "$(tablewatch completion ksh)"
  fish   config.fish                tablewatch completion fish | source
"""
# What every shell takes as it is: nothing else is offered to be put into a command line.
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@-]*")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "completion",
        help="make a shell complete our commands",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("shell", nargs="?", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    which.add_argument(
        "--tables", action="store_true", help="print the names of tables, for such a script"
    )


def run(args: argparse.Namespace) -> int:
    """Print it and return the exit status."""
    if args.tables:
        return _print_tables()
    sys.stdout.write(SHELLS[args.shell](completion_shells.tree(make_parser(COMMANDS))))
    return 0


def _print_tables() -> int:
    """Print names, without a word where there is no daemon: somebody is about to type."""
    try:
        host = daemon_control.control(None).status()
    except ControlError:
        return daemon_control.EX_UNKNOWN
    for report in host.tables:
        if _PLAIN.fullmatch(report.table):
            print(report.table)
    return 0
