"""Backends that are not what they should be: faults of the program behind a table.

In place of table-mysql stands programs/damaged.py, which runs the real one and damages what passes
while it is told to. So everything else is real, and all is well before the fault and after it. Only
the table of passwords is damaged; the others are for those who have nothing to do with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..attack import resting
from ..install import link_backend
from ..load import login
from ..smtpd import LIBEXEC, Smtpd
from ..world import World
from .fault import Act, Fault, Stage
from .programs import damaged

NAME = "damaged"
TABLE = "creds"
PROGRAM = f"{LIBEXEC}/table-{NAME}"
KEY = "mallory@example.org"  # the one login that does damage, where not all do

LINES = 100_000  # a second
MEGABYTE = 1 << 20


def options(supervised: bool, /) -> Mapping[str, Any]:
    """Smtpd's options for tables that are served through the damaged program."""

    def prepare(world: World) -> None:
        world.run(["chmod", "755", PROGRAM])
        if supervised:
            link_backend(world, NAME)

    text = "#!/usr/bin/python3 -I\n" + Path(damaged.__file__).read_text(encoding="utf-8")
    return {
        "backend": f"watch-{NAME}" if supervised else NAME,
        "files": {PROGRAM: text},
        "prepare": prepare,
    }


@contextlib.contextmanager
def damage(server: Smtpd, kind: str, **more: object) -> Iterator[None]:
    """Have the table's backend damage what passes, in the way and with the details given."""
    order = server.directory / f"{TABLE}.conf.damage"
    unfinished = order.with_suffix(".new")
    unfinished.write_text(json.dumps({"kind": kind, **more}), encoding="utf-8")
    unfinished.rename(order)
    try:
        yield
    finally:
        order.unlink(missing_ok=True)


def backends(server: Smtpd) -> list[int]:
    """The pids of the table's damaged programs, active one, spares and grandchildren."""
    wanted = [PROGRAM, f"/srv/{TABLE}.conf"]
    return [each.pid for each in server.table_processes() if wanted == list(each.argv[-2:])]


def kill_backends(server: Smtpd) -> None:
    """``kill -9`` to the table's backends; others are started in their place, if anybody does."""
    for pid in backends(server):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def _damaged(stage: Stage, *, kind: str, **details: object) -> Iterator[None]:
    with damage(stage.server, kind, **details):
        yield


@contextlib.contextmanager
def _damaged_by(stage: Stage, *, kind: str, **details: object) -> Iterator[None]:
    with damage(stage.server, kind, key=KEY, **details):
        stage.suspects.append(resting(login(stage.server, KEY)))
        yield


@contextlib.contextmanager
def _failing(stage: Stage) -> Iterator[None]:
    with damage(stage.server, "end"):
        kill_backends(stage.server)
        yield


def always(kind: str, **details: Any) -> Act:
    """Every lookup of a password is damaged."""
    return partial(_damaged, kind=kind, **details)


def once(kind: str, **details: Any) -> Act:
    """Only the lookups of one user are."""
    return partial(_damaged_by, kind=kind, **details)


def _fault(name: str, words: str, act: Act, **more: Any) -> Fault:
    return Fault(name, words, act, options=options, **more)


_ONE = "the login of one user makes the backend"
_EVERY = "with every lookup of a password the backend"

FAULTS: tuple[Fault, ...] = (
    _fault("silent spin", f"{_ONE} compute for ever without a word", once("spin")),
    _fault("half an answer", f"{_ONE} write half an answer and hang", once("half")),
    _fault(
        "backend deaf to signals",
        f"{_ONE} hang with SIGTERM, SIGINT and SIGHUP ignored",
        once("deaf"),
    ),
    _fault(
        "grandchild holds the connection",
        f"{_ONE} fork a child that keeps all descriptors open, and exit",
        once("fork"),
    ),
    _fault(
        "grandchild in a session of its own",
        f"{_ONE} fork a child that keeps all descriptors open and leaves for a session of its own "
        "(setsid), and exit",
        once("fork", session=True),
        remark="who leaves the backend's process group is not ours to signal: it is left, "
        "without a connection that anybody reads",
    ),
    _fault("malformed answers", f"{_EVERY} answers what is no answer", always("malformed")),
    _fault("empty answers", f"{_EVERY} answers found, without a value", always("empty")),
    _fault("double answers", f"{_EVERY} answers, and then once more: not found", always("double")),
    _fault(
        "double answers, the second late",
        f"{_EVERY} answers, and 20 ms later once more: not found",
        always("late", amount=0.02),
        remark="imsg has no ids: an answer that comes too late to the last question and in time "
        "for the next one can't be told from the next one's own; the backend is then replaced",
    ),
    _fault(
        "foreign answers",
        f"{_EVERY} answers with another request's id; imsg, which has no ids: also answers a "
        "question nobody asked",
        always("foreign"),
    ),
    _fault(
        "stderr flood",
        f"the backend writes {LINES:,} lines a second to stderr, and answers",
        always("flood", amount=LINES),
    ),
    _fault(
        "memory leak",
        f"{_EVERY} keeps 4 MiB more, of the 256 MiB that it may have (`max_memory: 64M`)",
        always("grow", amount=4 * MEGABYTE, lookups=64),
        settings="defaults: {runaway: {max_memory: 64M}}\n",
    ),
    _fault(
        "descriptor leak",
        f"{_EVERY} keeps 10 descriptors more, of the 500 that it may have",
        always("leak", amount=10, lookups=50),
    ),
    _fault(
        "backend that fails to start",
        "the backend is killed, and then exits at every start",
        _failing,
    ),
    _fault(
        "backend that fails to start, at boot",
        "the backend exits at every start, from the mail server's start on",
        always("end"),
        at_boot=True,
    ),
    _fault(
        "slow handshake",
        "the backend takes 5 s before its handshake, from the mail server's start on",
        always("slow", amount=5.0),
        at_boot=True,
    ),
)
