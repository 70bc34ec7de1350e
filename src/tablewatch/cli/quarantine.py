"""``tablewatch quarantine``: see which keys are refused, free them, or refuse one."""

from __future__ import annotations

import argparse
import json
import os
import sys

from tablewatch.cli import daemon_control
from tablewatch.cli.daemon_control import EX_DONE, EX_REFUSED, Outcome
from tablewatch.cli.paper import paper_of
from tablewatch.cli.quarantine_view import lines
from tablewatch.config.quotes import nearest, shown
from tablewatch.config.settings import SERVICES
from tablewatch.control.client import Control, Reply
from tablewatch.control.figures import several
from tablewatch.control.records import to_plain

DESCRIPTION = "See which keys are refused without asking the database, free them, or refuse one."
LIST = """\
List the refused keys of a table, or of all tables: those that were met longest ago first. They are
shown masked, because a key itself is kept nowhere. As for all that is done here, that is for root
and the users in daemon.operators of tablewatch.yml.
"""
RELEASE = "Free keys by the ID that list shows, by the key itself, or all of a table."
ADD = """\
Refuse a key, without its having done anything. Write - as KEY to have it read from the standard
input: every user of the host can see arguments.
"""
# A message of smtpd, with a key in it, ends at this many bytes (IMSG_MAX_MSG_SIZE).
_LONGEST_KEY = 16_384
_STDIN = "-"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its own."""
    parser = subparsers.add_parser(
        "quarantine",
        help="list, release and add refused keys",
        description=DESCRIPTION,
        epilog=daemon_control.EXITS,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for add in (_add_list, _add_release, _add_add):
        daemon_control.add_options(add(actions))


def _add_list(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    parser = actions.add_parser("list", help="list refused keys", description=LIST)
    daemon_control.add_table(parser)
    return parser


def _add_release(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    parser = actions.add_parser("release", help="free refused keys", description=RELEASE)
    parser.add_argument("table", type=daemon_control.table_name, metavar="TABLE")
    parser.add_argument("ids", nargs="*", metavar="ID", help="as list shows it")
    parser.add_argument(
        "--key",
        nargs=2,
        metavar=("SERVICE", "KEY"),
        help='this key; "-" as KEY reads it from stdin',
    )
    parser.add_argument("--all", action="store_true", help="every key, and every kind of keys")
    return parser


def _add_add(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    parser = actions.add_parser("add", help="refuse a key", description=ADD)
    parser.add_argument("table", type=daemon_control.table_name, metavar="TABLE")
    parser.add_argument("service", type=_service, metavar="SERVICE", help=", ".join(SERVICES))
    parser.add_argument("key", metavar="KEY", help='"-" reads it from stdin')
    daemon_control.add_term(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do it, and return the exit status."""
    if args.action == "list":
        return daemon_control.converse(args, lambda control: _list(control, args))
    if args.action == "release":
        return _release(args)
    key = _key(args, args.key)
    arguments = {"service": args.service, "key": key, "seconds": args.seconds}
    return daemon_control.order(args, "add", args.table, **arguments)


def _list(control: Control, args: argparse.Namespace) -> int:
    reply, outcomes = daemon_control.ask(control, "quarantine", args.table or "", offset=0)
    if not reply.ok or not outcomes:
        return daemon_control.show(args, reply, outcomes)
    outcomes = {name: _whole(control, name, each) for name, each in sorted(outcomes.items())}
    good = all(each.ok for each in outcomes.values())
    if args.json:
        print(json.dumps({"ok": good, "text": reply.text, "tables": _plain(outcomes)}, indent=2))
        return EX_DONE if good else EX_REFUSED
    paper = paper_of(sys.stdout)
    listed = [lines(name, each, paper) for name, each in outcomes.items() if each.ok]
    print("\n\n".join("\n".join(each) for each in listed), end="\n" if listed else "")
    for name, each in outcomes.items():
        if not each.ok:
            daemon_control.say(f"{name}: {each.text or 'failed'}", well=False)
    return EX_DONE if good else EX_REFUSED


