"""The plain lookup: nearly every one, and so the shortest way through the core.

While a table is *calm* nobody waits, no backend is to be replaced, nothing is on trial and nothing
is refused but single keys. A lookup then needs little thought before it goes to the backend, and
its answer, unless it is an error, none before it goes to smtpd: the same bytes, checked, and
written at once. What is to be counted and learned of both is noted, and entered in the books a few
lookups later, or before anything else happens.

Whatever is not plain takes the long way, see :class:`~tablewatch.core.table.TableCore`. It begins
with :meth:`PlainLookups.stir`, after which all is looked at anew; so nothing here depends on what
the long way does.
"""

from __future__ import annotations

from collections.abc import Callable

from tablewatch.core.actions import Actions
from tablewatch.core.backend import Backend, Pending
from tablewatch.core.counters import Counters
from tablewatch.core.dispatcher import Dispatcher
from tablewatch.core.guard import Guard
from tablewatch.core.judge import Judge
from tablewatch.core.smtpd_side import SmtpdSide
from tablewatch.core.states import State
from tablewatch.protocol.messages import Answer, Request

# Seconds that a plain lookup may take until the backend is looked at: a hundred times what a
# database takes for one, and a small part of the two seconds in which a spin is to be found out.
PATIENCE = 0.1
# Lookups that are entered in the books together, which is cheaper than one by one; so few that
# nobody notices whose turn it is to wait for it.
PAGE = 8


class PlainLookups:
    """Takes plain requests and answers while the table is calm.

    ``due`` is when the table has something to do, in monotonic seconds; None: only after an event.
    ``settled`` says that it is known.
    """

    def __init__(
        self,
        actions: Actions,
        counters: Counters,
        *,
        smtpd: SmtpdSide,
        dispatcher: Dispatcher,
        judge: Judge,
        guard: Guard,
        failed: Callable[[Exception, float], None],
    ) -> None:
        """`failed` is told of an exception of our own that harms nobody but the books."""
        self.settled = False
        self.due: float | None = None
        self._actions = actions
        self._counters = counters
        self._smtpd = smtpd
        self._dispatcher = dispatcher
        self._judge = judge
        self._guard = guard
        self._failed = failed
        self._backend: Backend | None = None  # None: nothing is plain
        self._deadline = 0.0  # seconds that an answer may take
        self._rested: float | None = None  # what is due while nothing is with the backend
        # Not yet in the books; with the time, in monotonic seconds.
        self._asked: list[tuple[Request, float]] = []
        self._answered: list[tuple[Pending, Answer, float]] = []

    def settle(self, due: float | None, calm: Backend | None, deadline: float) -> None:
        """Note what is `due`; with a `calm` backend, lookups may be plain from now on.

        `deadline`, seconds, is what one may take.
        """
        self.settled = True
        self.due = self._rested = due
        self._backend = calm
        self._deadline = deadline

    def stir(self) -> None:
        """Something else is to happen: nothing is plain any more, and the books are to be right."""
        self.settled = False
        self._backend = None
        self.keep_books()

    def keep_books(self) -> None:
        """Enter what was noted. Neither what happens next nor the rest suffers if that fails."""
        asked, self._asked = self._asked, []
        answered, self._answered = self._answered, []
        for request, at in asked:
            try:
                self._counters.asked(request.operation, request.service)
                self._guard.asked(at)
            except Exception as error:
                self._failed(error, at)
        for pending, answer, at in answered:
            try:
                self._smtpd.count(pending, answer, at)
                self._judge.learn(pending.request, at)
                self._counters.last_good = at
            except Exception as error:
                self._failed(error, at)

    def ask(self, data: bytes, now: float) -> bool:
        """Hand `data` over to the backend if it is a plain request; False: it was not taken."""
        backend = self._backend
        if backend is None or backend.state is not State.IDLE:
            return False
        request = self._smtpd.plain(data)
        if request is None:
            return False
        if self._dispatcher.suspects(request):
            self._object(request, now)
            return True
        pending = Pending(request, now, now + self._deadline)
        self._actions.to_backend(backend.generation, backend.ask(pending, now))
        self._asked.append((request, now))
        if len(self._asked) >= PAGE:  # the backend is at work: time for the books
            self.keep_books()
        look = now + min(PATIENCE, self._deadline)
        self.due = look if self._rested is None else min(look, self._rested)
        return True

    def answer(self, generation: int, data: bytes, now: float) -> bool:
        """Give `data` to smtpd if it is a plain answer; False: it was not taken."""
        backend = self._backend
        if backend is None or backend.generation != generation or backend.state is not State.BUSY:
            return False
        answer = backend.codec.plain(data)
        if answer is None:
            return False
        pending = backend.done()
        assert pending is not None
        self._smtpd.write(pending, answer)
        self._guard.answered(backend, now)
        backend.evidence.clear()
        self._answered.append((pending, answer, now))
        self.due = self._rested
        return True

    def _object(self, request: Request, now: float) -> None:
        """There may be something to say against it: it goes the long way."""
        self.stir()
        self._smtpd.add(request, now, self._deadline)
        self._guard.asked(now)
        self._dispatcher.advance(now)
