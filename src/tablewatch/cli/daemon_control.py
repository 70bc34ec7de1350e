"""Asking tablewatchd: what the commands that do so have in common.

Their exit status is 0 if everything was done, 1 if something was refused, 3 if tablewatchd could
not be asked.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable

from tablewatch.cli.configured import read_configuration
from tablewatch.cli.paper import clean, prepare_output
from tablewatch.cli.status_view import missing
from tablewatch.config.daemon_settings import CONTROL_SOCKET, DaemonSettings
from tablewatch.config.durations import format_duration, parse_duration
from tablewatch.control.client import Control, Reply
from tablewatch.control.entries import QuarantineEntry
from tablewatch.control.records import from_plain
from tablewatch.errors import ConfigError, ControlError
from tablewatch.record import Record, field

EX_DONE = 0
EX_REFUSED = 1
EX_UNKNOWN = 3
EXITS = "exit status: 0 done, 1 refused or failed, 3 tablewatchd can't be asked, 64 usage"

# What the daemon may need beyond the time it waits for the supervisors, in seconds.
_MARGIN = 5.0
# How long something holds unless it is said.
_TERM = "1h"


class Outcome(Record):
    """What became of a command at one table. Beyond ``ok`` and ``text``: of quarantine only."""

    ok: bool
    text: str = ""
    released: int = 0
    total: int = 0
    entries: list[QuarantineEntry] = field(default_factory=list)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that asks tablewatchd."""
    parser.add_argument(
        "--socket",
        type=_path,
        metavar="PATH",
        help=f"the control socket (default: {CONTROL_SOCKET} in daemon.directory)",
    )
    parser.add_argument("--json", action="store_true", help="tell a program")
    parser.set_defaults(complain=parser.error)


def add_target(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add TABLE and --all, one of which has to be given unless it is not `required`."""
    which = parser.add_mutually_exclusive_group(required=required)
    which.add_argument("table", nargs="?", type=table_name, metavar="TABLE", help="this table")
    which.add_argument("--all", action="store_true", help="every table of this host")


def add_table(parser: argparse.ArgumentParser) -> None:
    """Add TABLE, which need not be given."""
    parser.add_argument("table", nargs="?", type=table_name, metavar="TABLE", help="default: all")


def add_term(parser: argparse.ArgumentParser) -> None:
    """Add --for, in seconds: one hour unless it is said."""
    parser.add_argument(
        "--for",
        dest="seconds",
        type=term,
        default=_TERM,
        metavar="TIME",
        help=f"90s, 30m, 1h30m (default: {_TERM})",
    )


def table_name(text: str) -> str:
    """Return the name of a table; an empty one, which would mean all of them, is refused."""
    if not text:
        raise argparse.ArgumentTypeError("the name of a table can't be empty; --all is all")
    return text


def term(text: str) -> float:
    """Return a time for which something holds, in seconds."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not seconds:
        raise argparse.ArgumentTypeError("a time has to be more than 0")
    return seconds


def control(path: str | None) -> Control:
    """Return the connection to the socket `path`, or to the one of the configuration.

    Of a configuration that can't be read nothing is said as long as there is the usual socket: the
    supervisors use it, and tell what is wrong with it.
    """
    settings, trouble = DaemonSettings(), ""
    if not path:
        try:
            settings = read_configuration().daemon
        except ConfigError as error:
            trouble = str(error)
        path = os.path.join(settings.directory, CONTROL_SOCKET)
    if trouble and not os.path.exists(path):
        say(f"{trouble}\nso {path} is tried; name another with --socket", well=False)
    return Control(path, settings.timeout + _MARGIN)


def converse(args: argparse.Namespace, talk: Callable[[Control], int]) -> int:
    """Return what `talk` does, or say why tablewatchd can't be asked and return EX_UNKNOWN."""
    prepare_output()
    try:
        return talk(control(args.socket))
    except ControlError as error:
        show(args, Reply(False, str(error)), {})
        return EX_UNKNOWN


def order(args: argparse.Namespace, command: str, table: str, **arguments: object) -> int:
    """Have tablewatchd do something about `table` ("": all), and show what it says."""

    def talk(control: Control) -> int:
        return show(args, *ask(control, command, table, **arguments))

    return converse(args, talk)


def ask(
    control: Control, command: str, table: str, **arguments: object
) -> tuple[Reply, dict[str, Outcome]]:
    """Return the reply and what it says of each table; raises ControlError.

    A refusal because there is no such table names those that come near.
    """
    reply = control.ask(command, table, **arguments)
    if not reply.ok and table and (hint := missing(control.status(), [table])):
        reply = Reply(False, hint)
    tables = reply.data.get("tables", {})
    if not isinstance(tables, dict):
        raise ControlError("tablewatchd's answer can't be understood: tables is no object")
    return reply, {name: from_plain(Outcome, each, name[:40]) for name, each in tables.items()}


def show(args: argparse.Namespace, reply: Reply, outcomes: dict[str, Outcome]) -> int:
    """Print what became of a command, for a person or a program, and return the exit status.

    A command that was given a time says for how long it holds. Tables of which the same is to be
    said, one broken configuration for instance, share a line.
    """
    text = reply.text
    if reply.ok and not outcomes:
        text = "no table is connected; nothing was done"
    good = reply.ok and bool(outcomes) and all(each.ok for each in outcomes.values())
    if args.json:
        tables = reply.data.get("tables", {})
        print(json.dumps({"ok": good, "text": text, "tables": tables}, indent=2))
        return EX_DONE if good else EX_REFUSED
    if text:
        say(text, well=good)
    term = f" for {format_duration(args.seconds)}" if "seconds" in args else ""
    alike: dict[tuple[bool, str], list[str]] = {}
    for name, each in sorted(outcomes.items()):
        alike.setdefault((each.ok, each.text), []).append(clean(name))
    for (ok, told), names in alike.items():
        said = f"{told or 'done'}{term}" if ok else told or "failed"
        say(f"{', '.join(names)}: {said}", well=ok)
    return EX_DONE if good else EX_REFUSED


def say(text: str, *, well: bool = True) -> None:
    """Print what was done; on stderr what was not."""
    shown = clean(text, lines=True).rstrip("\n")
    print(shown if well else f"tablewatch: {shown}", file=sys.stdout if well else sys.stderr)


def _path(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the path of the socket can't be empty")
    return text
