"""``tablewatch query``: ask a table backend what smtpd would ask it, as ``postmap -q`` does.

The exit status is postmap's, too: 0 found, 1 not found, and EX_TEMPFAIL when there is no answer.
"""

from __future__ import annotations

import argparse
import os
import pwd
import signal
import sys
import time
from collections.abc import Iterable, Sequence

from tablewatch.cli import access
from tablewatch.cli.asking import Asker, Speaker, Target
from tablewatch.cli.configured import configuration
from tablewatch.cli.connecting import connect
from tablewatch.cli.report import Report
from tablewatch.config.daemon_settings import SMTPD_USERS
from tablewatch.config.durations import parse_duration
from tablewatch.config.settings import Config
from tablewatch.errors import BackendFailed, TablewatchError
from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.messages import SERVICES, Operation, Verdict
from tablewatch.protocol.text import TEXT
from tablewatch.supervisor.programs import backend_name, find_backend

EX_FOUND = 0
EX_NOT_FOUND = 1
EX_USAGE = 64
EX_TEMPFAIL = 75
# Longer than the supervisor's deadlines, so that through watch-BACKEND it is the supervisor's
# answer that is seen, and not our impatience.
TIMEOUT = 10.0
UPDATE_TIMEOUT = 65.0
MAX_TIMEOUT = 3600.0

_PROTOCOLS: dict[str, tuple[Speaker, ...]] = {
    "auto": (TEXT, IMSG),
    "text": (TEXT,),
    "imsg": (IMSG,),
}

_STATUS = {
    Verdict.FOUND: EX_FOUND,
    Verdict.NOT_FOUND: EX_NOT_FOUND,
    Verdict.ERROR: EX_TEMPFAIL,
}

