"""``tablewatch status``: how the tables of this host are doing, once or live."""

from __future__ import annotations

import argparse
import json
import re
import sys

from tablewatch.cli import daemon_control, status_view, watch
from tablewatch.cli.paper import paper_of, prepare_output
from tablewatch.cli.terminal import can_draw
from tablewatch.config.durations import parse_duration
from tablewatch.control.client import Control
from tablewatch.control.plain import chosen, plain
from tablewatch.control.status import UNKNOWN
from tablewatch.errors import ControlError

DESCRIPTION = """\
Show every table of this host, the worst first, and for each that is not well: why, what was done
about it, and what to do.
"""
EPILOG = """\
exit status: 0 all ok, 1 warning, 2 critical, 3 unknown or no tablewatchd, 64 usage
"""
_INTERVAL = "2"
_SHORTEST, _LONGEST = 0.1, 3600.0
_NUMBER = re.compile(r"[0-9]{1,5}(\.[0-9]{1,3})?")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "status",
        help="show how the tables are doing",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "tables",
        nargs="*",
        type=daemon_control.table_name,
        metavar="TABLE",
        help="only these tables",
    )
    parser.add_argument(
        "--watch",
        nargs="?",
        const=_INTERVAL,
        metavar="SECONDS",
        help=f"again and again, every {_INTERVAL} seconds by default",
    )
    daemon_control.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Show it and return the exit status."""
    prepare_output()
    names = list(args.tables)
    interval = None
    if args.watch is not None and not args.watch[:1].isdigit():
        names.append(args.watch)  # `--watch creds`: nobody means a number by that
        args.watch = _INTERVAL
    if args.watch is not None:
        interval = _interval(args)
    control = daemon_control.control(args.socket)
    if interval is None:
        return _once(control, names, as_json=args.json)
    if can_draw() and not args.json:
        return watch.watch(control.status, names, interval)
    return watch.follow(control.status, names, interval, as_json=args.json)


def _once(control: Control, names: list[str], *, as_json: bool) -> int:
    try:
        host = control.status()
        if error := status_view.missing(host, names):
            raise ControlError(error)
    except ControlError as error:
        if as_json:
            print(json.dumps({"level": UNKNOWN, "error": str(error)}, indent=2))
        else:
            daemon_control.say(str(error), well=False)
        return status_view.EXIT_STATUS[UNKNOWN]
    host = chosen(host, names)
    if as_json:
        print(json.dumps(plain(host), indent=2))
    else:
        print("\n".join(status_view.lines(host, paper_of(sys.stdout))))
    return status_view.EXIT_STATUS[host.level]


def _interval(args: argparse.Namespace) -> float:
    """Return the seconds in `5`, `0.5` or `500ms`."""
    try:
        seconds = float(args.watch) if _NUMBER.fullmatch(args.watch) else parse_duration(args.watch)
    except ValueError as error:
        args.complain(f"argument --watch: {error}")
    if not _SHORTEST <= seconds <= _LONGEST:
        args.complain(f"argument --watch: write {_SHORTEST:g} to {_LONGEST:g} seconds")
    return seconds
