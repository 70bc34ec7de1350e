"""What the core wants done, done; and the promises about each single thing it may want."""

from tests.simulation import invariants
from tests.simulation.backend import Process
from tests.simulation.text_wire import WireError
from tests.simulation.violation import Violation, ensure

from tablewatch.core import actions
from tablewatch.knowledge.trace_formats import Seen
from tablewatch.knowledge.tracing import condense

_OURS = "only our own, once"
# In one interval of the log (policy/collapse.py): 2 * 100 new ones, 64 summaries, one sum.
_LINES = 265


class Performing:
    """The half of a world that carries out actions; as an Outlet, some of them at once."""

    def __init__(self):
        self.tainted = False  # in observe mode smtpd was passed what it can't take
        self._traced = set()  # incidents
        self._log_level = 0.0
        self._logged_at = 0.0
        self._newest = 0
        self._ways = {
            actions.WriteSmtpd: self._write_smtpd,
            actions.WriteBackend: self._write_backend,
            actions.Spawn: self._spawn,
            actions.Kill: self._kill,
            actions.Trace: self._trace,
            actions.Pause: self._pause,
            actions.Resume: self._resume,
            actions.Measure: self._measure,
            actions.Log: self._log,
            actions.Leave: self._leave,
        }

    def settle(self):
        """Carry out everything that waits."""
        waiting = self.core.actions
        rounds = 0
        while waiting:
            rounds += 1
            ensure(rounds < 5000, "the loop sleeps", "the actions never end")
            action = waiting.popleft()
            self.counts[type(action).__name__] += 1
            self._ways[type(action)](action)
        invariants.after_batch(self)

    def to_smtpd(self, data):
        """Somebody waits for it: it is written at once."""
        self.counts["WriteSmtpd"] += 1
        self._write_smtpd(actions.WriteSmtpd(data))

    def to_backend(self, generation, data):
        """Likewise, as far as that backend is still one of ours."""
        self.counts["WriteBackend"] += 1
        self._write_backend(actions.WriteBackend(generation, data))

    def _write_smtpd(self, action):
        self.write_down("smtpd", action.data)
        if self.smtpd.gone:
            return
        excused = self.observing or self.tainted
        try:
            for question, verdict, rest in self.smtpd.read(action.data):
                invariants.check_answer(self, question, verdict, rest)
        except Violation:
            if not excused:
                raise
            self.counts["smtpd exits in observe mode"] += 1
            self.smtpd_exits()
        self.tainted = (self.observing or self.tainted) and self.smtpd.reader.torn

    def _write_backend(self, action):
        process = self._own(action.generation, "written to")
        greeting = not process.wire.greeted
        self.write_down("backend", action.generation, action.data)
        if not greeting and not self.observing:
            invariants.before_asking(self, process)
        try:
            process.receive(action.data)
        except WireError as error:
            ensure(self.observing or not process.alive, "no torn key", str(error))
            process.die("exited with status 1")
            return
        if not greeting and not self.observing:
            invariants.after_asking(self, process, action.data)

    def _spawn(self, action):
        ensure(action.generation > self._newest, _OURS, "a generation was used twice")
        self._newest = action.generation
        self.ledger.alone_since = self.now
        self.write_down("spawn", action.generation)
        fate = self.fates.popleft() if self.fates else "well"
        process = Process(self, action.generation, fate)
        self.processes[action.generation] = self.alive[action.generation] = process
        self.counts[f"start: {fate}"] += 1
        if fate == "missing":
            process.alive, process.told = False, True
            self.core.backend_lost(self.now, action.generation, "no such program")

    def _kill(self, action):
        process = self.processes.get(action.generation)
        ensure(process is not None, _OURS, "a generation nobody knows is killed")
        if process.traced:
            process.traced = False  # the loop has handed it over: nothing happens
            return
        self._end(process, "killed")

    def _trace(self, action):
        process = self.processes[action.generation]
        process.stopped_at = None  # whoever traces lets it go on
        self._end(process, "traced")
        process.traced = True
        ensure(action.incident not in self._traced, "traces are wanted", "a second one")
        self._traced.add(action.incident)
        ensure(self.settings.trace.enabled, "traces are wanted")
        question = process.question
        asked = question.key if question is not None else None
        text = b"nobody is " + (asked or b"there")
        seen = [Seen("call", "read"), Seen("received", data=b"\xff\x57\x04#HY000" + text)]
        told = condense(seen, action.keys)
        self.clock.after(action.seconds, lambda: self.core.incidents.traced(action.incident, told))

    def _end(self, process, how):
        ensure(not process.ended, _OURS, f"a generation is {how} twice")
        ensure(process.stopped_at is None, "none is left stopped", f"{how} while it is stopped")
        waiting = process.question is not None and process.busy and not process.asked_observing
        if waiting and not self.observing and not self.smtpd.gone:
            answered = process.question.number not in self.smtpd.open
            ensure(answered, "smtpd comes first", f"a backend is {how} before smtpd's answer")
        self.write_down("end", process.generation)
        working = process.ready and not process.told and not process.damaged
        excused = not working or self.reloading or self.ledger.own_failures
        ensure(excused or not self.observing, "observing does nothing", f"a backend is {how}")
        if self.smtpd.reader.torn and (self.observing or self.tainted):
            self.counts["smtpd exits in observe mode"] += 1  # half an answer, for ever
            self.smtpd_exits()
        process.ended = True
        self.ledger.alone_since = self.now
        del self.alive[process.generation]

    def _pause(self, action):
        process = self._own(action.generation, "stopped")
        ensure(not self.observing and self.settings.on_exhausted == "throttle", "stops are wanted")
        active = self.core.pool.active
        alone = active is not None and active.generation == action.generation
        ensure(alone or process.told, "none is left stopped", "one that is not active is stopped")
        ensure(process.stopped_at is None, _OURS, "stopped twice")
        self.write_down("stop", action.generation)
        process.stop()

    def _resume(self, action):
        process = self.processes.get(action.generation)
        if process is not None and process.traced:
            return
        process = self._own(action.generation, "continued")
        self.write_down("go on", action.generation)
        process.resume()

    def _measure(self, action):
        process = self._own(action.generation, "measured")
        self.core.measured(self.now, action.generation, self.usage(process))

    def _log(self, action):
        text = action.text
        passed, self._logged_at = self.now - self._logged_at, self.now
        self._log_level -= passed * _LINES / self.settings.log.interval
        self._log_level = max(0.0, self._log_level) + 1
        ensure(self._log_level <= 2 * _LINES + 50, "bounded", "lines in the log")
        ensure("\n" not in text and len(text) < 20_000, "bounded lines", text[:200])
        self.leaking(text, "the log", keys=not action.private)

    def _leave(self, _action):
        ensure(self.smtpd.gone, "smtpd lives", "the supervisor leaves though smtpd is there")
        self.left = True

    def _own(self, generation, how):
        process = self.processes.get(generation)
        ensure(process is not None, _OURS, f"a generation nobody knows is {how}")
        ensure(not process.ended, _OURS, f"a generation that was ended is {how}")
        return process
