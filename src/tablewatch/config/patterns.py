"""Patterns of the administrator's own, as the files in /etc/tablewatch.d say them.

What they mean is the matter of :mod:`tablewatch.knowledge.own`; config knows the words only.
"""

from __future__ import annotations

from typing import NamedTuple

MEDIA = ("sql", "shell", "file", "person")
ERROR_SIGNS = ("error", "fatal", "retry")
OTHER_SIGNS = ("reconnect", "connected", "give-up", "other")


class PatternStep(NamedTuple):
    """One step of a repair; ``medium`` is one of MEDIA, ``file`` is for lines of a file."""

    medium: str
    text: str
    file: str = ""


class Pattern(NamedTuple):
    """One pattern: how lines or messages are written, what they mean, what is to be done.

    In ``lines`` (whole lines behind ``NAME[PID]: ``) and ``messages`` (the database's part of a
    line that is known) a ``*`` stands for anything. ``error_class`` is empty where the line is no
    error. ``line_number`` counts from 1.
    """

    name: str
    lines: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    error_class: str = ""
    sign: str = "error"
    cause: str = ""
    repair: str = ""
    steps: tuple[PatternStep, ...] = ()
    references: tuple[str, ...] = ()
    file: str = ""
    line_number: int = 0
