"""The supervisors' side of the hub: who may be which table, and what was asked of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from itertools import count
from typing import Any

from tablewatch.config.daemon_settings import LINK_SOCKET
from tablewatch.control.incident import IncidentReport
from tablewatch.control.records import from_plain
from tablewatch.control.status import TableStatus
from tablewatch.control.wire import MAX_ORDER, VERSION, Message, encode, number_of, text_of
from tablewatch.daemon.capacity import MAX_TABLES
from tablewatch.daemon.incidents import Incidents
from tablewatch.daemon.registry import Registry
from tablewatch.daemon.stream import Stream
from tablewatch.errors import ControlError
from tablewatch.policy.collapse import Collapser

# From connecting to the introduction, in seconds: it is sent at once.
HELLO_WITHIN = 10.0
# A supervisor that takes nothing for a while hangs; questions to it are a few dozen bytes each.
MAX_OUTGOING = 2 * MAX_ORDER
# Commands under way for one supervisor; operators are few.
MAX_WAITING = 64
# The same is said again after so long (seconds): two supervisors of one table try every few
# seconds, for as long as both are there.
SAY_AGAIN = 3600.0
# Lines in that time, of more tables than any mail server has.
_MAX_LINES = 1000

Done = Callable[[bool, str, dict[str, Any]], None]


class Link:
    """One supervisor. ``asked`` is when the question it has not answered was sent.

    ``heard`` is when it last told how it is doing. Both are in monotonic seconds.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.table = ""
        self.pid = 0
        self.asked: float | None = None
        self.heard = float("-inf")
        self.waiting: dict[int, Done] = {}  # commands without an answer yet


