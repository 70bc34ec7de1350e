"""A table's whole world: the clock, smtpd, the backends, and the real core between them.

As the supervisor's loop does, it sleeps until an event or until the core asked to be woken, and
carries out what the core wants. So what the core forgets to ask for is never done.
"""

import random
from collections import Counter, deque

from tests.simulation import invariants, memory
from tests.simulation.ambush import Ambush
from tests.simulation.behaviour import SERVICES
from tests.simulation.clock import Clock
from tests.simulation.configs import CONFIGS
from tests.simulation.keys import leaks
from tests.simulation.ledger import Ledger
from tests.simulation.performing import Performing
from tests.simulation.smtpd import Smtpd
from tests.simulation.violation import Violation, ensure

from tablewatch.core.actions import Usage
from tablewatch.core.table import TableCore

_SALT = b"0123456789abcdef"
_PIECE = 1e-4  # seconds between two pieces of one message


class World(Performing):
    """`script` says what it is like; its steps are carried out from outside."""

    def __init__(self, script):
        super().__init__()
        self.script = script
        self.clock = Clock()
        self.counts = Counter()
        self.core = TableCore(CONFIGS[script.config], _SALT, random.Random(script.seed))
        self.core.actions.outlet = self
        self.smtpd = Smtpd(self, script.version)
        self.wire = self.smtpd.wire
        self.unbounded = script.unbounded
        self.services = (*SERVICES, "auth") if script.auth else SERVICES
        self.mood = "well"
        self.fates = deque()
        self.measures = "honest"
        self.processes = {}
        self.alive = {}  # those the core has not ended
        self.left = False
        self.reloading = False
        self.transcript = []
        self.ledger = Ledger(self)
        self._smtpd_arrives = 0.0
        self._ticks_here = 0
        self._wakes = 0.0

    @property
    def now(self):
        """Monotonic seconds."""
        return self.clock.now

    @property
    def settings(self):
        """What the core goes by."""
        return self.core.settings

    @property
    def observing(self):
        """Whether nothing is done."""
        return self.core.settings.mode == "observe"

    @property
    def living(self):
        """The processes the core has not ended, the oldest first."""
        return list(self.alive.values())

    def pick(self, number):
        """Return one of the living, the active one for 0; None where there is none."""
        living = self.living
        return living[number % len(living)] if living else None

    def pieces(self, data):
        """Cut bytes as they are to arrive."""
        cut = self.script.cut
        count = {"whole": 1, "halves": 2, "bytes": len(data) if len(data) < 20 else 6}[cut]
        size = max(1, -(-len(data) // count))
        return [data[at : at + size] for at in range(0, len(data), size)] or [data]

    # --- events -------------------------------------------------------------------------------

    def to_core(self, data, questions=()):
        """smtpd sends bytes; `questions` are complete with the last of them."""
        pieces = self.pieces(data)
        for number, piece in enumerate(pieces):
            self._smtpd_arrives = max(self._smtpd_arrives + _PIECE, self.now + _PIECE)
            complete = questions if number == len(pieces) - 1 else ()
            self.clock.at(self._smtpd_arrives, lambda p=piece, c=complete: self._from_smtpd(p, c))

    def _from_smtpd(self, data, complete):
        if self.left or self.smtpd.gone:
            return
        for question in complete:
            update = question.operation == "update"
            limit = self.settings.update_deadline if update else self.settings.deadline
            question.by = self.now + limit
        self.call(self.core.from_smtpd, data)

    def arrived(self, process, data, claim, *, last):
        """Bytes of a backend arrive; with the core no longer listening they must be ignored."""
        if self.left:
            return
        if process.ended:
            self.counts["late answer"] += 1
        else:
            if claim is not None and claim[0] is not None:
                claim[0].said.add(claim[1])
            if last:
                process.busy, process.stopped = False, 0.0
                process.ready = True
            self.ledger.answered(claim)
        self.call(self.core.from_backend, process.generation, data)

    def heard(self, process, lines):
        """Lines of a backend's stderr arrive."""
        if self.left:
            return
        if not process.ended:
            self.ledger.heard(process, lines)
        self.call(self.core.from_stderr, process.generation, lines)
        self.ledger.check(process)

    def lost(self, process, how):
        """A backend is gone, and its connection with it."""
        if self.left:
            return
        process.told = True
        before = self.ledger.own_failures
        self.attempt(lambda: self._lost(process, how))
        mishap = self.ledger.own_failures > before
        ensure(process.ended or mishap, "processes end", "a backend that died was not given up")

    def _lost(self, process, how):
        """As the loop does: all it has written is read first, and only then anything done."""
        for said in process.unread:
            self.ledger.heard(process, said)
            self.core.from_stderr(self.now, process.generation, said)
        process.unread = []
        self.core.backend_lost(self.now, process.generation, how)

    def smtpd_exits(self):
        """smtpd ends, for whatever reason of its own."""
        if not self.smtpd.gone:
            self.smtpd.gone = True
            self.clock.after(_PIECE, self._close)

    def _close(self):
        for _ in range(2):  # poll(2) would tell again what an exception made us forget
            if not self.left:
                self.call(self.core.smtpd_closed)
        ensure(self.left, "smtpd's end", "the supervisor stays though smtpd has closed")

    def usage(self, process):
        """What is measured of a process, be it true or not."""
        honest = Usage(process.cpu, process.memory, process.descriptors, 5 * self.ledger.answers)
        if self.measures == "missing":
            return Usage(None, None, None, None)
        if self.measures == "partial":
            return honest._replace(cpu=None, switches=None)
        if self.measures == "backwards":
            return honest._replace(cpu=max(0.0, 100.0 - self.clock.passed), switches=3)
        if self.measures == "boundless":
            return Usage(10.0 * self.clock.passed, 10**12, 10**6, 10**9)
        return honest

    # --- time ---------------------------------------------------------------------------------

    def call(self, method, *arguments):
        """Tell the core something and do what it wants."""
        self.attempt(lambda: method(self.now, *arguments))

    def attempt(self, deed):
        """Do something with the core and what it wants; an ambush is survived as the loop does."""
        try:
            try:
                deed()
                self.settle()
            except Ambush as ambush:
                self.counts["exception of our own"] += 1
                self.ledger.failed()
                self.core.failed(self.now, repr(ambush))
                self.settle()
        except Violation:
            raise
        except Exception as error:
            raise Violation("no exceptions", repr(error)) from error

    def pass_time(self, seconds):
        """Let so many seconds pass, with all that happens in them."""
        end = self.now + seconds
        while not self.left:
            due = self.core.next_deadline(self.now)
            event = self.clock.upcoming()
            at = max(self.now, min(each for each in (due, event, end) if each is not None))
            self._move_to(at)
            if event is not None and event <= at:
                self._ticks_here = 0
                self.clock.pop()()
            elif due is not None and due <= at:
                self._tick()
            elif at >= end:
                return

    def _move_to(self, at):
        passed = at - self.now
        if passed <= 0:
            return
        invariants.before_time_moves(self)
        for process in self.alive.values():
            if process.burning and process.stopped_at is None:
                process.cpu += passed
        self._ticks_here = 0
        self._wakes = max(0.0, self._wakes - passed * (130 if self._paces else 30))
        self.clock.now = at

    @property
    def _paces(self):
        return self.settings.on_exhausted == "throttle"

    def _tick(self):
        self._ticks_here += 1
        self._wakes += 1
        self.counts["tick"] += 1
        ensure(self._ticks_here < 5, "the loop sleeps", "woken again and again at one moment")
        ensure(self._wakes < 100, "the loop sleeps", "woken too often")
        self.call(self.core.tick)

    def leap(self, seconds):
        """The host was suspended, processes and all; the clock went on."""
        self.clock.leap(seconds)
        self._smtpd_arrives += seconds
        for process in self.processes.values():
            process.leap(seconds)
        self.ledger.leapt = True
        self.ledger.alone_since += seconds
        due = self.core.next_deadline(self.now)
        if due is not None and due <= self.now:
            self._tick()

    def begin_reload(self):
        """What is counted per time begins anew with other settings: lines, and seconds stopped."""
        self.reloading = True
        self._log_level = 0.0
        for process in self.alive.values():
            process.stopped = 0.0
            if process.stopped_at is not None:
                process.stopped_at = self.now

    # --- after each step ----------------------------------------------------------------------

    def check(self, *, thoroughly=False):
        """Assert whatever must hold between two steps. Raises Violation."""
        invariants.after_step(self)
        if thoroughly:
            memory.check(self.core, self.ledger.max_keys)

    def write_down(self, *what):
        """Keep what was done, for comparing two runs; but not what is only said."""
        self.transcript.append((round(self.now, 6), *what))

    def leaking(self, text, where, *, keys=True):
        """Raise Violation where a key or a secret shows."""
        mark = leaks(text, keys=keys)
        ensure(not mark, "no secrets", f"{mark} shows in {where}: {text[:300]!r}")
