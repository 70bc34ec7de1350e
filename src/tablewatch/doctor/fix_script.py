"""The repairs as a shell script, to be read before it is run. Without passwords."""

from __future__ import annotations

import os
import shlex
import textwrap
from collections.abc import Iterable, Iterator
from datetime import datetime

from tablewatch.doctor.findings import Finding, Medium, Step
from tablewatch.errors import DoctorError

_WIDTH = 78
_END = "END_OF_SQL"
_CLIENTS = {"mariadb": "MARIADB", "psql": "PSQL", "sqlite3": "SQLITE3"}

_HEAD = """\
#!/bin/sh
# What tablewatch doctor would have you do, {when}.
#
# Read it, take out what you do not want, and run it: sh {name}
# The SQL is given to the programs named below, which have to let you in as an
# administrator of the database; there is no password in here. Make a backup of
# the database first.
#
# Lines beginning with "# >" are to be put into files by hand.
set -eu
"""


def write(path: str, findings: Iterable[Finding], when: datetime) -> None:
    """Write the script to the new file `path`, mode 0600. Raises DoctorError."""
    script = text(findings, os.path.basename(path), when)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise DoctorError(f"{path} is there already; name a new file") from None
    except OSError as error:
        raise DoctorError(f"can't write {path}: {error.strerror}") from None
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        os.fchmod(descriptor, 0o600)
        file.write(script)


def text(findings: Iterable[Finding], name: str, when: datetime) -> str:
    """Return the script. What changes databases comes first, what depends on that last."""
    repairable = [each for each in findings if each.repair]
    first = [(finding, _steps(finding, last=False)) for finding in repairable]
    last = [(finding, _steps(finding, last=True)) for finding in repairable]
    parts = [_HEAD.format(when=f"{when:%Y-%m-%d %H:%M}", name=shlex.quote(name))]
    clients = {_program(step) for finding in repairable for step in finding.repair if step.client}
    for program in sorted(clients & _CLIENTS.keys()):
        parts.append(f'{_CLIENTS[program]}="${{{_CLIENTS[program]}:-{program}}}"\n')
    done: set[Step] = set()
    for finding, steps in [*first, *last]:
        new = [step for step in steps if step not in done]
        done.update(new)
        if new:
            parts.append("\n" + "".join(_section(finding, new)))
    if not repairable:
        parts.append("\n# There is nothing to repair.\n")
    return "".join(parts)


def _steps(finding: Finding, *, last: bool) -> list[Step]:
    """Return the steps before, or from, the one that has smtpd ask again."""
    return [step for step in finding.repair if _is_last(step) == last]


def _is_last(step: Step) -> bool:
    return step.medium is Medium.SHELL and step.text.startswith("smtpctl ")


def _section(finding: Finding, steps: Iterable[Step]) -> Iterator[str]:
    about = f" (table {finding.table})" if finding.table else ""
    yield from _comment(f"{finding.title}{about}")
    if finding.place:
        yield from _comment(f"Where: {finding.place}")
    for step in steps:
        if step.note:
            yield from _comment(f"Note: {step.note}")
        if step.medium is Medium.SQL:
            yield from _sql(step)
        elif step.medium is Medium.SHELL:
            yield f"{step.text}\n"
        elif step.medium is Medium.FILE:
            yield from _comment(f"In {step.file}:")
            yield "".join(f"# > {line}\n" for line in step.text.splitlines())
        else:
            yield from _comment(step.text)


def _sql(step: Step) -> Iterator[str]:
    program = _program(step)
    rest = step.client[len(program) :]
    command = f"${_CLIENTS[program]}{rest}" if program in _CLIENTS else step.client
    if not command or _END in step.text.splitlines():
        yield "".join(f"# > {line}\n" for line in step.text.splitlines())
        return
    yield f"{command} <<'{_END}'\n{step.text}\n{_END}\n"


def _program(step: Step) -> str:
    return step.client.partition(" ")[0]


def _comment(paragraph: str) -> Iterator[str]:
    for line in textwrap.wrap(
        paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False
    ) or [""]:
        yield f"# {line}".rstrip() + "\n"
