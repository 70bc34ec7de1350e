"""What is done to a database while a backend waits for it, by name; see Provocation.act."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

from .mariadb import DATABASE, PORT, USER, MariaDB, free_address
from .provoking import beside
from .world import ENVIRONMENT, StackError, wait_until

PATIENCE = 20.0
_MINE = f"SELECT id FROM information_schema.processlist WHERE user = '{USER}'"

# A MariaDB server's first packet: an error, or nonsense. Length, sequence number, contents.
_STRANGE = b"\xff\xcf\x07Something that nobody has heard of"
_BAD = b"\xff\x13\x04Bad handshake"


class MySQLActs:
    """The acts for table-mysql; ``meanwhile`` is to be called between handshake and question."""

    def __init__(self, server: MariaDB) -> None:
        self.server = server
        self.meanwhile: Callable[[], None] = lambda: None
        self.host = server.address

    @contextlib.contextmanager
    def act(self, name: str) -> Iterator[None]:
        """Have `name` done in the block; "" is nothing."""
        self.meanwhile, self.host = lambda: None, self.server.address
        method = getattr(self, "_" + name.replace("-", "_"), None) if name else None
        if name and method is None:
            raise StackError(f"no act {name}")
        with method() if method else contextlib.nullcontext():
            yield

    @contextlib.contextmanager
    def _kill(self) -> Iterator[None]:
        def kill() -> None:
            for (number,) in self.server.execute(_MINE):
                self.server.execute(f"KILL {number}")

        self.meanwhile = kill
        yield

    @contextlib.contextmanager
    def _stop(self) -> Iterator[None]:
        self.meanwhile = self.server.stop
        try:
            yield
        finally:
            self.server.start()

    @contextlib.contextmanager
    def _crash(self) -> Iterator[None]:
        try:
            kill = lambda _: self.server.kill()  # noqa: E731
            with beside(lambda over: self._when("User sleep", over, kill)):
                yield
        finally:
            self.server.start()

    @contextlib.contextmanager
    def _interrupt(self) -> Iterator[None]:
        def interrupt(number: str) -> None:
            self.server.execute(f"KILL QUERY {number}")
            self._let_go()  # a backend that asks once more is not to wait again

        waits = "Waiting for table metadata lock"
        with self._lock(), beside(lambda over: self._when(waits, over, interrupt)):
            yield

    def _when(self, state: str, over: threading.Event, do: Callable[[str], None]) -> None:
        """Do something to the backend's connection once it is in this state."""
        give_up = time.monotonic() + PATIENCE
        while not over.is_set() and time.monotonic() < give_up:
            rows = self.server.execute(f"{_MINE} AND state = '{state}'")
            if rows:
                do(rows[0][0])
                return

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold a table's lock from another session."""
        command = ["mariadb", "--no-defaults", "--user=root", f"--socket={self.server.socket}"]
        holder = subprocess.Popen(
            [*command, f"--database={DATABASE}"], stdin=subprocess.PIPE, env=ENVIRONMENT
        )
        assert holder.stdin is not None

        def lock() -> None:
            assert holder.stdin is not None
            holder.stdin.write(b"LOCK TABLES vusers WRITE;\nDO SLEEP(60);\n")
            holder.stdin.flush()
            sleeps = "SELECT 1 FROM information_schema.processlist WHERE state = 'User sleep'"
            wait_until(lambda: self.server.execute(sleeps), "the lock to be held")

        self.meanwhile = lock
        try:
            yield
        finally:
            holder.kill()
            holder.wait()
            self._let_go()

    def _let_go(self) -> None:
        """End the session that holds a lock."""
        sleeping = "SELECT id FROM information_schema.processlist WHERE state = 'User sleep'"
        for (number,) in self.server.execute(sleeping):
            self.server.execute(f"KILL {number}")

    @contextlib.contextmanager
    def _damage(self) -> Iterator[None]:
        index = self.server.directory / "data" / DATABASE / "damaged.MYI"
        with index.open("r+b") as file:
            file.write(b"\0" * 200)
        yield

    @contextlib.contextmanager
    def _strange(self) -> Iterator[None]:
        with self._impostor(len(_STRANGE).to_bytes(3, "little") + b"\0" + _STRANGE):
            yield

    @contextlib.contextmanager
    def _bad_handshake(self) -> Iterator[None]:
        with self._impostor(len(_BAD).to_bytes(3, "little") + b"\0" + _BAD):
            yield

    @contextlib.contextmanager
    def _ancient(self) -> Iterator[None]:
        with self._impostor(b"\x04\0\0\0\x0aabc"):
            yield

    @contextlib.contextmanager
    def _crowd(self) -> Iterator[None]:
        """Take all connections; that nobody has logged in over them does not matter."""
        with contextlib.ExitStack() as stack:
            for _ in range(10):
                taken = stack.enter_context(socket.create_connection((self.host, PORT)))
                taken.recv(1)
            yield

    @contextlib.contextmanager
    def _impostor(self, greeting: bytes) -> Iterator[None]:
        """Greet whoever connects in the server's place."""
        self.host = free_address()
        with greeter((self.host, PORT), greeting):
            yield


@contextlib.contextmanager
def greeter(address: tuple[str, int] | str, greeting: bytes) -> Iterator[None]:
    """Send `greeting` to everybody who connects to `address` (a path: a Unix socket)."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind(address)
        listener.listen()
        listener.settimeout(0.1)

        def serve(over: threading.Event) -> None:
            while not over.is_set():
                with contextlib.suppress(OSError):
                    client, _ = listener.accept()
                    with client:
                        client.settimeout(0.5)
                        client.sendall(greeting)
                        client.recv(1)

        with beside(serve):
            yield
