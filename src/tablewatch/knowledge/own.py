"""Patterns of the administrator's own, from the files in /etc/tablewatch.d.

They come before what is built in: whoever writes one knows his backend better. Their ids begin with
``local-``, so none can be taken for one of ours, whatever we add.
"""

from __future__ import annotations

from collections.abc import Iterable

from tablewatch.config.patterns import Pattern
from tablewatch.knowledge.records import ErrorClass, ErrorText, Own, OwnLine, Sign
from tablewatch.knowledge.repair import Medium, Repair, Step

PREFIX = "local-"


def own(patterns: Iterable[Pattern]) -> Own:
    """Return what `patterns` add."""
    lines: list[OwnLine] = []
    messages: list[ErrorText] = []
    for each in patterns:
        id_ = PREFIX + each.name
        error_class = ErrorClass(each.error_class) if each.error_class else None
        repair = _repair(each)
        for line in each.lines:
            sign = Sign(each.sign)
            lines.append(OwnLine(id_, sign, error_class, _parts(line), each.cause, repair))
        if error_class is not None:
            messages += (
                ErrorText(id_, error_class, each.cause, "", _parts(message), repair)
                for message in each.messages
            )
    return Own(tuple(lines), tuple(messages))


def _parts(glob: str) -> tuple[str, ...]:
    first, *others = glob.split("*")
    return (first, *filter(None, others))


def _repair(pattern: Pattern) -> Repair | None:
    if not pattern.repair:
        return None
    steps = tuple(Step(Medium(step.medium), step.text, step.file) for step in pattern.steps)
    return Repair(pattern.repair, steps, pattern.references)
