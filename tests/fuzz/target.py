"""What a fuzz target is: a function of bytes that asserts an invariant, and what to feed it."""

from __future__ import annotations

import inspect
import random
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from hypothesis.strategies import SearchStrategy

CORPUS = Path(__file__).parent / "corpus"

Check = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """One target.

    ``check`` takes any bytes and raises if its invariant, which its docstring states, is broken.
    ``near`` makes inputs that come close to what is read, for a search that knows nothing of the
    code; ``words`` are what one that follows the code may put together. ``grows`` says that a
    longer input means more of the same, so that the work must not grow faster than it (targets that
    start threads can't be counted).
    """

    name: str
    check: Check
    near: SearchStrategy[bytes]
    words: tuple[bytes, ...]
    grows: bool

    @property
    def invariant(self) -> str:
        """What it defends, in a sentence or two."""
        return " ".join((inspect.getdoc(self.check) or "").split())

    @property
    def folder(self) -> Path:
        """Where its corpus is kept."""
        return CORPUS / self.name

    def corpus(self) -> list[Path]:
        """Return the inputs that are kept, in the order of their names."""
        return sorted(self.folder.iterdir()) if self.folder.is_dir() else []


class Targets(dict[str, Target]):
    """Targets by name; used as a decorator to add one."""

    def __call__(
        self,
        name: str,
        near: SearchStrategy[bytes],
        words: Iterable[bytes] = (),
        *,
        grows: bool = True,
    ) -> Callable[[Check], Check]:
        """Add the function as the target `name`."""

        def add(check: Check) -> Check:
            assert name not in self, f"two targets are called {name}"
            assert check.__doc__, f"{name} does not say what it defends"
            self[name] = Target(name, check, near, tuple(dict.fromkeys(filter(None, words))), grows)
            return check

        return add


def told(error: Exception) -> None:
    """Assert that `error` says something, and not much more than fits a line of a log."""
    assert 0 < len(str(error)) < 1000


def chance(data: bytes) -> random.Random:
    """Return a source of choices that are always the same for the same input."""
    return random.Random(zlib.crc32(data))


def splits(data: bytes) -> Iterator[list[bytes]]:
    """Yield `data` in pieces as reads may bring it: byte by byte, then cut at a few places.

    A long input is not taken byte by byte but in some hundred pieces: it would take seconds.
    """
    size = 1 + len(data) // 300
    yield [data[at : at + size] for at in range(0, len(data), size)]
    choose = chance(data)
    for _ in range(2):
        yield cut(data, choose)


def cut(data: bytes, choose: random.Random) -> list[bytes]:
    """Return `data` in at most five pieces, some of which may be empty."""
    cuts = sorted(choose.randint(0, len(data)) for _ in range(choose.randint(0, 4)))
    return [data[begin:end] for begin, end in pairwise([0, *cuts, len(data)])]
