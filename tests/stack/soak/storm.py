"""Faults one after another, each until all is well again, with quiet times between them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from ..mariadb import MariaDB
from ..world import StackError, wait_until
from .bed import Bed
from .faults import DATABASE, FAULTS, Fault, Stage
from .faults_processes import PROCESS_FAULTS

QUIET = (3.0, 9.0)  # seconds between one fault and the next, in which all is well
# The longest rest of the breaker and of restarts is 8 s; the rest is for a busy machine.
RECOVERY = 120.0
EVERYWHERE = "both"
# After this share of the run tablewatchd is left alive, so that what it uses can be followed.
DAEMON_UNTIL = 0.3


class Done(NamedTuple):
    """A fault that was done. Times in seconds since the beginning of the run.

    From `began` until `well` users may get temporary errors; `well` is infinite if they still did
    after RECOVERY seconds.
    """

    fault: Fault
    where: str  # a flavour, or EVERYWHERE
    began: float
    over: float
    well: float

    def concerns(self, flavour: str) -> bool:
        """Whether it was done to this mail server."""
        return self.where in (flavour, EVERYWHERE)


def order(seed: int, flavours: Sequence[str]) -> Iterator[tuple[Fault, str]]:
    """Every fault at every place in an order that comes from the seed, and so on for ever."""
    own = random.Random(f"order-{seed}")
    places = [
        (fault, where)
        for fault in (*FAULTS, *PROCESS_FAULTS)
        for where in ([EVERYWHERE] if fault.lane == DATABASE else flavours)
    ]
    while True:
        own.shuffle(places)
        yield from places


class Storm:
    """What is done to the beds, and when it was."""

    def __init__(
        self,
        seed: int,
        database: MariaDB,
        beds: Sequence[Bed],
        clock: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        self.done: list[Done] = []
        self._seed = seed
        self._random = random.Random(f"storm-{seed}")
        self._database = database
        self._beds = {bed.flavour: bed for bed in beds}
        self._clock = clock
        self._say = say

    def rage(
        self,
        faults: Iterable[tuple[Fault, str]],
        seconds: float,
        quiet: tuple[float, float],
        check: Callable[[], None],
    ) -> None:
        """Do one fault after another, for so long at most; ``check`` is called before each."""
        begin = self._clock()
        for fault, where in faults:
            check()
            pause = self._random.uniform(*quiet)
            length = self._random.uniform(fault.least, fault.most)
            own = random.Random(self._random.getrandbits(64))
            past = self._clock() - begin
            if fault.ends_daemon and past > seconds * DAEMON_UNTIL:
                continue
            if past + pause + length > seconds:
                time.sleep(max(0.0, seconds - past))
                return
            time.sleep(pause)
            self._do(fault, where, length, own)

    def _do(self, fault: Fault, where: str, length: float, own: random.Random) -> None:
        """Do one, and wait until nobody feels it any more."""
        beds = [bed for name, bed in self._beds.items() if where in (name, EVERYWHERE)]
        began = self._clock()
        with fault.act(Stage(self._database, beds[0], own)):
            time.sleep(length)
        over = self._clock()
        try:
            wait_until(
                lambda: all(bed.crowd.served_since(over) for bed in beds),
                "users to be served again",
                seconds=RECOVERY,
            )
            well = self._clock()
        except StackError:
            well = float("inf")
        self.done.append(Done(fault, where, began, over, well))
        self._say(f"{fault.lane} ({where}): {fault.name}; well again after {well - over:.1f} s")
