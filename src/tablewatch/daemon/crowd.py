"""Everybody who is connected to the hub: who left, whose time is over, how many there are.

None of it is looked for: whatever comes over one connection costs nothing for the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tablewatch.daemon.links import Link
from tablewatch.daemon.stream import Stream


class Crowd:
    """The connections of supervisors, each with its Link, and those of tools."""

    def __init__(self) -> None:
        self._links: dict[Stream, Link] = {}
        self._tools: dict[Stream, int] = {}
        self._by_uid: Counter[int] = Counter()
        # Tools, and supervisors that have not introduced themselves; few of all.
        self._hurried: set[Stream] = set()
        self._closed: list[Stream] = []

    def __len__(self) -> int:
        return len(self._links) + len(self._tools)

    @property
    def links(self) -> int:
        """How many are supervisors'."""
        return len(self._links)

    def tools(self, uid: int | None = None) -> int:
        """Return how many are tools', or those of one user."""
        return len(self._tools) if uid is None else self._by_uid[uid]

    def add(self, stream: Stream, uid: int, link: Link | None) -> None:
        """Take a connection of user `uid`: a supervisor's with its `link`, a tool's without."""
        stream.on_close = self._closed.append
        self._hurried.add(stream)
        if link is not None:
            self._links[stream] = link
        else:
            self._tools[stream] = uid
            self._by_uid[uid] += 1

    def link_of(self, stream: Stream) -> Link | None:
        """Return the link of a supervisor's connection; None for a tool's."""
        return self._links.get(stream)

    def left(self) -> Iterator[tuple[Stream, Link | None]]:
        """Forget the connections that are closed, by whichever side; give each of them."""
        while self._closed:
            stream = self._closed.pop()
            self._hurried.discard(stream)
            uid = self._tools.pop(stream, None)
            if uid is not None:
                self._by_uid -= Counter({uid: 1})
            yield stream, self._links.pop(stream, None)

    def expire(self, now: float) -> None:
        """Close those whose time is over."""
        for stream in list(self._hurried):
            if stream.deadline is None:
                self._hurried.remove(stream)
            elif now >= stream.deadline:
                stream.close()

    def next_due(self) -> float | None:
        """Return when the time of one of them is over, in monotonic seconds."""
        times = [each.deadline for each in self._hurried]
        return min((time for time in times if time is not None), default=None)

    def close(self) -> None:
        """Close all."""
        for stream in (*self._links, *self._tools):
            stream.close()
