"""A simulated backend process: started, stopped, continued, heard of a moment later.

What it does is a generator (behaviour.py) that yields the seconds until it does more; a stopped
process does nothing until it is continued. What it writes takes a moment to arrive, so an answer,
a death and the signal that stops it may cross.
"""

from collections import deque

from tests.simulation.behaviour import Behaviour

_CALM = 10.0  # seconds without a stop end an episode of throttling (policy/pacing.py)
TRANSIT = 0.0005  # seconds until what it writes is read


class Process(Behaviour):
    """One backend. `fate`: how its start goes."""

    def __init__(self, world, generation, fate):
        self.world = world
        self.generation = generation
        self.fate = fate
        self.wire = world.wire.BackendEnd()
        self.alive = True  # in truth
        self.told = False  # the core knows that it died
        self.ended = False  # by the core
        self.traced = False
        self.stopped_at = None
        self.stopped = 0.0  # seconds, in an episode
        self.continued_at = 0.0
        self.ready = False  # the core knows
        self.busy = False  # with a request, for all the core knows
        self.question = None  # smtpd's, None for a probe
        self.is_update = False
        self.retries = self.reconnects = 0  # told since it was asked
        self.unpaid = False
        self.damaged = False
        self.halved = False  # it has sent half an answer, and never sends the rest
        self.asked_observing = False
        self.unread = []  # stderr that is read when it is dead
        self.cpu = 0.0
        self.burning = False
        self.hung = False
        self.memory, self.descriptors = 10_000_000, 8
        self._inbox = deque()
        self._task = None
        self._deferred = False
        self._arrives = 0.0

    # --- being run ----------------------------------------------------------------------------

    def receive(self, data):
        """Take bytes of the core's. WireError for what a backend would die of."""
        was = self.wire.greeted
        for request in self.wire.read(data):
            self.question = self.world.smtpd.match(request)
            self.busy, self.retries, self.reconnects = True, 0, 0
            self.is_update = request[1] == "update"
            self.asked_observing = self.world.observing
            self._inbox.append((request, self.question))
        if not self.alive:
            return
        if not was and self.wire.greeted:
            self._run(self._start())
        elif self._task is None and not self.hung:
            self._next()

    def stop(self):
        """SIGSTOP."""
        self.stopped_at = self.world.clock.now
        if self.stopped_at - self.continued_at >= _CALM:
            self.stopped = 0.0

    def resume(self):
        """SIGCONT."""
        if self.stopped_at is not None:
            self.continued_at = self.world.clock.now
            self.stopped += self.continued_at - self.stopped_at
        self.stopped_at = None
        if self._deferred:
            self._deferred = False
            self.world.clock.after(0.0, self._step)

    def leap(self, seconds):
        """The host slept."""
        self._arrives += seconds

    def die(self, how):
        """End by itself; what it has written arrives before the news."""
        if self.alive:
            self.alive = self.burning = False
            self._task = None
            self.world.clock.at(self._arrival(), lambda: self.world.lost(self, how))

    def hang(self):
        """Never do anything again."""
        self.hung, self._task = True, None

    def write(self, data, claim=None, *, last=False, at_once=False):
        """Send bytes. `claim`: the question they answer and how; `last`: they complete it."""
        pieces = [data] if at_once else self.world.pieces(data)
        for number, piece in enumerate(pieces):
            final = last and number == len(pieces) - 1
            self.world.clock.at(
                self._arrival(),
                lambda p=piece, c=claim, f=final: self.world.arrived(self, p, c, last=f),
            )
            claim = None

    def say(self, *said):
        """Write lines to stderr."""
        self.world.clock.at(self._arrival(), lambda: self.world.heard(self, list(said)))

    def _arrival(self):
        self._arrives = max(self._arrives + 1e-6, self.world.clock.now + TRANSIT)
        return self._arrives

    def _run(self, task):
        self._task = task
        self._step()

    def _step(self):
        if not self.alive or self.ended or self._task is None:
            return
        if self.stopped_at is not None:
            self._deferred = True
            return
        try:
            seconds = next(self._task)
        except StopIteration:
            self._task = None
            self._next()
            return
        self.world.clock.after(seconds, self._step)

    def _next(self):
        if self._inbox and self.alive and not self.ended:
            self._run(self._serve(*self._inbox.popleft()))
