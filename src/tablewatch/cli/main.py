"""The program ``tablewatch``: picks the subcommand and turns errors into one clear message."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Container
from typing import NoReturn

from tablewatch import __version__, corefile
from tablewatch.errors import TablewatchError

# Name: (module, line of help). A module is loaded when its command is given, no sooner.
COMMANDS = {
    "install": ("tablewatch.cli.install", "make the links smtpd runs the supervisor by"),
    "uninstall": ("tablewatch.cli.uninstall", "remove the links again"),
    "query": ("tablewatch.cli.query", "ask a table backend what smtpd would ask it"),
    "check-config": ("tablewatch.cli.check_config", "check and explain the configuration"),
    "status": ("tablewatch.cli.status", "show how the tables are doing"),
    "incidents": ("tablewatch.cli.incidents", "show what went wrong, and what to do about it"),
    "doctor": ("tablewatch.cli.doctor", "find what is wrong with the databases, and the repair"),
    "quarantine": ("tablewatch.cli.quarantine", "list, release and add refused keys"),
    "reset": ("tablewatch.cli.reset", "forget all trouble, ask the database again"),
    "pause": ("tablewatch.cli.pause", "leave a table's database alone for a while"),
    "resume": ("tablewatch.cli.resume", "end a pause"),
    "reload": ("tablewatch.cli.reload", "have the supervisors read tablewatch.yml again"),
    "completion": ("tablewatch.cli.completion", "make a shell complete our commands"),
    "demo": ("tablewatch.cli.demo", "show a runaway backend, bare and supervised"),
}
EX_USAGE = 64  # sysexits(3)


class Parser(argparse.ArgumentParser):
    """A parser that exits with EX_USAGE; argparse's own 2 would say nothing in particular."""

    def error(self, message: str) -> NoReturn:
        """Print usage and `message` to stderr and exit."""
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, f"{self.prog}: {message}\n")


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (default: ours) and return its exit status."""
    if argv is None:  # this process is ours: backends and doctors see passwords
        corefile.refuse()
    arguments = sys.argv[1:] if argv is None else argv
    try:
        status = _run(arguments)
        sys.stdout.flush()  # a reader that has left is noticed here, not in the interpreter's exit
    except TablewatchError as error:
        print(f"tablewatch: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # `tablewatch ... | head` is no error; nothing more may be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return status


def make_parser(loaded: Container[str]) -> Parser:
    """Return the parser, which knows the arguments of the commands in `loaded` only."""
    parser = Parser(
        prog="tablewatch",
        description="Keep an OpenSMTPD server up when one of its table backends runs away.",
        epilog="See tablewatch(1); the supervisor is described in table-watch(8), the daemon in "
        "tablewatchd(8).",
    )
    parser.add_argument("--version", action="version", version=f"tablewatch {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        if name in loaded:
            importlib.import_module(module).add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=summary)
    return parser


def _run(arguments: list[str]) -> int:
    wanted = next((each for each in arguments if not each.startswith("-")), "")
    parser = make_parser((wanted,))
    if wanted and wanted not in COMMANDS:
        near = difflib.get_close_matches(wanted, COMMANDS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(COMMANDS)}"
        parser.error(f"no command {wanted}; {hint}")
    args = parser.parse_args(arguments)
    status: int = importlib.import_module(COMMANDS[args.command][0]).run(args)
    return status


if __name__ == "__main__":
    sys.exit(main())
