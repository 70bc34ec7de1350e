"""The backend processes of one supervisor: started, written to, and certainly ended."""

from __future__ import annotations

import contextlib
import math
import select
import time
from collections.abc import Iterator

from tablewatch.knowledge.stderr_lines import StderrLines
from tablewatch.supervisor.process import BackendProcess

# A healthy backend leaves by itself when its connection closes; one that loops does not. Both
# must be gone within a second of smtpd.
LEAVE_GRACE = 0.2


class Child:
    """One backend process with what is still to be sent to it.

    ``rests`` says that nobody listens to its stderr at present.
    """

    __slots__ = ("generation", "lines", "outgoing", "process", "rests")

    def __init__(self, generation: int, process: BackendProcess) -> None:
        self.generation = generation
        self.process = process
        self.lines = StderrLines()
        self.outgoing = bytearray()
        self.rests = False

    def send(self, data: bytes, poll: select.poll) -> None:
        """Send `data` now, or as soon as the backend reads again."""
        if self.outgoing:
            self.outgoing += data
            return
        sent = self._try(data)
        if sent < len(data):
            self.outgoing += data[sent:]
            poll.modify(self.process.connection, select.POLLIN | select.POLLOUT)

    def flush(self, poll: select.poll) -> None:
        """Send more of what is waiting."""
        del self.outgoing[: self._try(self.outgoing)]
        if not self.outgoing:
            poll.modify(self.process.connection, select.POLLIN)

    def _try(self, data: bytes | bytearray) -> int:
        try:
            return self.process.connection.send(data)
        except BlockingIOError:
            return 0
        except OSError:  # it is gone: reading tells, and it is handled there
            return len(data)


class Children:
    """All backend processes, found by generation or by descriptor.

    ``rest_until`` is when listen() is to be called, in monotonic seconds; infinity: never.
    """

    def __init__(self, poll: select.poll) -> None:
        self.rest_until = math.inf
        self._poll = poll
        self._resting: list[Child] = []
        self._by_generation: dict[int, Child] = {}
        self._by_descriptor: dict[int, Child] = {}
        self._dying: list[BackendProcess] = []
        self._stopped: list[BackendProcess] = []

    def get(self, generation: int) -> Child | None:
        """Return the child of this generation, if it is still one of ours."""
        return self._by_generation.get(generation)

    def owner(self, descriptor: int) -> Child | None:
        """Return whose connection or stderr `descriptor` is."""
        return self._by_descriptor.get(descriptor)

    def is_stderr(self, descriptor: int) -> bool:
        """Whether `descriptor` is the stderr of a child."""
        child = self._by_descriptor.get(descriptor)
        return child is not None and child.process.stderr == descriptor

    def start(
        self,
        generation: int,
        program: str,
        arguments: list[str],
        table: str,
        *,
        output_is_connection: bool,
    ) -> None:
        """Start a backend. Raises OSError."""
        process = BackendProcess.start(
            program, arguments, table, output_is_connection=output_is_connection
        )
        child = Child(generation, process)
        self._by_generation[generation] = child
        for descriptor in (process.connection.fileno(), process.stderr):
            self._by_descriptor[descriptor] = child
            self._poll.register(descriptor, select.POLLIN)

    def rest(self, child: Child, until: float) -> None:
        """Let a backend that writes too much wait, which it does when nobody reads, `until` then.

        What it says meanwhile on its connection is heard; its stderr is to be read before.
        """
        if child.process.stderr >= 0 and not child.rests:
            self._poll.unregister(child.process.stderr)
            child.rests = True
            self._resting.append(child)
            self.rest_until = until

    def listen(self) -> None:
        """Listen again to every backend that was let wait."""
        for child in self._resting:
            if child.rests and self.is_stderr(child.process.stderr):
                self._poll.register(child.process.stderr, select.POLLIN)
            child.rests = False
        self._resting.clear()
        self.rest_until = math.inf

    def stop_stderr(self, child: Child) -> None:
        """Nobody can write to this stderr any more."""
        child.rests = False
        descriptor = child.process.stderr
        self._forget(descriptor)
        child.process.close_stderr()

    def drop_connection(self, child: Child) -> None:
        """Stop listening to a connection that is closed at the other end."""
        self._forget(child.process.connection.fileno())

    def kill(self, generation: int) -> None:
        """End a backend at once; it is reaped when it is dead."""
        child = self._by_generation.pop(generation, None)
        if child is None:
            return
        self._forget(child.process.connection.fileno())
        self._forget(child.process.stderr)
        self.end(child.process)

    def stop(self, generation: int) -> None:
        """Stop a backend at once, to be ended by end_stopped(); it is none of the children now."""
        process = self.release(generation)
        if process is not None:
            process.pause()
            self._stopped.append(process)

    def end_stopped(self) -> None:
        """End what was stopped."""
        stopped, self._stopped = self._stopped, []
        for process in stopped:
            self.end(process)

    def end(self, process: BackendProcess) -> None:
        """End a process that is none of the children any more, and reap it when it is dead."""
        process.kill()
        process.close()
        if process.poll() is None:
            self._dying.append(process)

    def release(self, generation: int) -> BackendProcess | None:
        """Hand a backend over to somebody else, who is to end and reap it."""
        child = self._by_generation.pop(generation, None)
        if child is None:
            return None
        self._forget(child.process.connection.fileno())
        self._forget(child.process.stderr)
        return child.process

    def exited(self) -> Iterator[Child]:
        """Reap what is dead; yield the children that died by themselves."""
        self._dying = [process for process in self._dying if process.poll() is None]
        for child in list(self._by_generation.values()):
            if child.process.poll() is not None:
                yield child

    def end_all(self) -> None:
        """Close every connection, wait a moment, kill what is left, and reap it."""
        self.end_stopped()
        processes = [child.process for child in self._by_generation.values()] + self._dying
        for process in processes:
            process.close()
        self._await(processes, LEAVE_GRACE)
        for process in processes:
            process.kill()
        self._await(processes, LEAVE_GRACE)

    @staticmethod
    def _await(processes: list[BackendProcess], seconds: float) -> None:
        limit = time.monotonic() + seconds
        while any(process.poll() is None for process in processes):
            if time.monotonic() >= limit:
                return
            time.sleep(0.005)

    def _forget(self, descriptor: int) -> None:
        if self._by_descriptor.pop(descriptor, None) is not None:
            with contextlib.suppress(KeyError):
                self._poll.unregister(descriptor)
