"""Plays smtpd, the backends and the clock to a TableCore, and writes down what it does."""

import random
from collections import defaultdict
from dataclasses import replace

from tablewatch.config.settings import Config, LogSettings, TableSettings
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

LATIN1 = (
    b"Illegal mix of collations (latin1_swedish_ci,IMPLICIT) and (utf8mb4_general_ci,COERCIBLE)"
)
RETRY = b"creds[7]: warn: trying to reconnect after error: " + LATIN1 + b" for operation '='"
LOST = b"creds[7]: warn: trying to reconnect after error: MySQL server has gone away"
RECONNECT = b"creds[7]: debug: (re)connecting"
GREETING = (
    "config|smtpd-version|{version}\nconfig|protocol|0.1\nconfig|tablename|creds\nconfig|ready\n"
)
REGISTER = b"register|credentials\nregister|userinfo\nregister|source\nregister|ready\n"


class Player:
    """A text-protocol table `creds`; the time stands still until `wait`."""

    def __init__(self, *, version="7.6.0", config=None, **settings):
        if config is None:
            plain = TableSettings(log=LogSettings(interval=60.0), spares=0)
            config = Config(defaults=replace(plain, **settings))
        self.core = TableCore(config, b"0123456789abcdef", random.Random(1))
        self.version = version
        self.now = 1000.0
        self.answers = []
        self.asked = defaultdict(list)
        self.spawned = []
        self.killed = []
        self.logged = []
        self.left = False
        self.stopped = []
        self.running = True
        self.measured = 0
        self.traces = []
        self.usage = lambda now: Usage(cpu=0.0, memory=10_000_000, descriptors=5, switches=0)
        self.order = []
        self._id = 0

    # what happens

    def greet(self):
        self.smtpd(GREETING.format(version=self.version).encode())
        return self

    def start(self):
        """Go through the whole handshake."""
        self.greet()
        return self.register()

    def register(self):
        self.backend(REGISTER)
        return self

    def smtpd(self, data):
        self.core.from_smtpd(self.now, data)
        self.settle()

    def ask(self, key="alice", operation="lookup", service="credentials"):
        """smtpd asks; return the id."""
        self._id += 1
        fields = ["table|0.1|1.0|creds", operation]
        fields += [service] if service else []
        fields.append(f"{self._id:08x}")
        fields += [key] if key is not None else []
        self.smtpd("|".join(fields).encode() + b"\n")
        return f"{self._id:08x}"

    def update(self):
        return self.ask(None, "update", None)

    def backend(self, data, generation=None):
        self.core.from_backend(self.now, generation or self.spawned[-1], data)
        self.settle()

    def answer(self, id_, text="found|alice:secret", operation="lookup"):
        self.backend(f"{operation}-result|{id_}|{text}\n".encode())

    def stderr(self, *lines, generation=None):
        self.core.from_stderr(self.now, generation or self.spawned[-1], list(lines))
        self.settle()

    def die(self, how="exited with status 1", generation=None):
        self.core.backend_lost(self.now, generation or self.spawned[-1], how)
        self.settle()

    def wait(self, seconds):
        """Let time pass, ticking whenever the core asks for it."""
        end = self.now + seconds
        while (due := self.core.next_deadline(self.now)) is not None and due <= end:
            self.now = max(self.now, due)
            self.core.tick(self.now)
            self.settle()
        self.now = end

    # what came of it

    def settle(self):
        actions = self.core.actions
        while actions:
            action = actions.popleft()
            self.order.append(action)
            if isinstance(action, WriteSmtpd):
                self.answers += action.data.decode("utf-8", "surrogateescape").splitlines()
            elif isinstance(action, WriteBackend):
                self.asked[action.generation] += action.data.decode(
                    "utf-8", "surrogateescape"
                ).splitlines()
            elif isinstance(action, Spawn):
                self.spawned.append(action.generation)
            elif isinstance(action, Kill):
                self.killed.append(action.generation)
            elif isinstance(action, Log):
                self.logged.append(action.text)
            elif isinstance(action, Measure):
                self.measured += 1
                self.core.measured(self.now, action.generation, self.usage(self.now))
            elif isinstance(action, Pause):
                self.stopped.append(self.now)
                self.running = False
            elif isinstance(action, Resume):
                self.running = True
            elif isinstance(action, Trace):
                self.traces.append(action)
            else:
                assert isinstance(action, Leave)
                self.left = True
        self.core.next_deadline(self.now)  # as the loop does, before it sleeps

    def answer_to(self, id_):
        """Return the one answer to this request, or None; fail if there are more."""
        found = [line for line in self.answers if line.split("|")[1] == id_]
        assert len(found) <= 1
        return found[0].split("|", 2)[2] if found else None

    def reached_backend(self, id_):
        return [gen for gen, lines in self.asked.items() for line in lines if f"|{id_}" in line]

    def log(self):
        return "\n".join(self.logged)
