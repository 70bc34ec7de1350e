"""Packets to and from the database vanish, as behind a firewall that drops them without a word.

nftables does it, in a table that the kernel owns to one process: when that process ends, by us or
because the whole run was killed, the rules are gone. They concern one loopback address, which only
our own database listens at.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator

from ..world import StackError, wait_until
from .fault import Fault, Stage

PROGRAM = "nft"
PACKAGE = "nftables"

_COUNTED = re.compile(r"counter packets (\d+)")


class BlackHole:
    """An address whose packets are dropped, from entering the context to leaving it."""

    def __init__(self, address: str) -> None:
        """``address``: of IPv4, without a port."""
        self._address = address
        self._table = f"tablewatch_{address.replace('.', '_')}"
        self._owner: subprocess.Popen[str] | None = None

    def __enter__(self) -> BlackHole:
        program = shutil.which(PROGRAM)
        if program is None:
            raise StackError(f"{PROGRAM} is not installed (Debian package {PACKAGE})")
        # Interactive: it goes on as long as its standard input does, and the table with it.
        self._owner = subprocess.Popen(
            [program, "-i"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._owner.stdin is not None
        try:
            self._owner.stdin.write(self._rules())
            self._owner.stdin.flush()
            wait_until(
                lambda: len(self._counters()) == 2,
                f"{PROGRAM} to drop packets (flags owner needs Linux 5.12 or later)",
            )
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let packets through again; safe to call twice."""
        owner, self._owner = self._owner, None
        if owner is None or owner.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):
            owner.stdin.close()
        try:
            owner.wait(timeout=10)
        except subprocess.TimeoutExpired:
            owner.kill()
            owner.wait()
        wait_until(lambda: not self._counters(), "the rules to be gone")

    def dropped(self) -> int:
        """How many packets vanished so far."""
        return sum(self._counters())

    def _rules(self) -> str:
        table = f"inet {self._table}"
        lines = [
            f"add table {table} {{ flags owner; }}",
            f"add chain {table} input {{ type filter hook input priority 0; }}",
            f"add rule {table} input ip daddr {self._address} counter drop",
            f"add rule {table} input ip saddr {self._address} counter drop",
        ]
        return "".join(f"{line}\n" for line in lines)

    def _counters(self) -> list[int]:
        told = subprocess.run(
            [PROGRAM, "list", "table", "inet", self._table],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return [int(number) for number in _COUNTED.findall(told.stdout)]


@contextlib.contextmanager
def black_hole(stage: Stage) -> Iterator[None]:
    """Nobody hears the database, and it hears nobody; the harness uses its unix socket."""
    with BlackHole(stage.database.address):
        yield


_WORDS = "every packet to and from the database's address is dropped (nftables)"

FAULTS = (
    Fault("database behind a black hole", _WORDS, black_hole, seconds=15.0),
    Fault(
        "database behind a black hole at boot",
        f"before the mail server is started, {_WORDS}",
        black_hole,
        at_boot=True,
    ),
)
