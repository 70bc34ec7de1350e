"""What the supervisor tells tablewatchd, and what it does for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tablewatch import __version__
from tablewatch.control.figures import several
from tablewatch.control.records import to_plain
from tablewatch.control.snapshot import Measured, Own, quarantined, table_status
from tablewatch.control.status import Process
from tablewatch.control.wire import Message, number_of, text_of
from tablewatch.core import operator
from tablewatch.core.table import TableCore
from tablewatch.errors import ControlError
from tablewatch.supervisor.children import Children
from tablewatch.supervisor.link import Link
from tablewatch.supervisor.log import LogWriter
from tablewatch.supervisor.usage import figures_of

# A report costs half a millisecond or so, most of it for asking the system about processes. However
# often the daemon asks, one is made at most this often (seconds).
_FRESH = 0.2

_MAX_KEY = 16_384  # characters; a message of smtpd ends at so many bytes (smtpd.h)


class Reporter:
    """Answers the daemon's messages about one table."""

    def __init__(
        self,
        core: TableCore,
        children: Children,
        log: LogWriter,
        link: Link,
        *,
        backend: str,
        reload: Callable[[float], list[str]],
        started: float,
    ) -> None:
        """`backend`: mysql for table-mysql. `reload` reads the configuration; it returns what is
        wrong with it. `started`: monotonic seconds.
        """
        self._core = core
        self._children = children
        self._log = log
        self._link = link
        self._backend = backend
        self._reload = reload
        self._started = started
        self._status: dict[str, Any] = {}
        self._status_at = float("-inf")

    def hello(self) -> Message:
        """Introduce ourselves."""
        table = self._core.smtpd.hello.table if self._core.smtpd.hello is not None else ""
        return {"table": table, "pid": os.getpid(), "release": __version__}

    def answer(self, message: Message, now: float) -> Message | None:
        """Do what `message` says; return the answer, None where there is none. Never raises."""
        number = 0
        try:
            number = number_of(message, "id")
            kind = text_of(message, "type")
            if kind == "ask":
                return {"type": "status", "id": number, "status": self._fresh(now)}
            if kind != "do":
                return None  # of a later release; it will do without
            arguments = message.get("arguments", {})
            if not isinstance(arguments, dict):
                raise ControlError("arguments is no object")
            text, data = self._do(text_of(message, "command"), arguments, now)
        except ControlError as error:
            return {"type": "done", "id": number, "ok": False, "text": str(error), "data": {}}
        self._status_at = float("-inf")  # it has changed
        return {"type": "done", "id": number, "ok": True, "text": text, "data": data}

    def _fresh(self, now: float) -> dict[str, Any]:
        if now - self._status_at >= _FRESH:
            self._status = self._report(now)
            self._status_at = now
        return self._status

    def _report(self, now: float) -> dict[str, Any]:
        used = figures_of(os.getpid(), alone=True)
        status = table_status(
            self._core,
            now,
            backend=self._backend,
            pid=os.getpid(),
            release=__version__,
            started=self._started,
            measured=self._measured,
            own=Own(
                Process(used.cpu, used.memory, used.descriptors),
                self._link.made,
                self._link.dropped,
                self._log.dropped,
            ),
        )
        return to_plain(status)  # type: ignore[no-any-return]

    def _measured(self, generation: int) -> Measured:
        child = self._children.get(generation)
        if child is None:
            return Measured()
        pid = child.process.pid
        return Measured(pid, *figures_of(pid))

    # --- the operator's commands --------------------------------------------------------------

    def _do(
        self, command: str, arguments: dict[str, Any], now: float
    ) -> tuple[str, dict[str, Any]]:
        """Carry out one command; return a text for people and data for programs."""
        core = self._core
        if command == "quarantine":
            entries, total = quarantined(core, now, number_of(arguments, "offset"))
            return "", {"entries": to_plain(entries), "total": total}
        if command == "release":
            return self._release(arguments, now)
        if command == "add":
            service = text_of(arguments, "service")
            entry = operator.add(core, now, service, _key(arguments), _seconds(arguments))
            return f"{entry.shown} is refused", {"id": entry.id}
        if command == "reset":
            operator.reset(core, now)
            return "all keys released, breaker closed, backend started if there was none", {}
        if command == "pause":
            operator.pause(core, now, _seconds(arguments))
            return "paused", {}
        if command == "resume":
            was = operator.resume(core, now)
            return "resumed" if was else "was not paused", {}
        if command == "reload":
            problems = self._reload(now)
            if problems:
                raise ControlError("\n".join(problems)[:4000])
            return "configuration read anew", {}
        raise ControlError(f"no command {command}; this supervisor is tablewatch {__version__}")

    def _release(self, arguments: dict[str, Any], now: float) -> tuple[str, dict[str, Any]]:
        if arguments.get("all") is True:
            keys, kinds = operator.release_all(self._core, now)
            freed = several(keys, "key") + (f" and {several(kinds, 'kind')}" if kinds else "")
            return f"{freed} released", {"released": keys, "kinds": kinds}
        if id_ := text_of(arguments, "id"):
            keys = operator.release(self._core, now, id_)
        else:
            service = text_of(arguments, "service")
            keys = operator.release_key(self._core, now, service, _key(arguments))
        return f"{several(keys, 'key')} released", {"released": keys}


def _key(arguments: dict[str, Any]) -> bytes:
    """Return the key; bytes that are no UTF-8 come as surrogates (PEP 383), as from a shell."""
    key = text_of(arguments, "key", _MAX_KEY)
    if not key:
        raise ControlError("no key; say which")
    try:
        return key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ControlError("the key is neither text nor bytes") from None


def _seconds(arguments: dict[str, Any]) -> float:
    seconds = arguments.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ControlError("seconds is no number")
    try:
        return float(seconds)
    except OverflowError:
        raise ControlError("seconds is too large a number") from None
