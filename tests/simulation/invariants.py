"""The promises of the supervisor, as far as they can be seen here; asserted all the time.

docs/simulation.md lists them in words.
"""

from tests.simulation.keys import HASH, is_there, taken_apart
from tests.simulation.violation import ensure

_OURS = b"tablewatch: "
_ROUNDING = 1e-6
# What a backend that was asked can be given up for.
FAILED = ("deadline", "retries", "spin", "throttled", "damage", "exit", "internal", "reload")
_PLAIN = ("good", "bar", "short", "long")


def check_answer(world, question, verdict, rest):
    """One answer reached smtpd: is it the one to this question, and is there a reason for it."""
    world.counts[f"answer: {verdict}"] += 1
    if question.operation == "update":
        _check_update(world, question, verdict, rest)
        return
    ledger, observing = world.ledger, world.observing
    own = verdict == "error" and rest.startswith(_OURS)
    told_apart = world.script.version is not None
    reason = ledger.reason(rest[len(_OURS) :].decode() if own else "")
    if verdict == "error":
        if own or (not told_apart and reason):
            world.counts[f"refused: {reason}"] += 1
            if not observing:
                _check_reason(world, question, reason)
            if reason in FAILED:
                ledger.failed_for(question)
        else:
            ensure("error" in question.said, "no foreign answers", "an error nobody has said")
            ledger.failed_for(question)
    elif verdict == "not-found" and verdict not in question.said:
        refused = question.service in world.settings.quarantine.not_found
        ensure(refused and reason == "quarantined", "no foreign answers", "not-found, by nobody")
        _check_reason(world, question, reason)
    else:
        ensure(verdict in question.said, "no foreign answers", f"{verdict}, which nobody has said")
        world.counts["well answered"] += 1
        ledger.successes[question.service] += 1
        _check_value(question, verdict, rest)
    torn = question.torn and world.script.cut == "whole" and not observing
    ensure(not torn or verdict == "error", "no torn key", "the beginning of a key was answered")
    if world.script.clean:
        _check_clean(world, question, verdict)


def _check_value(question, verdict, rest):
    if verdict == "found" and question.operation in ("lookup", "fetch"):
        ours = rest == b"%b:%d" % (HASH.encode(), question.number)
        ensure(ours, "no foreign answers", "the value that belongs to another question")


def _check_update(world, question, verdict, rest):
    reason = world.ledger.reason(rest.removeprefix(_OURS).decode("utf-8", "replace"))
    if verdict == "found" or not rest.startswith(_OURS):
        ensure(
            verdict in question.said or world.script.version is None,
            "no foreign answers",
            "an update nobody has done",
        )
    if reason not in ("deadline", "internal", "refused") and not world.observing:
        world.ledger.pardoned()
    world.ledger.troubles += verdict == "error"


def _check_clean(world, question, verdict):
    """Nothing is wrong here but some keys: nobody else pays for them."""
    nature = taken_apart(question.key).nature if question.key is not None else "good"
    if nature in _PLAIN:
        truth = "found" if question.key is None or is_there(question.key) else "not-found"
        ensure(verdict == truth, "one bad key costs no other", f"{verdict} for an innocent key")
        waited = world.now - question.sent
        ensure(waited < 0.7, "one bad key costs no other", f"an innocent waited {waited:.1f} s")


def _check_reason(world, question, reason):
    """The core says why it refused; that must be so in truth."""
    known = REASONS.get(reason)
    ensure(known is not None, "a true reason", f"no such reason: {reason}")
    ensure(known(world, question), "a true reason", f"{reason}: that is not so")


def _its(world, question):
    """The processes that were given this question."""
    return [each for each in world.processes.values() if each.question is question]


def _is_down(world, _question):
    """No backend is ready: neither the active one nor a spare."""
    return not any(each.ready and not each.told for each in world.living)


def _has_reconnected(world, question):
    budget = world.settings.budget
    reserve = budget.per_second * budget.window
    for process in _its(world, question):
        spent = max(process.retries, process.reconnects)
        if spent > world.settings.max_retries or (spent and world.ledger.withdrawn > reserve):
            return True
    return False


def _has_seen_failures(world, _question):
    return world.ledger.troubles >= min(world.ledger.lowest_threshold, 5)


