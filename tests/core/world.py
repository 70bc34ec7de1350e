"""A table's whole world, played: smtpd, backends, the clock; it fails when a promise is broken.

Both ends are played with the codecs of the opposite role, so this knows neither protocol.
"""

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.core.player import LOST, RECONNECT, RETRY

from tablewatch.core import operator
from tablewatch.core.actions import (
    Kill,
    Leave,
    Log,
    Measure,
    Pause,
    Resume,
    Spawn,
    Trace,
    Usage,
    WriteBackend,
    WriteSmtpd,
)
from tablewatch.core.table import TableCore
from tablewatch.knowledge.trace_formats import Seen
from tablewatch.knowledge.tracing import condense
from tablewatch.protocol.frames import Frames
from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.messages import Answer, Hello, Operation, Refusal, Request, Verdict
from tablewatch.protocol.text import TEXT

SERVICES = ("credentials", "userinfo")
FOUND = Answer(Verdict.FOUND, b"value")
ANSWERS = {
    "found": FOUND,
    "not-found": Answer(Verdict.NOT_FOUND),
    "error": Answer(Verdict.ERROR, message=b"no"),
}
LINES = {
    "retry": [RETRY],
    "reconnect": [RECONNECT],
    "lost": [LOST, RECONNECT],
    "storm": [RETRY, RECONNECT] * 30,
    "denied": [b"creds[7]: warn: mysql_real_connect: Access denied for user 'a'@'b'"],
    "strange": [b"creds[7]: warn: something never heard of"],
    "fatal": [b"creds[7]: fatal: could not connect"],
    "chat": [b"creds[7]: debug: hello", b""],
    "quote": [b'creds[7]: warn: key too long: "alice"', b"creds[7]: warn: no such user alice"],
}
GARBAGE = [b"\xff\xfe nonsense\n", b"x", b"lookup-result|ffffffff|found|x\n", b"\0" * 64]


@dataclass
class Question:
    id: bytes
    by: float  # when it must have been answered
    answers: int = 0


@dataclass
class Played:
    """A backend process."""

    codec: object
    greeted: bool = False
    ready: bool = False
    requests: list = field(default_factory=list)
    last: bytes = b""
    cpu: float = 0.0
    burns: bool = False
    loops: bool = False
    memory: int = 10_000_000