class Links:
    """All supervisors that are connected."""

    def __init__(
        self, registry: Registry, incidents: Incidents, log: Callable[[int, str], None]
    ) -> None:
        self.refused = 0
        self._registry = registry
        self._incidents = incidents
        self._log = log
        self._said = Collapser(SAY_AGAIN, max_signatures=_MAX_LINES, max_lines=_MAX_LINES)
        self._by_table: dict[str, Link] = {}
        self._greeting: dict[Link, None] = {}
        self._asked: dict[Link, None] = {}
        self._number = count(1)

    def __len__(self) -> int:
        return len(self._by_table)

    def __iter__(self) -> Iterator[Link]:
        return iter(list(self._by_table.values()))

    @property
    def asked(self) -> Collection[Link]:
        """Those that have not answered the question how they are; who was asked first is first."""
        return self._asked.keys()

    def get(self, table: str) -> Link | None:
        """Return the supervisor of `table`, if it is here."""
        return self._by_table.get(table)

    def add(self, stream: Stream) -> Link:
        """Take a connection that may become a table's."""
        link = Link(stream)
        self._greeting[link] = None
        return link

    def receive(self, link: Link, messages: list[Message], now: float) -> None:
        """Take what a supervisor said; one that breaks the rules is put out."""
        try:
            for message in messages:
                if link.stream.closed:
                    break
                if link.table:
                    self._take(link, message, now)
                else:
                    self._welcome(link, message, now)
        except ControlError as error:
            self._say(4, f"table {link.table or '?'}: its supervisor was put out: {error}", now)
            self.refused += 1
            link.stream.close()
        if link.stream.closed:
            self.drop(link, now)

    def full(self, why: str, now: float) -> None:
        """One more could not be let in, and `why`."""
        self.refused += 1
        self._say(4, f"{LINK_SOCKET}: refused a supervisor: {why}", now)

    def ask(self, link: Link, now: float) -> None:
        """Ask how the table is doing, unless that was asked already and not answered."""
        if link.asked is None:
            link.asked = now
            self._asked[link] = None
            link.stream.send({"type": "ask", "id": next(self._number)})

    def command(self, link: Link, command: str, arguments: dict[str, Any], done: Done) -> None:
        """Have the supervisor do something; `done` is called at most once."""
        if len(link.waiting) >= MAX_WAITING:
            done(False, "its supervisor has too much to do already", {})
            return
        number = next(self._number)
        order = encode({"type": "do", "id": number, "command": command, "arguments": arguments})
        if len(order) > MAX_ORDER:
            done(False, f"a command of more than {MAX_ORDER} bytes", {})
            return
        link.waiting[number] = done
        link.stream.write(order)

    def drop(self, link: Link, now: float) -> None:
        """Forget a supervisor whose connection is closed."""
        self._greeting.pop(link, None)
        self._asked.pop(link, None)
        if link.table and self._by_table.get(link.table) is link:
            del self._by_table[link.table]
            self._registry.departed(link.table, now)
            self._say(6, f"table {link.table}: its supervisor has left, pid {link.pid}", now)
        self._incidents.left(link)
        waiting, link.waiting = link.waiting, {}
        for done in waiting.values():
            done(False, "its supervisor has left", {})

    # --- what supervisors say -----------------------------------------------------------------

    def _welcome(self, link: Link, message: Message, now: float) -> None:
        peer = link.stream.peer
        table, pid = text_of(message, "table"), number_of(message, "pid")
        reason = ""
        if message.get("type") != "hello" or message.get("version") != VERSION:
            reason = f"this tablewatchd speaks version {VERSION} of the protocol only"
        elif not table or not table.isprintable():
            reason = "no table has such a name"
        elif peer is not None and peer.pid != pid:
            reason = "the pid is not yours"
        elif table in self._by_table:
            reason = "another supervisor of this table is connected"
        elif len(self._by_table) >= MAX_TABLES:
            reason = f"it takes no more than {MAX_TABLES} tables"
        if reason:
            self.refused += 1
            self._say(4, f"table {table!r:.80}: refused a supervisor: {reason}", now)
            link.stream.send({"type": "refused", "reason": reason})
            link.stream.close()
            return
        del self._greeting[link]
        link.table, link.pid = table, pid
        link.stream.deadline = None
        self._by_table[table] = link
        self._registry.arrived(table, now)
        link.stream.send({"type": "welcome", "version": VERSION})
        self._say(6, f"table {table}: its supervisor is here, pid {pid}", now)
        self.ask(link, now)

    def _take(self, link: Link, message: Message, now: float) -> None:
        kind = text_of(message, "type")
        if kind == "status":
            status = from_plain(TableStatus, message.get("status"))
            if status.table != link.table:
                raise ControlError("it told of another table than its own")
            link.asked, link.heard = None, now
            self._asked.pop(link, None)
            self._registry.told(link.table, status, now)
        elif kind == "event":
            text = text_of(message, "text", 4000).removeprefix(f"table {link.table}: ")
            self._registry.happened(link.table, number_of(message, "priority"), text, now)
        elif kind == "incident":
            self._keep(link, message, now)
        elif kind == "done":
            number, text = number_of(message, "id"), text_of(message, "text", 4000)
            data = message.get("data", {})
            if not isinstance(data, dict):
                raise ControlError("data is no object")
            done = link.waiting.pop(number, None)
            if done is not None:
                done(message.get("ok") is True, text, data)

    def _keep(self, link: Link, message: Message, now: float) -> None:
        """Keep an incident. One that can't be kept is not worth losing sight of the table."""
        try:
            report = from_plain(IncidentReport, message.get("incident"))
            if report.table != link.table:
                raise ControlError("it is of another table")
            self._incidents.tell(link, report, time.time())
        except ControlError as error:
            self._say(4, f"table {link.table}: an incident is not kept: {error}", now)

    def _say(self, priority: int, text: str, now: float) -> None:
        """Log `text`, unless it was said not long ago: peers must not fill the log."""
        for summary in self._said.due(now):
            self._log(6, summary)
        line = self._said.admit(text, text, now)
        if line is not None:
            self._log(priority, line)
