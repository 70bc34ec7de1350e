"""The command line."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

from tablewatch import __version__
from tablewatch.cli.check.metrics import METRICS, Metric
from tablewatch.cli.check.ranges import Range, parse_range
from tablewatch.cli.check.states import State, parse_state

T = TypeVar("T")

# Those of tablewatch.config.daemon_settings, which takes as long to load as all of this.
SOCKET = "/var/run/tablewatch/control.sock"
PORT = 10099
MAX_SECONDS = 3600.0
_SECONDS = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3})?")

DESCRIPTION = """\
Check the tables that tablewatchd watches. Without --metric their condition decides: WARNING when
there is something to repair, CRITICAL when users get temporary errors.
"""


class UsageError(Exception):
    """A command line that can't be obeyed; says what to write instead."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. ``socket`` and ``url`` are "" where not given.

    ``seconds`` are for everything; ``late`` is the state when they are over.
    """

    socket: str = ""
    url: str = ""
    credentials: str = ""
    ca_file: str = ""
    tables: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    warnings: Mapping[str, Range] = field(default_factory=dict)
    criticals: Mapping[str, Range] = field(default_factory=dict)
    seconds: float = 10.0
    late: State = State.UNKNOWN
    verbose: int = 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse(arguments: list[str]) -> Options:
    """Return what `arguments` ask for. Raises UsageError; SystemExit after --help, --version."""
    given = _parser().parse_args(arguments)
    try:
        return _options(given)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="check_tablewatch",
        description=DESCRIPTION,
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    version = f"check_tablewatch v{__version__} (tablewatch {__version__})"
    parser.add_argument("-V", "--version", action="version", version=version)
    parser.add_argument("-v", "--verbose", action="count", default=0, help="more; up to -vvv")
    parser.add_argument(
        "-t",
        "--timeout",
        default="10",
        metavar="SECONDS[:STATE]",
        help="give up after so long, with this state; default 10:UNKNOWN",
    )
    where = parser.add_argument_group("whom to ask").add_mutually_exclusive_group()
    where.add_argument(
        "-s", "--socket", default="", metavar="PATH", help=f"its control socket; default {SOCKET}"
    )
    where.add_argument(
        "-u", "--url", default="", metavar="URL", help="its page, like https://mx.example.org:10099"
    )
    where.add_argument(
        "-H", "--hostname", default="", metavar="HOST", help="the same as -u http://HOST:PORT"
    )
    parser.add_argument("-p", "--port", metavar="PORT", help=f"with -H; default {PORT}")
    parser.add_argument(
        "--credentials", default="", metavar="FILE", help="for -u and -H: a file with user:password"
    )
    parser.add_argument(
        "--ca-file", default="", metavar="FILE", help="for -u: trust certificates signed by these"
    )
    what = parser.add_argument_group("what to judge")
    what.add_argument(
        "--table", action="append", default=[], metavar="NAME", help="this table; may be repeated"
    )
    what.add_argument(
        "--metric", action="append", default=[], metavar="NAME", help="this figure; may be repeated"
    )
    for name in ("warning", "critical"):
        what.add_argument(
            f"-{name[0]}",
            f"--{name}",
            action="append",
            default=[],
            metavar="[METRIC=]RANGE",
            help=f"{name.upper()} outside of it; may be repeated, once per metric",
        )
    return parser


def _epilog() -> str:
    names = "\n".join(f"  {each.name:<12} {each.unit:<2} {each.what}" for each in METRICS.values())
    return f"metrics, their units, and what they are:\n{names}\n\nSee check_tablewatch(1)."


def _options(given: argparse.Namespace) -> Options:
    seconds, late = _timeout(given.timeout)
    url = _url(given.url, given.hostname, given.port)
    if not url and (given.credentials or given.ca_file):
        raise ValueError("--credentials and --ca-file go with --url; a socket needs neither")
    named = [_metric(name) for name in given.metric]
    warnings = _ranges("--warning", given.warning, named)
    criticals = _ranges("--critical", given.critical, named)
    named += [METRICS[name] for name in (*warnings, *criticals)]
    return Options(
        socket=given.socket,
        url=url,
        credentials=given.credentials,
        ca_file=given.ca_file,
        tables=_once(given.table),
        metrics=_once(named),
        warnings=warnings,
        criticals=criticals,
        seconds=seconds,
        late=late,
        verbose=given.verbose,
    )


def _timeout(text: str) -> tuple[float, State]:
    seconds, colon, state = text.partition(":")
    if not _SECONDS.fullmatch(seconds) or not 0 < float(seconds) <= MAX_SECONDS:
        raise ValueError(f"--timeout: {text!r} is none; write 10 or 10:CRITICAL, up to an hour")
    return float(seconds), parse_state(state) if colon else State.UNKNOWN


def _url(url: str, host: str, port: str | None) -> str:
    if port is not None and not host:
        raise ValueError("--port goes with --hostname; write the port of an address into --url")
    if not host:
        return url
    number = str(PORT) if port is None else port
    if not re.fullmatch(r"[0-9]{1,5}", number) or not 1 <= int(number) <= 65535:
        raise ValueError(f"--port: {number!r} is no port; write a number from 1 to 65535")
    if not re.fullmatch(r"[A-Za-z0-9:._-]+", host):
        raise ValueError(f"--hostname: {host!r} is no name or address of a host")
    return f"http://[{host}]:{number}" if ":" in host else f"http://{host}:{number}"


def _metric(name: str) -> Metric:
    if name in METRICS:
        return METRICS[name]
    near = difflib.get_close_matches(name, METRICS, 1)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(METRICS)}"
    raise ValueError(f"no metric {name!r}; {hint}")


def _ranges(option: str, texts: list[str], named: list[Metric]) -> dict[str, Range]:
    found: dict[str, Range] = {}
    for text in texts:
        name, equals, written = text.rpartition("=")
        if equals:
            name = _metric(name).name
        elif len(named) == 1:
            name = named[0].name
        else:
            trouble = "of which metric?" if named else "a range needs a metric;"
            raise ValueError(f"{option} {text}: {trouble} write it like {option} p99={text}")
        if name in found:
            raise ValueError(f"{option}: two ranges for {name}; write one")
        try:
            found[name] = parse_range(written)
        except ValueError as error:
            raise ValueError(f"{option}: {error}") from None
    return found


def _once(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
