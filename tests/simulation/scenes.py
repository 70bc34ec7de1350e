"""Scenes of trouble, made of steps with the dice of one seed."""

import random

from tests.simulation import keys, steps
from tests.simulation.ambush import PLACES
from tests.simulation.behaviour import FATES
from tests.simulation.configs import ENFORCING, OBSERVING
from tests.simulation.lines import SPONTANEOUS

_WAITS = (0.001, 0.003, 0.01, 0.05, 0.3, 1.1, 6.0, 35.0)


class Plot:
    """Makes steps with the dice of one seed."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.seed = seed
        self.steps = []

    def do(self, *step):
        self.steps.append(step)

    def one_of(self, things):
        return self.dice.choice(tuple(things))

    def chance(self, part):
        return self.dice.random() < part

    # --- scenes -----------------------------------------------------------------------------------

    def wait(self, waits=_WAITS):
        self.do("wait", self.one_of(waits))

    def ask(self, natures=None, numbers=9):
        operation = self.one_of(("lookup",) * 7 + ("check", "check", "fetch"))
        service = self.one_of(
            ("credentials",) * 4 + ("userinfo",) * 3 + ("mailaddr", "auth", "source")
        )
        if natures is None:
            natures = self.one_of((keys.HARMLESS, keys.HARMLESS, ("good",), keys.NATURES))
        self.do("ask", operation, service, self.one_of(natures), self.dice.randrange(numbers))

    def answered(self, natures=None, numbers=9):
        self.ask(natures, numbers)
        self.wait((0.003, 0.01, 0.01, 0.05, 0.3))

    def begin(self):
        """smtpd starts; sometimes not everything is ready for it."""
        if self.chance(0.15):
            self.do("fate", self.one_of(FATES), self.dice.randint(1, 3))
        if self.chance(0.03):
            self.do("trap", self.one_of(PLACES))
        if self.chance(0.07):
            self.do("mood", self.one_of(steps.MOODS))
        if self.chance(0.03):
            self.do("question")
        self.do("greet")
        if self.chance(0.8):
            self.wait((0.05, 0.3))

    def poison(self, natures=keys.QUERY_CLASS):
        """Bad keys, again and again, with good ones between them."""
        for _ in range(self.dice.randint(3, 12)):
            self.answered((*natures, *natures, "good", "good"), numbers=12)
            if self.chance(0.1):
                self.wait()

    def outage(self):
        self.do("mood", self.one_of(steps.MOODS))
        for _ in range(self.dice.randint(2, 12)):
            self.answered(("good", "good", "bar", "lost"))
            if self.chance(0.5):
                self.wait((0.3, 1.1, 6.0, 35.0))
        self.do("mood", "well")
        if self.chance(0.5):
            self.wait((1.1, 35.0, 70.0))

    def deaths(self):
        if self.chance(0.6):
            self.do("fate", self.one_of(FATES), self.dice.randint(1, 4))
        for _ in range(self.dice.randint(1, 5)):
            self.ask()
            if self.chance(0.5):
                self.wait((0.001, 0.003, 0.01))
            number, how = self.dice.randrange(3), "killed by SIGSEGV"
            self.do(
                *self.one_of(
                    (
                        ("die", number, how),
                        ("die", number, how),
                        ("hang", number),
                        ("garble", number, self.one_of(steps.GARBAGE)),
                        ("haunt", self.one_of(steps.GARBAGE)),
                    )
                )
            )
            self.wait()

    def damage(self):
        for _ in range(self.dice.randint(2, 8)):
            self.answered((*keys.DAMAGING, "leaves", "torn", "good"))
        if self.chance(0.5):
            self.do("damage", self.one_of(steps.DAMAGE))
            self.wait((0.01,))

    def torn(self):
        """Keys with a newline, whose rest comes late."""
        for _ in range(self.dice.randint(2, 6)):
            self.ask(("torn", "torn", "good"))
            self.wait((0.001, 0.003, 0.05, 6.0))
            if self.chance(0.2):
                self.do("die", 0, "killed by SIGSEGV")
            if self.chance(0.2):
                self.do("hang", 0)

    def runaways(self):
        """What throttling and the limits of CPU and memory are for."""
        for _ in range(self.dice.randint(1, 5)):
            self.ask(("spin", "poison", "lost", "hang", "slow", "good"))
            self.wait((0.05, 0.3, 1.1, 6.0, 6.0, 12.0))
            number = self.dice.randrange(2)
            if self.chance(0.3):
                self.do("burn", number)
            if self.chance(0.2):
                self.do("leak", number, self.one_of(("memory", "descriptors")))
            if self.chance(0.2):
                self.do("measure", self.one_of(steps.MEASURES))
            if self.chance(0.2):
                self.do("die", number, "killed by SIGKILL")
            if self.chance(0.2):
                self.do("mood", "well")

    def blinded(self):
        """A backend spins, and while it is slowed down nothing can be measured any more."""
        self.do("reload", "throttle")
        self.do("resume")
        self.do("wait", 35.0)
        self.do("ask", "lookup", "credentials", "spin", self.seed)
        self.do("wait", 4.0)
        self.do("measure", "missing")
        self.do("wait", 12.0)
        self.do("measure", "honest")

    def lost_connections(self):
        """Honest reconnects, which the budget covers for a while."""
        for _ in range(self.dice.randint(3, 25)):
            self.answered(("lost", "lost", "good"))

    def strangers(self):
        """Failures that do not tell whose fault they are."""
        for _ in range(self.dice.randint(3, 10)):
            self.answered((*keys.UNKNOWN_CLASS, "fatal", "odd", "bare", "good"), numbers=3)
            if self.chance(0.3):
                self.wait((6.0, 35.0))

    def crowd(self):
        nature = self.one_of(("good", "poison", "bounded", "fatal", "odd", "flood", "wide"))
        service = self.one_of(("credentials", "userinfo"))
        count = self.dice.choice((5, 12, 40))
        self.do("crowd", service, nature, self.dice.randrange(1000), count)
        self.wait((0.05, 1.1, 6.0))

    def floods(self):
        number = self.dice.randrange(3)
        self.do("flood", number, self.one_of((50, 400)), self.one_of((1, 8, 60)))
        self.do("say", number, self.one_of(SPONTANEOUS))
        self.wait()

    def operator(self):
        service, nature = self.one_of(("credentials", "userinfo")), self.one_of(keys.NATURES)
        number = self.dice.randrange(9)
        self.do(
            *self.one_of(
                (
                    ("pause", self.one_of((0.5, 5.0, 600.0))),
                    ("resume",),
                    ("reset",),
                    ("add", service, nature, number, self.one_of((1.0, 60.0))),
                    ("release_key", service, nature, number),
                    ("release", number),
                    ("release_all",),
                    ("update",),
                    ("update",),
                    ("report",),
                    ("misconfigure",),
                )
            )
        )
        self.answered()

    def forgiven(self):
        """A bad key, an operator who lets it off, and the same key again; a password, too."""
        number = self.dice.randrange(6)
        for pardon in (("update",), ("reset",), ("release_all",)):
            for nature in ("bounded", "words"):
                self.do("ask", "lookup", "credentials", nature, number)
                self.do("wait", 0.3)
            self.do("ask", "lookup", "auth", self.one_of(("fatal", "words", "quote")), number)
            self.do("wait", 0.3)
            self.do(*pardon)
            self.do("wait", 0.3)

    def reload(self):
        modes = (ENFORCING, ENFORCING, OBSERVING) if self.observes else (ENFORCING,)
        self.do("reload", self.one_of(sorted(self.one_of(modes))))
        self.answered()

    def trouble_of_our_own(self):
        self.do(*(("trap", self.one_of(PLACES)) if self.chance(0.7) else ("fail",)))
        for _ in range(3):
            self.answered()

    def lost_trial(self):
        """The breaker is open, and the trial that would close it has no end."""
        self.do("mood", "down")
        for _ in range(7):
            self.do("ask", "lookup", "credentials", "good", self.dice.randrange(9))
            self.do("wait", 0.3)
        self.do("mood", "well")
        self.do("wait", self.one_of((1.1, 6.0, 70.0)))
        if self.chance(0.3):
            self.do("question")
            self.do(self.one_of(("reset", "update")))
        self.do("trap", self.one_of(("judge.good", "smtpd.reply", "guard.answered")))
        self.do("ask", "lookup", "credentials", "good", 1)
        self.do("wait", 35.0)
        self.do("ask", "lookup", "credentials", "good", 2)
        self.wait()

    def quiet(self):
        for _ in range(self.dice.randint(1, 10)):
            self.answered(keys.HARMLESS)
        if self.chance(0.3):
            self.do("leap", self.one_of((0.5, 7.0, 100.0, 90_000.0)))
        if self.chance(0.3):
            self.wait((35.0, 350.0))

    observes = False