REASONS = {
    "quarantined": lambda world, question: world.ledger.guilty(question),
    "filtered": lambda world, question: world.settings.filter.charset != "any",
    "learned": lambda world, question: (
        any(len(keys) >= 5 for keys in world.ledger.characters.values())
        and taken_apart(question.key).nature not in _PLAIN
    ),
    "breaker": _has_seen_failures,
    "down": _is_down,
    "paused": lambda world, question: world.now < world.ledger.paused_until,
    "rate": lambda world, question: world.settings.rates.lookups > 0,
    "unregistered": lambda world, question: question.service not in world.services,
    "deadline": lambda world, question: (
        world.now >= question.by - _ROUNDING or world.smtpd.pipelines
    ),
    "exit": lambda world, question: any(each.told for each in _its(world, question)),
    "damage": lambda world, question: any(each.damaged for each in _its(world, question)),
    "retries": _has_reconnected,
    "spin": lambda world, question: (
        world.ledger.lied or any(each.cpu > 0.4 for each in _its(world, question))
    ),
    "throttled": lambda world, question: world.settings.on_exhausted == "throttle",
    "internal": lambda world, question: world.ledger.own_failures > 0,
    "refused": lambda world, question: question.torn or question.bare,
    "reload": lambda world, question: world.counts["step: reload"] > 0,
}


def before_asking(world, process):
    """A request is about to be given to a backend."""
    active = world.core.pool.active
    ensure(active is not None and active.generation == process.generation, "only the active asked")
    ensure(process.ready, "only the ready asked", "asked before its handshake is done")
    ensure(not process.busy, "one at a time", "asked while a request is with it")


def after_asking(world, process, data):
    """It was given one: which one, and might it be."""
    question = process.question
    if question is None:
        probe = world.settings.breaker.probe
        ensure(probe and b"probe@example.org" in data, "only what smtpd asks", repr(data[:80]))
        return
    if question.key is None:
        return
    ensure(world.now >= world.ledger.paused_until, "a pause is one", "asked while paused")
    ensure(not question.bare, "no torn key", "what is no request was asked")
    where = (question.service, question.key)
    if where in world.ledger.failures or where in world.ledger.refused_by_operator:
        held = world.core.judge.quarantine.match(*where, world.now)
        ensure(held is None, "quarantine holds", "asked though it is refused")


def before_time_moves(world):
    """Everything due at this moment is done."""
    if world.left:
        return
    now, smtpd = world.now, world.smtpd
    if not world.observing and not smtpd.gone:
        late = [each for each in smtpd.open.values() if each.by < now - _ROUNDING]
        ensure(not late, "in time", f"{[each.number for each in late]} are past their deadline")
        if smtpd.greeted_at is not None and not smtpd.welcomed:
            waited = now - smtpd.greeted_at
            at_once = world.script.version is None and not world.ledger.own_failures
            limit = 0.0 if at_once else world.ledger.register_wait
            ensure(
                waited <= limit + 0.1 or world.ledger.leapt or world.ledger.greeted_observing,
                "smtpd comes up",
                "its handshake does not end",
            )
    _check_replaced(world)
    limit = world.ledger.longest_stop
    for process in world.alive.values():
        if process.stopped_at is not None:
            stopped = process.stopped + now - process.stopped_at
            ensure(stopped <= limit + 1.5, "none is left stopped", f"stopped for {stopped:.1f} s")


def _check_replaced(world):
    """A table without a backend gets one when the longest pause between two starts is over."""
    ledger, now = world.ledger, world.now
    held = world.smtpd.greeted_at is None or now < ledger.paused_until
    if held or world.core.pool.active is not None:
        ledger.alone_since = now
    waited = now - ledger.alone_since
    longest = ledger.longest_pause + 0.1
    ensure(waited <= longest, "the table recovers", f"no backend was started for {waited:.0f} s")


def after_batch(world):
    """The core has said all it wants for now."""
    if world.left:
        return
    known = {each.generation for each in world.core.pool}
    real = world.alive.keys()
    ensure(real == known, "processes end", f"{sorted(real ^ known)} are nobody's")
    if world.observing:
        ensure(len(real) <= 1 or world.reloading, "observing does nothing", "it has a spare")
    wanted = max(1, world.settings.spares)
    ensure(len(real) <= 2 + wanted, "bounded", f"{len(real)} backends at a time")
    active = world.core.pool.active
    for process in world.alive.values():
        if process.stopped_at is not None:
            alone = active is not None and active.generation == process.generation
            ensure(alone, "none is left stopped", "one that is not active is stopped")


def after_step(world):
    """Between two steps."""
    if world.left:
        return
    elapsed = world.clock.passed
    allowed = 20 + 3 * elapsed + 3 * world.ledger.excuses
    ensure(len(world.processes) <= allowed, "bounded", f"{len(world.processes)} starts")
    ensure(len(world.core.smtpd.queue) <= len(world.smtpd.open) + 1, "bounded", "the queue")
    if len(world.core.pool.spares) > world.settings.spares and not world.observing:
        active = world.core.pool.active
        retiring = active is not None and bool(active.retiring)
        held = retiring or world.now < world.ledger.paused_until
        ensure(held, "bounded", "more spares than are wanted")
