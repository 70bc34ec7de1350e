"""What to do about a cause: a sentence, and what to copy."""

from __future__ import annotations

import enum
import re
import shlex
from typing import NamedTuple


class Medium(enum.Enum):
    """What a step is written for."""

    SQL = "sql"
    SHELL = "shell"
    FILE = "file"  # lines to put into a file, see Step.file
    PERSON = "person"  # nothing that could be run


class Step(NamedTuple):
    """One step of a repair, to be read before it is done.

    What differs from host to host is in capitals: NAME is the table's name in smtpd.conf(5), CONF
    its backend's configuration file; HOST, USER, PASSWORD, DATABASE and the like are what stands
    there. ``file`` is where lines go (FILE). ``note`` says where, when or at what cost.
    """

    medium: Medium
    text: str
    file: str = ""
    note: str = ""


class Repair(NamedTuple):
    """What to do about a cause.

    ``summary`` is one sentence of at most 160 characters, for a line of a log or a screen; NAME in
    it is the table's name. ``references`` are manual pages, RFCs and addresses of documentation.
    """

    summary: str
    steps: tuple[Step, ...] = ()
    references: tuple[str, ...] = ()

    def for_table(self, table: str) -> Repair:
        """Return the repair with the name of `table` in place of NAME; unchanged if it is ""."""
        if not table:
            return self
        # A name in smtpd.conf may be quoted and hold anything; in a command it must stay one word.
        word = shlex.quote(table)
        steps = tuple(
            step._replace(text=_named(step.text, word if step.medium is Medium.SHELL else table))
            for step in self.steps
        )
        return Repair(_named(self.summary, table), steps, self.references)


_NAME = re.compile(r"\bNAME\b")


def _named(text: str, table: str) -> str:
    return _NAME.sub(lambda _: table, text)


# How the tables of repairs are written.


def sql(text: str, note: str = "") -> Step:
    """Return a step for the database's own client."""
    return Step(Medium.SQL, text, "", note)


def shell(text: str, note: str = "") -> Step:
    """Return a step for a root shell."""
    return Step(Medium.SHELL, text, "", note)


def lines(file: str, text: str, note: str = "") -> Step:
    """Return lines to put into `file`."""
    return Step(Medium.FILE, text, file, note)


def person(text: str) -> Step:
    """Return what can only be said."""
    return Step(Medium.PERSON, text)


DOCTOR = shell("tablewatch doctor", "asks the database itself, changes nothing")
UPDATE = shell("smtpctl update table NAME", "then everything is asked again, refused keys too")
RELOAD = shell("tablewatch check-config && tablewatch reload")
