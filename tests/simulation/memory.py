"""Nothing grows without bound: every container within the core is measured."""

from collections import deque

from tests.simulation.violation import ensure

# What may hold more than most things; each is bounded by a setting or a constant of its module.
_MOST = 130
_LIMITS = {
    "Classifier._readings": 256,
    "Classifier._chatter": 256,
    "Strikes._records": 1000,
    "AlikeDetector._proven": 1000,
    "Collapser._hidden_kinds": 256,
    "Collapser._entries": 64,
    "CaseFile._first": 30,
    "CaseFile._last": 30,
    "Frames._buffer": 16_384,
    "Lines._start": 65_537,
    "TextSmtpd._greeting": 65_536,
}
# Constants and settings: as large as they are written.
_CONSTANT = {
    "_signatures",
    "_starts",
    "_texts",
    "_text_starts",
    "_before_digits",
    "_own_lines",
    "_config",
    "settings",
    "_settings",
}


def check(core, max_keys):
    """Raise Violation for a container that holds more than it may.

    `max_keys`: of the quarantine, the most that was ever allowed.
    """
    limits = _LIMITS | {"Quarantine._entries": max_keys, "Quarantine._past": max_keys}
    limits["Quarantine._hints"] = 2 * max_keys + 1
    kept = core.judge.quarantine
    held = len(kept._entries) + len(kept._past)
    ensure(held <= max_keys, "bounded", f"{held} keys in quarantine")
    seen = set()
    todo = [("core", core)]
    while todo:
        name, thing = todo.pop()
        if id(thing) in seen or name.rpartition(".")[2] in _CONSTANT:
            continue
        seen.add(id(thing))
        if isinstance(thing, dict | list | tuple | set | deque | bytearray):
            size, most = len(thing), limits.get(name, _MOST)
            ensure(size <= most, "bounded", f"{name} holds {size}, not at most {most}")
            if isinstance(thing, dict):
                todo += [(name, each) for each in thing.values()]
            elif not isinstance(thing, bytearray):
                todo += [(name, each) for each in thing]
        elif type(thing).__module__.startswith("tablewatch."):
            todo += list(_attributes(thing))


def _attributes(thing):
    owner = type(thing).__name__
    for kind in type(thing).__mro__:
        for name in getattr(kind, "__slots__", ()):
            if hasattr(thing, name):
                yield f"{owner}.{name}", getattr(thing, name)
    for name, value in getattr(thing, "__dict__", {}).items():
        yield f"{owner}.{name}", value
