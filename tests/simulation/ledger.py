"""What really happened, written down beside the core: who failed, who was told what, at what cost.

The invariants compare the core's decisions with this, never with the core's own books.
"""

from collections import Counter, defaultdict

from tests.simulation import lines
from tests.simulation.keys import CHARACTERS, QUERY_CLASS, taken_apart
from tests.simulation.violation import ensure

_RETRIES = (lines.COLLATION, lines.GONE, lines.REGEX)


class Ledger:
    """The truth about one run."""

    def __init__(self, world):
        self._world = world
        # By service and key, since the last pardon: failures with a success of somebody else's
        # between them, and how many successes there had been at the last.
        self.failures = {}
        self.successes = Counter()  # by service
        self.characters = defaultdict(set)  # by service: keys that failed for their characters
        self.troubles = 0  # requests that failed, since the last pardon
        self.refused_by_operator = set()
        self.paused_until = 0.0
        self.own_failures = 0
        self.answers = 0
        self.reported = Counter()  # the core's counters when they were last looked at
        self.all_keys_fail = False
        self.lied = False
        self.leapt = False
        self.excuses = 0  # for more starts of backends than time allows
        self.lowest_threshold = world.settings.breaker.threshold
        self.max_keys = world.settings.quarantine.max_keys
        self.register_wait = world.settings.register_wait  # a reload is no matter to smtpd's start
        self.longest_pause = world.settings.restart.max_delay
        self.longest_stop = world.settings.runaway.throttle_limit
        self.greeted_observing = False
        self.alone_since = world.clock.now  # without an active backend
        self.budget_anew()

    # --- whose fault --------------------------------------------------------------------------

    def failed_for(self, question):
        """A backend could not answer this one."""
        self.troubles += 1
        if question.key is None:
            return
        nature = taken_apart(question.key).nature
        where = (question.service, question.key)
        strikes, successes = self.failures.get(where, (0, -1))
        strikes += self.successes[question.service] > successes
        self.failures[where] = strikes, self.successes[question.service]
        if nature in CHARACTERS or self.all_keys_fail:
            self.characters[question.service].add(question.key)
        if nature in QUERY_CLASS:
            self.excuses += 2

    def guilty(self, question):
        """Whether this key may be refused for what it did."""
        where = (question.service, question.key)
        if where in self.refused_by_operator:
            return True
        certain = taken_apart(question.key).nature in QUERY_CLASS or self.all_keys_fail
        return self.failures.get(where, (0, 0))[0] >= (1 if certain else 2)

    def pardoned(self):
        """Everything was forgotten."""
        self.failures.clear()
        self.refused_by_operator.clear()
        self.characters.clear()
        self.troubles = 0
        self.excuses += 8

    def released(self):
        """Every key was freed; strikes are kept."""
        self.refused_by_operator.clear()
        for service, key in list(self.failures):
            if taken_apart(key).nature in QUERY_CLASS:
                del self.failures[service, key]

    def gone_by(self, settings):
        """Other settings hold from now on."""
        self.lowest_threshold = min(self.lowest_threshold, settings.breaker.threshold)
        self.max_keys = max(self.max_keys, settings.quarantine.max_keys)
        self.alone_since = self._world.clock.now
        self.register_wait = max(self.register_wait, settings.register_wait)
        self.longest_pause = max(self.longest_pause, settings.restart.max_delay)
        self.longest_stop = max(self.longest_stop, settings.runaway.throttle_limit)
        self.excuses += 8
        self.budget_anew()

    def failed(self):
        """An exception of the core's own."""
        self.own_failures += 1
        self.excuses += 8

    def answered(self, claim):
        """A backend's answer arrives while the core listens to it."""
        if claim is not None:
            self.answers += 1
            self._goods += claim[1] != "error"

    # --- what it costs ------------------------------------------------------------------------

    def budget_anew(self):
        """The retry budget is full, for whichever reason."""
        self._since = self._world.clock.now
        self._goods = 0
        self._tolerated = 0
        self.withdrawn = 0
        self._batch = 0

    def heard(self, process, said):
        """Count the reconnects these lines tell of."""
        tokens = 0
        for line in said:
            if line in _RETRIES:
                process.retries += 1
                process.unpaid = True
                tokens += 1
            elif line == lines.RECONNECT:
                process.reconnects += 1
                tokens += not process.unpaid
                process.unpaid = False
        self.withdrawn += tokens
        self._batch = tokens

    def check(self, process):
        """Assert that a backend which went beyond its limits does not go on. After the lines."""
        tokens, self._batch = self._batch, 0
        world = self._world
        at_work = process.busy and not process.ended and process.stopped_at is None
        if not at_work or world.observing or world.left or not tokens:
            return
        active = world.core.pool.active
        if active is None or active.generation != process.generation:
            return
        settings = world.settings
        spent = max(process.retries, process.reconnects)
        if process.is_update:
            spent = process.retries
        throttles = settings.on_exhausted == "throttle"
        ensure(
            spent <= settings.max_retries or throttles,
            "retries of a lookup",
            f"{spent} reconnects, and the backend goes on",
        )
        if process.is_update:
            return
        self._tolerated += tokens
        budget = settings.budget
        reserve = budget.per_second * budget.window
        earned = budget.per_second * (world.clock.now - self._since) + budget.ratio * self._goods
        ensure(
            self._tolerated <= reserve + earned + 1e-3,
            "retry budget of the table",
            f"{self._tolerated} reconnects let pass, {reserve:.1f} + {earned:.1f} earned",
        )

    # --- what the core says of itself -----------------------------------------------------------

    def reason(self, message):
        """Return the core's word for why it answered `error` or refused just now.

        The text protocol tells in the answer; for imsg the core's counters do.
        """
        counters = self._world.core.counters
        current = counters.tempfails + counters.refusals
        risen = [word for word in current if current[word] > self.reported[word]]
        self.reported = current
        if message:
            start, _, why = message.partition("backend failed: ")
            return why if not start else _WORDS.get(message, "refused")
        if "internal" in risen:  # the reason before it came to nothing
            return "internal"
        return risen[0] if len(risen) == 1 else ""


_WORDS = {
    "no answer in time": "deadline",
    "internal error": "internal",
    "key is in quarantine": "quarantined",
    "key can't be in the table": "filtered",
    "keys of this kind make the database fail": "learned",
    "database is left alone for a while": "breaker",
    "backend is down": "down",
    "table is paused by its operator": "paused",
    "service not registered by the backend": "unregistered",
    "too many lookups": "rate",
}
