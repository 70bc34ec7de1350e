"""What simulated backends do: how they start, how they answer, and what they do wrong.

Each way is a generator that yields the seconds until it goes on.
"""

from itertools import count

from tests.simulation import lines
from tests.simulation.keys import DAMAGING, HASH, QUERY_CLASS, is_there, taken_apart

START, LATENCY = 0.03, 0.002
_FAST = 60  # turns of a loop; later ones take longer, to keep a run short
SERVICES = ("credentials", "userinfo", "mailaddr")
FATES = (
    "well",
    "slow",
    "sluggish",
    "hangs",
    "fails",
    "garbage",
    "nothing",
    "half",
    "brief",
    "chatty",
    "reconnects",
    "missing",
)


class Behaviour:
    """The half of a process that knows what to do; the other half does it."""

    def _start(self):
        mood, fate = self.world.mood, self.fate
        yield {"slow": 0.7, "sluggish": 45.0}.get(fate, START)
        if fate == "fails" or mood in ("down", "refusing", "crowded"):
            self.say({"refusing": lines.DENIED, "crowded": lines.CROWDED}.get(mood, lines.FATAL))
            self.die("exited with status 1")
        if fate == "hangs":
            self.hang()
        while self.world.mood == "frozen":
            yield 0.5
        if not self.alive or self.hung:
            return
        if fate == "reconnects":
            self.say(lines.GONE, lines.RECONNECT, lines.GONE, lines.RECONNECT)
            yield 0.05
        welcome = self.wire.welcome(self.world.services)
        if fate == "garbage":
            self.damaged = True
            self.write(b"mysql: [Warning] nobody reads this\n")
            return
        if fate in ("nothing", "half"):
            self.write(welcome[: len(welcome) // 2 if fate == "half" else 0] or b"r")
            self.hang()
            return
        self.write(welcome, last=True)
        if fate == "chatty":
            self.damaged = True
            self.write(b"ready to serve\n")
        if fate == "brief":
            self.die("killed by SIGSEGV")

    def _serve(self, request, question):
        _, operation, _, key = request
        yield LATENCY
        if operation == "update":
            if self.world.mood == "well":
                self.say(lines.RECONNECT)
                yield 0.1
            verdict = "found" if self.world.mood == "well" else "error"
            self._answer(request, question, verdict)
            return
        nature = taken_apart(key).nature if key is not None else "good"
        if (yield from self._ask_database(request, question)):
            return
        if nature in QUERY_CLASS:
            yield from self._fail(request, question, nature)
        elif nature in DAMAGING:
            yield from self._damage(request, question, nature)
        else:
            yield from self._behave(request, question, nature)

    def _ask_database(self, request, question):
        """Wait for it; return whether the request is answered with that."""
        tries = 0
        while self.world.mood != "well":
            mood, tries = self.world.mood, tries + 1
            if mood == "frozen":
                yield 0.5
                continue
            if mood == "slow":
                yield 0.8
                return False
            if mood in ("down", "collation"):
                self.say(lines.GONE if mood == "down" else lines.COLLATION, lines.RECONNECT)
                yield 0.03 if tries < _FAST else 0.5
                if self.world.unbounded or tries < 2:
                    continue
            said = {"refusing": lines.DENIED, "crowded": lines.CROWDED, "column": lines.COLUMN}
            self.say(said.get(mood, lines.DOWN))
            self._answer(request, question, "error")
            return True
        return False

    def _fail(self, request, question, nature):
        """The key is at fault, and the backend says so."""
        if nature == "poison" and self.world.unbounded:
            for turn in count():
                self.say(lines.COLLATION, lines.RECONNECT)
                yield 0.003 if turn < _FAST else 0.3
        if nature == "words":  # more than is read at once, when it is dead already
            self.unread = [[lines.COLLATION, lines.RECONNECT] * 12, lines.quoting(request[3])]
            self.die("killed by SIGSEGV")
            return
        if nature == "quote":
            self.say(*lines.quoting(request[3]))
        else:
            self.say({"regex": lines.REGEX}.get(nature, lines.COLLATION), lines.RECONNECT)
        yield 0.002
        self._answer(request, question, "error")

    def _behave(self, request, question, nature):
        if nature == "fatal":
            self.die("killed by SIGSEGV")
            return
        if nature in ("hang", "spin"):
            self.burning = nature == "spin"
            while True:
                yield 1e6
        if nature == "odd":
            self.say(lines.ODD)
        if nature == "slow":
            yield 3.0
        if nature == "lost":
            self.say(lines.GONE, lines.RECONNECT)
            yield 0.01
        if nature == "flood":
            self.say(*lines.flood(400, 40))
        verdict = "error" if nature in ("odd", "bare") else self._truth(request)
        self._answer(request, question, verdict)
        if nature == "leaves":
            self.die("exited with status 0")

    def _damage(self, request, question, nature):
        """Say what no smtpd must ever see."""
        self.damaged, self.halved = True, nature == "half"
        good = self.wire.answer(request, "found", self._value(question))
        wrong = {
            "empty": lambda: self.wire.answer(request, "found", b""),
            "foreign": lambda: self.wire.answer(request, "found", b"x", id_=b"deadbeef"),
            "double": lambda: good + good,
            "operation": lambda: self.wire.answer(
                request, "error", operation="check" if request[1] == "lookup" else "lookup"
            ),
            "nul": lambda: self.wire.answer(request, "found", b"a\0b"),
            "huge": lambda: b"found" * 20_000,
            "garbage": lambda: b"\xff\xfe nonsense\n" + b"\0" * 40,
            "early": lambda: good + good[:9],
            "half": lambda: good[: len(good) // 2],
        }[nature]()
        valueless = request[1] == "check" and nature in ("empty", "nul")  # nothing is wrong then
        whole = nature in ("double", "early") or valueless
        # A second answer that comes with the next question is that one's, for all imsg can tell.
        claim = (question, "found") if whole else None
        self.write(wrong, claim, last=whole, at_once=whole)
        yield 0.001
        if nature == "half" and taken_apart(request[3]).number % 2:
            self.die("killed by SIGBUS")

    def _truth(self, request):
        operation, key = request[1], request[3]
        return "found" if operation == "fetch" or is_there(key) else "not-found"

    @staticmethod
    def _value(question):
        """What it finds says whose it is, and must not be seen by anybody else."""
        return b"%b:%d" % (HASH.encode(), question.number if question is not None else 0)

    def _answer(self, request, question, verdict):
        value = self._value(question) if verdict == "found" else b""
        self.write(self.wire.answer(request, verdict, value), (question, verdict), last=True)