@dataclass
class World:
    """`version` None: the imsg protocol. smtpd waits for each answer unless it is 7.9 or later."""

    config: object
    version: str | None = "7.6.0"
    services: tuple = SERVICES
    now: float = 1000.0
    backends: dict = field(default_factory=dict)
    questions: list = field(default_factory=list)
    paused: set = field(default_factory=set)
    spawned: int = 0
    excuses: int = 0  # what allows for more starts of backends than time does
    left: bool = False
    traced: set = field(default_factory=set)
    to_backend: bytes = b""
    counts: Counter = field(default_factory=Counter)

    def __post_init__(self):
        self.core = TableCore(self.config, b"0123456789abcdef", random.Random(1))
        self.dialect = IMSG if self.version is None else TEXT
        self.frames = Frames()
        self.welcomed = False
        self.began = self.now
        self._smtpd(self.dialect.hello("creds", self.version or "").raw)

    @property
    def enforcing(self):
        return self.core.settings.mode == "enforce"

    def _smtpd(self, data):
        self.core.from_smtpd(self.now, data)
        self._settle()

    def _pick(self, number):
        """Return the generation of one of the living."""
        return sorted(self.backends)[number % len(self.backends)] if self.backends else None

    # --- what may happen

    def ask(self, operation, key, service):
        waits = self.version is None or self.version < "7.9"
        if waits and (not self.welcomed or any(not each.answers for each in self.questions)):
            return
        settings = self.core.settings
        if operation == "update":
            service = key = None
            limit, self.excuses = settings.update_deadline, self.excuses + 1
        else:
            limit = settings.deadline
        key = None if operation == "fetch" else key
        request = self.dialect.request(
            "creds", Operation(operation), service, key, number=len(self.questions) + 1
        )
        self.questions.append(Question(request.id, self.now + limit))
        self._smtpd(request.raw)

    def tear(self):
        """smtpd 7.6 sends a newline inside a key."""
        if self.version != "7.6.0" or any(not each.answers for each in self.questions):
            return
        request = TEXT.request(
            "creds", Operation.LOOKUP, "credentials", b"torn", number=len(self.questions) + 1
        )
        self.questions.append(Question(request.id, self.now + self.core.settings.deadline))
        self._smtpd(request.raw + b"victim\n")

    def ready(self, number):
        generation = self._pick(number)
        backend = self.backends.get(generation)
        if backend is not None and backend.greeted and not backend.ready:
            backend.ready = True
            self._backend(generation, backend.codec.welcome(self.services))

    def answer(self, number, answer):
        generation = self._pick(number)
        backend = self.backends.get(generation)
        if backend is None or not backend.requests or generation in self.paused:
            return
        request = backend.requests.pop(0)
        backend.loops = backend.burns = False
        backend.last = backend.codec.answer(request, ANSWERS[answer])
        self._backend(generation, backend.last)

    def repeat(self, number):
        """A backend says its last answer once more."""
        generation = self._pick(number)
        if generation is None or not self.backends[generation].last:
            return
        if self.version is None and self.backends[generation].requests:
            return  # imsg has no ids: that is the answer to the next question, for all one can tell
        self._backend(generation, self.backends[generation].last)

    def speak_late(self, data):
        """One that is gone says something."""
        gone = [each for each in range(1, self.spawned + 1) if each not in self.backends]
        if gone:
            self.core.from_backend(self.now, gone[-1], data)
            self.core.from_stderr(self.now, gone[-1], LINES["storm"])
            self.core.backend_lost(self.now, gone[-1], "exited with status 0")
            self._settle()

    def garble(self, number, data):
        generation = self._pick(number)
        if generation is not None:
            self._backend(generation, data)

    def write(self, number, what):
        generation = self._pick(number)
        if generation is not None:
            self.core.from_stderr(self.now, generation, LINES[what])
            self._settle()

    def die(self, number):
        generation = self._pick(number)
        if generation is not None:
            del self.backends[generation]
            self.paused.discard(generation)
            self.core.backend_lost(self.now, generation, "killed by SIGSEGV")
            self._settle()

    def run_away(self, number, how):
        generation = self._pick(number)
        if generation is not None:
            setattr(self.backends[generation], how, True)

    def leak(self, number):
        generation = self._pick(number)
        if generation is not None:
            self.backends[generation].memory = 10**10

    def reload(self, config):
        self.core.reload(self.now, config)
        self._settle()
        self.wait(0.001)  # what was only observed may be overdue now

    def misconfigure(self):
        self.core.misconfigured(["line 3: no such key"], self.now)
        self._settle()

    def pause(self, seconds):
        if self.enforcing:
            operator.pause(self.core, self.now, seconds)
            self._settle()

    def resume(self):
        operator.resume(self.core, self.now)
        self._settle()

    def reset(self):
        self.excuses += 1
        operator.reset(self.core, self.now)
        self._settle()

    def release(self):
        operator.release_all(self.core, self.now)
        self._settle()

    def refuse(self, service, key):
        operator.add(self.core, self.now, service, key, 60.0)
        self._settle()

    def fail(self):
        """An exception of our own."""
        self.core.failed(self.now, "ValueError")
        self._settle()

    def close(self):
        self.core.smtpd_closed(self.now)
        self._settle()
        assert self.left

    def wait(self, seconds):
        """Let time pass; `seconds` may be many."""
        end, ticks, at_once = self.now + seconds, 0, 0
        while self.now < end and not self.left:
            due = self.core.next_deadline(self.now)
            step = min(end, self.now + 0.25) if self._any_loop() else end
            then = step if due is None else min(step, max(self.now, due))
            at_once = at_once + 1 if then == self.now else 0
            assert at_once < 10, "the event loop would spin"
            for generation, backend in self.backends.items():
                if backend.burns and generation not in self.paused:
                    backend.cpu += then - self.now
            self.now = then
            if due is not None and then >= due:
                ticks += 1
                self.core.tick(self.now)
                self._settle()
            for generation in list(self.backends):
                backend = self.backends.get(generation)
                if backend is not None and backend.loops and generation not in self.paused:
                    self.core.from_stderr(self.now, generation, [LOST, RECONNECT])
                    self._settle()
        assert ticks <= 100 + 150 * seconds, "the event loop hardly sleeps"
        self.check()

    def _any_loop(self):
        return any(backend.loops for backend in self.backends.values())

    # --- what must hold

    def check(self):
        if self.left:
            return
        active = self.core.pool.active
        assert self.paused <= ({active.generation} if active is not None else set())
        wanted = self.core.settings.spares
        assert len(self.backends) <= 2 + max(wanted, 1)
        assert self.spawned <= 15 + 8 * self.excuses + 3 * (self.now - self.began)
        if self.enforcing:
            late = [each for each in self.questions if not each.answers and each.by < self.now]
            assert not late, "a request was forgotten"
            assert len(self.core.smtpd.queue) <= len(self.questions)

    # --- carrying out

    def _backend(self, generation, data):
        self.core.from_backend(self.now, generation, data)
        self._settle()

    def _settle(self):
        actions = self.core.actions
        rounds = 0
        while actions:
            rounds += 1
            assert rounds < 1000, "the actions never end"
            action = actions.popleft()
            self.counts[type(action)] += 1
            if isinstance(action, WriteSmtpd):
                self._read_answers(action.data)
            elif isinstance(action, WriteBackend):
                assert action.generation in self.backends
                self._read_requests(self.backends[action.generation], action.data)
            elif isinstance(action, Spawn):
                self.spawned += 1
                self.backends[action.generation] = Played(self.dialect.smtpd_codec())
            elif isinstance(action, Trace):
                self._look_at(action)
            elif isinstance(action, Kill):
                self.backends.pop(action.generation, None)
                self.paused.discard(action.generation)
            elif isinstance(action, Pause):
                assert self.enforcing
                assert action.generation in self.backends
                assert action.generation not in self.paused
                self.paused.add(action.generation)
            elif isinstance(action, Resume):
                self.paused.discard(action.generation)
            elif isinstance(action, Measure):
                backend = self.backends[action.generation]
                usage = Usage(backend.cpu, backend.memory, 5, None)
                self.core.measured(self.now, action.generation, usage)
            elif isinstance(action, Leave):
                self.left = True
            else:
                assert isinstance(action, Log)

    def _look_at(self, action):
        """What is traced is looped no more for anybody; its database's errors quote the key."""
        assert self.enforcing
        assert self.core.settings.trace.enabled
        assert action.incident not in self.traced, "traced twice"
        self.traced.add(action.incident)
        backend = self.backends.pop(action.generation)
        self.paused.discard(action.generation)
        waiting = {each.id for each in self.questions if not each.answers}
        assert not waiting & {each.id for each in backend.requests}, "traced before its answer"
        (incident,) = (each for each in self.core.incidents.open if each.id == action.incident)
        assert (incident.opened, incident.count) == (self.now, 1)
        text = b"nobody is " + b" ".join(action.keys or (b"there",))
        seen = [Seen("call", "read"), Seen("received", data=b"\xff\x57\x04#HY000" + text)]
        self.core.incidents.traced(action.incident, condense(seen, action.keys))

    def _read_requests(self, backend, data):
        for event in backend.codec.receive(data):
            if isinstance(event, Hello):
                backend.greeted = True
                continue
            assert isinstance(event, Request | Refusal), event
            assert backend.ready, "asked before its handshake"
            request = event if isinstance(event, Request) else event.request
            if self.enforcing:
                assert isinstance(event, Request), "a torn key reached a backend"
                assert not backend.requests, "asked two things at a time"
                left_alone = self.core.judge.pause_left(self.now) is not None
                assert request.key is None or not left_alone, "asked while paused"
                if request.key is not None:
                    held = self.core.judge.quarantine.match(request.service, request.key, self.now)
                    assert held is None, "a quarantined key reached a backend"
            backend.requests.append(request)

    def _read_answers(self, data):
        if self.version is not None:
            for line in data.splitlines(keepends=True):
                assert line.endswith(b"\n")
                if line.startswith(b"register|"):
                    self.welcomed = self.welcomed or line == b"register|ready\n"
                    continue
                result, id_, _ = line.split(b"|", 2)
                assert result.endswith(b"-result")
                (question,) = (each for each in self.questions if each.id == id_)
                self._count(question)
            return
        for _ in self.frames.split(data):
            if not self.welcomed:
                self.welcomed = True
                continue
            question = next((each for each in self.questions if not each.answers), None)
            if question is None:  # a backend that greets twice: as smtpd would have it without us
                assert not self.enforcing, "an answer nobody waits for"
            else:
                self._count(question)

    def _count(self, question):
        question.answers += 1
        assert question.answers == 1, "answered twice"
