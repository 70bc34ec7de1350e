"""``tablewatch status --watch``: one report after the other, with what happens per second."""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence

from tablewatch.cli import status_view
from tablewatch.cli.paper import Paper, clean, paper_of, wrap
from tablewatch.cli.terminal import Terminal
from tablewatch.control import figures
from tablewatch.control.plain import chosen, plain
from tablewatch.control.status import UNKNOWN, HostStatus
from tablewatch.errors import ControlError

_QUIT_KEYS = frozenset("qQ\x04")
# How often the age of a report that does not come is shown, in seconds.
_TICK = 1.0

Ask = Callable[[], HostStatus]


class Latest:
    """What was heard last, and before; and what went wrong since, if anything did."""

    def __init__(self, names: Sequence[str]) -> None:
        """`names`: of the tables to be seen; empty for all."""
        self._names = names
        self._came = 0.0
        self.host: HostStatus | None = None
        self.before: HostStatus | None = None
        self.error = ""

    def heard(self, answer: HostStatus | ControlError, now: float) -> None:
        """Take an answer, or the lack of one, at the time `now`."""
        if isinstance(answer, ControlError):
            self.error = str(answer)
            return
        self.before = self.host
        self.host = chosen(answer, self._names)
        self.error = status_view.missing(answer, self._names)
        self._came = now

    def notice(self, now: float, interval: float, paper: Paper) -> list[str]:
        """Return what stands below the first line of the screen."""
        if not self.error:
            return [f"every {interval:g}s; q quits"[: paper.width]]
        age = f"as of {figures.age(now - self._came)} ago: " if self.host is not None else ""
        said = wrap(clean(age + self.error), paper.text_width)
        return [paper.paint(line, "1;31") for line in said]

    @property
    def exit_status(self) -> int:
        """The one of the last report; that of UNKNOWN where there is none, or no longer one."""
        level = UNKNOWN if self.error or self.host is None else self.host.level
        return status_view.EXIT_STATUS[level]


def watch(ask: Ask, names: Sequence[str], interval: float) -> int:
    """Show reports on the terminal, every `interval` seconds, until somebody ends it.

    The daemon is asked in a thread: while it does not answer, keys and the size of the terminal
    are heeded all the same.
    """
    latest = Latest(names)
    answers: queue.SimpleQueue[HostStatus | Exception] = queue.SimpleQueue()
    over = threading.Event()
    with Terminal() as terminal:

        def keep_asking() -> None:
            while not over.is_set():
                began = time.monotonic()
                try:
                    answers.put(ask())
                except Exception as error:
                    answers.put(error)
                terminal.wake()
                over.wait(max(0.0, began + interval - time.monotonic()))

        threading.Thread(target=keep_asking, daemon=True).start()
        try:
            while True:
                while not answers.empty():
                    answer = answers.get()
                    if isinstance(answer, Exception) and not isinstance(answer, ControlError):
                        raise answer
                    latest.heard(answer, time.monotonic())
                _draw(latest, terminal, interval)
                if _QUIT_KEYS & set(terminal.wait(_TICK)):
                    return latest.exit_status
        finally:
            over.set()


def follow(ask: Ask, names: Sequence[str], interval: float, *, as_json: bool) -> int:
    """Print reports every `interval` seconds, for a pipe or a file, until somebody ends it.

    As JSON, each in a line. What goes wrong is told on stderr, and the next one waited for.
    """
    latest = Latest(names)
    while True:
        began = time.monotonic()
        latest.heard(_answer(ask), began)
        if latest.error:
            print(f"tablewatch: {clean(latest.error)}", file=sys.stderr, flush=True)
        elif latest.host is not None:
            print(_report(latest.host, latest.before, as_json=as_json), flush=True)
        time.sleep(max(0.0, began + interval - time.monotonic()))


def _report(host: HostStatus, before: HostStatus | None, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(plain(host))
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(host.time))
    return "\n".join([stamp, *status_view.lines(host, paper_of(sys.stdout), before, live=True), ""])


def _answer(ask: Ask) -> HostStatus | ControlError:
    try:
        return ask()
    except ControlError as error:
        return error


def _draw(latest: Latest, terminal: Terminal, interval: float) -> None:
    columns, height = terminal.size()
    paper = paper_of(sys.stdout)._replace(width=columns)
    notice = latest.notice(time.monotonic(), interval, paper)
    if latest.host is None:
        waiting = [] if latest.error else ["waiting for tablewatchd"]
        terminal.draw([*waiting, *notice][:height])
    else:
        terminal.draw(status_view.screen(latest.host, paper, latest.before, notice, height))