def _whole(control: Control, table: str, first: Outcome) -> Outcome:
    """Return all entries, of which `first` has the first page.

    A key that is met meanwhile moves to the end, and one that expires leaves: none is shown twice,
    and one may be missed.
    """
    entries = {each.id: each for each in first.entries}
    offset = len(first.entries)
    while first.ok and offset < first.total:
        _, outcomes = daemon_control.ask(control, "quarantine", table, offset=offset)
        page = outcomes.get(table, Outcome(False, "it left while it was asked"))
        if not page.ok:
            return page
        if not page.entries:
            break
        entries.update((each.id, each) for each in page.entries)
        offset += len(page.entries)
    return Outcome(first.ok, first.text, total=first.total, entries=list(entries.values()))


def _plain(outcomes: dict[str, Outcome]) -> dict[str, object]:
    return {
        name: {
            "ok": each.ok,
            "text": each.text,
            "total": each.total,
            "entries": to_plain(each.entries),
        }
        for name, each in outcomes.items()
    }


def _release(args: argparse.Namespace) -> int:
    if bool(args.ids) + (args.key is not None) + args.all != 1:
        args.complain("say which keys: IDs, --key SERVICE KEY, or --all")
    if args.all:
        return daemon_control.order(args, "release", args.table, all=True)
    wanted: list[dict[str, object]] = [{"id": each} for each in args.ids]
    if args.key is not None:
        try:
            service = _service(args.key[0])
        except argparse.ArgumentTypeError as error:
            args.complain(f"argument --key: {error}")
        wanted = [{"service": service, "key": _key(args, args.key[1])}]

    def talk(control: Control) -> int:
        released = 0
        unknown: list[str] = []
        for arguments in wanted:
            reply, outcomes = daemon_control.ask(control, "release", args.table, **arguments)
            outcome = outcomes.get(args.table, Outcome(False))
            if not outcome.ok:
                return daemon_control.show(args, reply, outcomes)
            released += outcome.released
            if not outcome.released:
                unknown.append(str(arguments.get("id", "this key")))
        return _tell_released(args, released, unknown)

    return daemon_control.converse(args, talk)


def _tell_released(args: argparse.Namespace, released: int, unknown: list[str]) -> int:
    said = f"{several(released, 'key')} released" if released or not unknown else ""
    if unknown:
        missed = f"not refused: {', '.join(unknown)}; see tablewatch quarantine list"
        said = f"{said}; {missed}" if said else missed
    plain = {"ok": not unknown, "text": said, "released": released}
    reply = Reply(True, data={"tables": {args.table: plain}})
    return daemon_control.show(args, reply, {args.table: Outcome(not unknown, said)})


def _service(text: str) -> str:
    if text == "auth":
        raise argparse.ArgumentTypeError(
            "the keys of auth hold passwords and are never kept, so none of them is ever refused"
        )
    if text not in SERVICES:
        near = nearest(text, SERVICES)
        hint = f"did you mean {near}?" if near else f"there is {', '.join(SERVICES)}"
        raise argparse.ArgumentTypeError(f"no service {shown(text)}; {hint}")
    return text


def _key(args: argparse.Namespace, text: str) -> str:
    """Return the key as it goes over the wire: bytes that are no UTF-8 as surrogates."""
    if text == _STDIN:
        if sys.stdin.isatty():
            print("key: ", end="", file=sys.stderr, flush=True)
        key = sys.stdin.buffer.readline(_LONGEST_KEY + 2).removesuffix(b"\n")
    else:
        key = os.fsencode(text)
    if not key:
        args.complain("a key can't be empty")
    if len(key) > _LONGEST_KEY:
        args.complain(f"a key has at most {_LONGEST_KEY} bytes")
    return key.decode("utf-8", "surrogateescape")
