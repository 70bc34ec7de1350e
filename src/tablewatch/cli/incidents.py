"""``tablewatch incidents``: what went wrong, when, why, what it cost, and what to do about it."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys

from tablewatch.cli import daemon_control, incident_view
from tablewatch.cli.daemon_control import EX_DONE, EX_REFUSED
from tablewatch.cli.paper import clean, paper_of
from tablewatch.control import incident_page
from tablewatch.control.client import Control, Reply
from tablewatch.control.incident import Kept
from tablewatch.control.incident_summary import LAST, Summary, choose
from tablewatch.control.records import from_plain, to_plain
from tablewatch.errors import ControlError, TablewatchError

DESCRIPTION = """\
Show what went wrong with the tables: what the signs were, what was done, what it cost, the cause,
and what to do. Without an ACTION they are listed.
"""
LIST = """\
List the incidents of a table, or of all tables, the newest first. They hold masked keys and what
the database said, so that is for root and the users in daemon.operators of tablewatch.yml.
"""
SHOW = "Show an incident: what happened by the wall clock and in seconds from its opening, and why."
EXPORT = """\
Write an incident as a page that needs nothing else, to be read in a browser, printed or sent to
somebody, or as JSON. No key in it is unmasked.
"""
_ID_HELP = f'as list shows it, or how it begins; "{LAST}" is the newest'
# Whoever exports it says who else may read it.
_MODE = 0o600


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its own."""
    parser = subparsers.add_parser(
        "incidents",
        help="show what went wrong, and what to do about it",
        description=DESCRIPTION,
        epilog=daemon_control.EXITS,
    )
    parser.set_defaults(table=None, socket=None, json=False)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    for add in (_add_list, _add_show, _add_export):
        daemon_control.add_options(add(actions))


def _add_list(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    parser = actions.add_parser("list", help="list them", description=LIST)
    daemon_control.add_table(parser)
    return parser


def _add_show(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    parser = actions.add_parser("show", help="show one", description=SHOW)
    parser.add_argument("id", metavar="ID", help=_ID_HELP)
    return parser


def _add_export(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    parser = actions.add_parser("export", help="write one to a file", description=EXPORT)
    parser.add_argument("id", metavar="ID", help=_ID_HELP)
    parser.add_argument("--html", action="store_true", help="a page, which is the default")
    parser.add_argument("-o", "--output", metavar="FILE", help="this file (default: stdout)")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do it, and return the exit status."""
    if args.action == "export":
        if args.html and args.json:
            args.complain("say one of --html and --json")
        return daemon_control.converse(args, lambda control: _export(control, args))
    if args.action == "show":
        return daemon_control.converse(args, lambda control: _show(control, args))
    return daemon_control.converse(args, lambda control: _list(control, args))


def _list(control: Control, args: argparse.Namespace) -> int:
    reply = control.ask("incidents", args.table or "")
    if not reply.ok:
        return _refused(args, reply.text)
    known = _summaries(reply)
    if args.json:
        _print({"ok": True, "text": "", "incidents": to_plain(known)})
    else:
        print("\n".join(incident_view.listing(known, paper_of(sys.stdout))))
    return EX_DONE


def _show(control: Control, args: argparse.Namespace) -> int:
    found = _find(control, args)
    if not isinstance(found, Kept):
        return found
    if args.json:
        _print({"ok": True, "text": "", "incident": to_plain(found)})
    else:
        print("\n".join(incident_view.story(found, paper_of(sys.stdout))))
    return EX_DONE


def _export(control: Control, args: argparse.Namespace) -> int:
    found = _find(control, args)
    if not isinstance(found, Kept):
        return found
    if args.json:
        text = json.dumps(to_plain(found), indent=2) + "\n"
    else:
        text = incident_page.render(found, host=socket.gethostname())
    if args.output is None:
        sys.stdout.buffer.write(text.encode())
        return EX_DONE
    try:
        file = os.open(args.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
        with open(file, "wb") as opened:
            opened.write(text.encode())
    except OSError as error:
        raise TablewatchError(f"{args.output}: {error.strerror}") from None
    return EX_DONE


def _find(control: Control, args: argparse.Namespace) -> Kept | int:
    """Return the incident that is meant, or the exit status after saying why there is none."""
    reply = control.ask("incidents")
    if not reply.ok:
        return _refused(args, reply.text)
    try:
        brief = choose(_summaries(reply), args.id)
    except ControlError as error:
        return _refused(args, str(error))
    reply = control.ask("incidents", id=brief.id)
    if not reply.ok:  # it was the oldest, and is forgotten
        return _refused(args, reply.text)
    return from_plain(Kept, reply.data.get("incident"))


def _summaries(reply: Reply) -> list[Summary]:
    listed = reply.data.get("incidents")
    if not isinstance(listed, list):
        raise ControlError("tablewatchd's answer can't be understood: incidents is no list")
    return [from_plain(Summary, each) for each in listed]


def _refused(args: argparse.Namespace, text: str) -> int:
    if args.json:
        _print({"ok": False, "text": clean(text)})
    else:
        daemon_control.say(text, well=False)
    return EX_REFUSED


def _print(plain: dict[str, object]) -> None:
    print(json.dumps(plain, indent=2))
