"""The tools' side of the hub: questions of people, and who may have things done."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from tablewatch.control.records import to_plain
from tablewatch.control.status import HostStatus
from tablewatch.control.wire import VERSION, Message, encode, text_of
from tablewatch.daemon.incidents import Incidents
from tablewatch.daemon.links import Links
from tablewatch.daemon.registry import Registry
from tablewatch.daemon.rounds import Rounds
from tablewatch.daemon.stream import Stream
from tablewatch.errors import ControlError

COMMANDS = (
    "status",
    "quarantine",
    "release",
    "add",
    "reset",
    "pause",
    "resume",
    "reload",
    "incidents",
)
# What changes nothing. Only the status is for everybody on the host, as the status page is.
_READING = ("status", "quarantine", "incidents")


class Order:
    """One command for one or more tables, until all have answered."""

    def __init__(self, stream: Stream, tables: list[str], until: float) -> None:
        self.stream = stream
        self.until = until
        self.open = set(tables)
        self.results: dict[str, dict[str, Any]] = {}


class Controls:
    """What tools ask."""

    def __init__(
        self,
        links: Links,
        registry: Registry,
        rounds: Rounds,
        incidents: Incidents,
        log: Callable[[int, str], None],
    ) -> None:
        self.operators: frozenset[int] = frozenset()
        self.timeout = 5.0
        self._links = links
        self._registry = registry
        self._rounds = rounds
        self._incidents = incidents
        self._log = log
        # The question of each tool that waits for its answer.
        self._orders: dict[Stream, Order] = {}
        self._asking: dict[Stream, Future[HostStatus]] = {}
        self._encoded: tuple[HostStatus, bytes] | None = None

    def receive(self, stream: Stream, messages: list[Message], now: float) -> None:
        """Answer what a tool asks; one that asks on without waiting for answers is left."""
        busy = stream in self._orders or stream in self._asking
        if len(messages) > (0 if busy else 1):
            _reply(stream, ok=False, text="one question after the other: wait for the answer")
            stream.close()
            return
        for message in messages:
            try:
                self._take(stream, message, now)
            except ControlError as error:
                _reply(stream, ok=False, text=str(error))

    def drop(self, stream: Stream) -> None:
        """Forget a tool whose connection is closed. What it had ordered is done all the same."""
        self._orders.pop(stream, None)
        future = self._asking.pop(stream, None)
        if future is not None:
            future.cancel()

    def next_due(self) -> float | None:
        """Return when an order expires, in monotonic seconds."""
        return min((each.until for each in self._orders.values()), default=None)

    def tick(self, now: float) -> None:
        """Answer for supervisors that have not in time."""
        for order in [each for each in self._orders.values() if now >= each.until]:
            for table in list(order.open):
                self._done(order, table, False, "its supervisor does not answer", {})

    def _take(self, stream: Stream, message: Message, now: float) -> None:
        if message.get("version") != VERSION:
            raise ControlError(f"this tablewatchd speaks version {VERSION} of the protocol only")
        command, table = text_of(message, "command"), text_of(message, "table")
        arguments = message.get("arguments", {})
        if command not in COMMANDS or not isinstance(arguments, dict):
            raise ControlError(f"no command {command}; there is {', '.join(COMMANDS)}")
        if command == "status":
            self._status(stream, now)
            return
        self._check(stream, command)
        if command == "incidents":
            _reply(stream, ok=True, data=self._kept(table, text_of(arguments, "id")))
            return
        tables = [table] if table else [each.table for each in self._links]
        for each in tables:
            if self._links.get(each) is None:
                raise ControlError(self._missing(each))
        if not tables:
            raise ControlError("no table is watched; is smtpd running, with watch- in smtpd.conf?")
        self._order(stream, command, tables, arguments, now)

    def _order(
        self,
        stream: Stream,
        command: str,
        tables: list[str],
        arguments: dict[str, Any],
        now: float,
    ) -> None:
        order = Order(stream, tables, now + self.timeout)
        self._orders[stream] = order
        if command not in _READING:
            uid = stream.peer.uid if stream.peer is not None else "?"
            self._log(5, f"uid {uid}: {command} {', '.join(tables)}")
        for each in tables:
            link = self._links.get(each)
            if link is not None:
                self._links.command(link, command, arguments, partial(self._done, order, each))

    def _done(self, order: Order, table: str, ok: bool, text: str, data: dict[str, Any]) -> None:
        """Take one table's answer; the last one has them sent."""
        if table not in order.open:
            return  # too late
        self._rounds.forget()
        order.open.remove(table)
        order.results[table] = {**data, "ok": ok, "text": text}
        if not order.open and self._orders.pop(order.stream, None) is not None:
            _reply(order.stream, ok=True, data={"tables": order.results})

    def _status(self, stream: Stream, now: float) -> None:
        future: Future[HostStatus] = Future()
        self._asking[stream] = future
        future.add_done_callback(partial(self._send_status, stream))
        self._rounds.want(future, now + self.timeout, now)

    def _send_status(self, stream: Stream, future: Future[HostStatus]) -> None:
        if future.cancelled() or self._asking.pop(stream, None) is None:
            return
        status = future.result()
        if self._encoded is None or self._encoded[0] is not status:
            self._encoded = status, encode(_answer(ok=True, data={"status": to_plain(status)}))
        stream.write(self._encoded[1])

    def _kept(self, table: str, name: str) -> dict[str, Any]:
        """Return the incident `name`, or without one a list of those of `table`, "" for all."""
        if not name:
            return {"incidents": to_plain(self._incidents.briefs(table))}
        kept = self._incidents.get(name)
        if kept is None:
            raise ControlError(f"no incident {name} is kept; see: tablewatch incidents list")
        return {"incident": to_plain(kept)}

    def _check(self, stream: Stream, command: str) -> None:
        if stream.peer is None:
            raise ControlError("this system does not tell who you are, so nobody may do that")
        if stream.peer.uid not in self.operators:
            raise ControlError(
                f"{command} is for root and the users in daemon.operators of tablewatch.yml"
            )

    def _missing(self, table: str) -> str:
        if table in self._registry:
            return f"table {table}: its supervisor has left; is smtpd running?"
        return f"no table {table} is watched here"


def _answer(*, ok: bool, text: str = "", data: dict[str, Any] | None = None) -> Message:
    return {"ok": ok, "text": text[:4000], "data": data or {}}


def _reply(stream: Stream, *, ok: bool, text: str = "", data: dict[str, Any] | None = None) -> None:
    try:
        stream.send(_answer(ok=ok, text=text, data=data))
    except ControlError as error:  # a supervisor's data can be nested too deeply
        stream.send(_answer(ok=False, text=str(error)))