DESCRIPTION = """\
Start a table backend as smtpd would, ask it, and print the answer. With credentials that includes
the password hash. What the backend logs goes to stderr.
"""
EPILOG = """\
exit status: 0 found, 1 not found, 75 no answer (error, timeout, death), 64 usage

  tablewatch query mysql:/etc/mail/mysql.conf credentials alice@example.org
  tablewatch query watch-mysql:/etc/mail/mysql.conf domain example.org --check
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "query",
        help="ask a table backend what smtpd would ask it",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "target",
        metavar="BACKEND:CONF",
        help="as in smtpd.conf; BACKEND may be watch-mysql, or the path of a program",
    )
    parser.add_argument(
        "service", nargs="?", choices=SERVICES, metavar="SERVICE", help=", ".join(SERVICES)
    )
    parser.add_argument("key", nargs="?", metavar="KEY", help='"-" reads keys from stdin, by line')
    operation = parser.add_mutually_exclusive_group()
    for name, text in (
        (Operation.CHECK, "only ask whether the key is there"),
        (Operation.FETCH, "ask for the next entry, whichever it is (no KEY)"),
        (Operation.UPDATE, "have the backend read its data anew (no SERVICE, no KEY)"),
    ):
        operation.add_argument(
            f"--{name}",
            dest="operation",
            action="store_const",
            const=name,
            help=text,
            default=Operation.LOOKUP,
        )
    parser.add_argument(
        "--timeout",
        type=_timeout,
        metavar="TIME",
        help="for the handshake and for each answer (default 10s; 65s for --update)",
    )
    parser.add_argument("--protocol", choices=_PROTOCOLS, default="auto", help="default: try both")
    parser.add_argument(
        "--table", default="query", metavar="NAME", help="the table's name as the backend is told"
    )
    parser.add_argument("--user", metavar="NAME", help="run the backend as this user (root only)")
    parser.add_argument("--json", action="store_true", help="one JSON object per answer")
    parser.set_defaults(complain=parser.error)


def run(args: argparse.Namespace) -> int:
    """Ask, print, and return the exit status."""
    _check_usage(args)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # ends the backend, too
    try:
        config = configuration()
        if args.user:
            _become(args.user)
        target = _target(args, config)
        return _Query(args, target, config).run()
    except BrokenPipeError:
        raise
    except (TablewatchError, OSError) as error:
        print(f"tablewatch: {error}", file=sys.stderr)
        return EX_TEMPFAIL


class _Query:
    """One run: a backend, started anew after each failure, and the questions to it."""

    def __init__(self, args: argparse.Namespace, target: Target, config: Config) -> None:
        self._target = target
        self._config = config
        self._operation: Operation = args.operation
        self._service: str | None = args.service
        self._key: str | None = args.key
        default = UPDATE_TIMEOUT if self._operation is Operation.UPDATE else TIMEOUT
        self._timeout: float = args.timeout or default
        self._protocol: str = args.protocol
        self._report = Report(
            os.path.basename(target.program),
            self._operation,
            self._service,
            as_json=args.json,
            many=args.key == "-",
        )
        # A supervisor counts by itself, and what it does then is what one wants to see.
        retries = config.table(target.table).max_retries
        self._max_retries = None if target.supervised else retries
        self._statuses: set[int] = set()

    def run(self) -> int:
        self._note_about_access()
        dialects = self._dialects()
        asker: Asker | None = None
        done = False
        try:
            for key in self._keys():
                if asker is None:
                    asker = self._connect(self._target, dialects)
                    dialects = (asker.dialect,)
                if not self._ask(asker, key):
                    asker.close(at_once=True)
                    asker = None
            done = True
        finally:
            if asker is not None:
                asker.close(at_once=not done)
        for status in (EX_USAGE, EX_TEMPFAIL, EX_FOUND):
            if status in self._statuses:
                return status
        return EX_NOT_FOUND

    def _ask(self, asker: Asker, key: bytes | None) -> bool:
        """Ask one question and show the answer; return whether the backend is good for more."""
        begin = time.monotonic()
        protocol = asker.dialect.name
        try:
            answer = asker.ask(self._operation, self._service, key, self._timeout)
        except ValueError as error:
            self._statuses.add(EX_USAGE)
            self._report.failed(key, _unaskable(key, error), protocol, 0.0)
            return True
        except BackendFailed as error:
            self._statuses.add(EX_TEMPFAIL)
            self._report.failed(key, str(error), protocol, time.monotonic() - begin)
            return False
        self._report.answered(key, answer, asker.cause, protocol, time.monotonic() - begin)
        self._statuses.add(_STATUS[answer.verdict])
        return True

    def _connect(self, target: Target, dialects: Sequence[Speaker]) -> Asker:
        return connect(target, dialects, self._timeout, self._report.heard, self._max_retries)

    def _dialects(self) -> Sequence[Speaker]:
        """Return the protocols to try."""
        name = backend_name(self._target.program)
        if self._protocol != "auto" or name is None:
            return _PROTOCOLS[self._protocol]
        # A supervisor speaks both, and passes on the one it is spoken to in: ask its backend.
        directories = (os.path.dirname(self._target.program), *self._config.backend_path)
        try:
            bare = self._target._replace(program=find_backend(name, directories))
            with self._connect(bare, _PROTOCOLS["auto"]) as asker:
                return (asker.dialect,)
        except TablewatchError as error:
            self._report.note(f"without its supervisor: {error}; going on with the text protocol")
            return _PROTOCOLS["text"]

    def _keys(self) -> Iterable[bytes | None]:
        if self._key == "-":
            return (line.removesuffix(b"\n") for line in sys.stdin.buffer if line != b"\n")
        return (None if self._key is None else os.fsencode(self._key),)

    def _note_about_access(self) -> None:
        """Say so when this works only because we are somebody else than smtpd."""
        who = access.account(SMTPD_USERS)
        if who is None or who.uid == os.geteuid():
            return
        obstacles = access.run_obstacles(self._target.program, who)
        if os.path.exists(self._target.conf):
            obstacles += access.read_obstacles(self._target.conf, who)
        for obstacle in dict.fromkeys(obstacles):
            self._report.note(f"note: smtpd runs this as {who.name}, which can't: {obstacle}")


def _check_usage(args: argparse.Namespace) -> None:
    needs = {Operation.UPDATE: (), Operation.FETCH: ("service",)}
    needed = needs.get(args.operation, ("service", "key"))
    for name in ("service", "key"):
        given = getattr(args, name) is not None
        if given and name not in needed:
            args.complain(f"{args.operation} takes no {name.upper()}")
        if not given and name in needed:
            args.complain(f"{args.operation} needs a {name.upper()}")
    backend, _, conf = args.target.partition(":")
    if not backend or not conf:
        args.complain("say BACKEND:CONF as in smtpd.conf, for example mysql:/etc/mail/mysql.conf")


def _target(args: argparse.Namespace, config: Config) -> Target:
    backend, _, conf = args.target.partition(":")
    if "/" in backend:
        program = os.path.abspath(backend)
    else:
        program = find_backend(backend, config.backend_path)
    return Target(program, os.path.abspath(conf), args.table)


def _become(name: str) -> None:
    """Go on as the user `name`, with all of its groups and nothing else."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise TablewatchError(f"no user {name}") from None
    try:
        os.initgroups(name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    except PermissionError:
        raise TablewatchError("only root can use --user") from None


def _timeout(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not 0 < seconds <= MAX_TIMEOUT:
        raise argparse.ArgumentTypeError("a timeout is more than 0 and at most 1h")
    return seconds


def _unaskable(key: bytes | None, error: ValueError) -> str:
    if key and (b"\n" in key or b"\r" in key):
        return (
            "the text protocol can't carry a key with a line end in it; smtpd (7.8.0p1 and later) "
            "answers such a key with an error itself"
        )
    return f"smtpd can't ask this: {error}"
