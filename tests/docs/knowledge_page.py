"""docs/knowledge.md, made from the knowledge base.

``python -m tests.docs.knowledge_page`` writes it. It is here and not in the package because it
tells which signatures the tests have proved, and how.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from tests.stack.provocations import proofs

from tablewatch.knowledge.catalogue import code_references
from tablewatch.knowledge.records import ErrorText, Signature
from tablewatch.knowledge.repair import Medium, Repair
from tablewatch.knowledge.repairs.silent import SILENT
from tablewatch.knowledge.signatures import ERROR_TEXTS, SIGNATURES

PAGE = Path(__file__).parents[2] / "docs" / "knowledge.md"

FAMILIES = {
    "MariaDB, MySQL, ProxySQL": ("mysql", "proxysql"),
    "PostgreSQL, PgBouncer": ("postgres", "pgbouncer"),
    "SQLite": ("sqlite",),
    "LDAP": ("ldap",),
    "Redis": ("redis",),
    "socketmap": ("socketmap",),
}
REST = "Any backend, and the system under it"

SILENCE = {
    "database-connection": "the database can't be reached, whatever the error",
    "backend-deadline": "the backend does not answer in time",
    "backend-spin": "the backend takes a whole processor without answering",
    "backend-throttled": "the backend did not recover while it was slowed down",
    "backend-damage": "the backend breaks the protocol",
    "backend-exit": "the backend goes away",
    "backend-start": "the backend does not start",
    "backend-retries": "the backend keeps reconnecting",
    "backend-stuck": "the backend answers nothing but errors",
    "backend-memory": "the backend grows beyond its limit of memory",
    "backend-descriptors": "the backend grows beyond its limit of open descriptors",
    "backend-error": "the backend complains in words nobody knows",
    "backend-internal": "an error in tablewatch itself",
    "backend-settings": "a configuration file is broken",
}

INTRODUCTION = """\
# What tablewatch knows

<!-- Written by python -m tests.docs.knowledge_page from src/tablewatch/knowledge; a test keeps it
     true. -->

What a backend writes to its stderr is compared with the lines below, and what a database says in it
with the messages. The outcome is a *signature*, a *class* and, for errors, a cause and a repair;
incidents, the status page and the log show them.

| class | means | what follows |
|---|---|---|
| query | this key or this SQL: retrying never helps | the key is refused for a while |
| connection | the database: heals by itself | the breaker rests, and tries |
| configuration | heals when somebody corrects something | an incident at once |
| unknown | nobody can tell | two strikes, with other keys answered in between |

Where several fit, the one with the most fixed characters counts. `…` stands for anything. A line is
compared behind its `NAME[PID]: `; a message behind what the backend, libpq and PostgreSQL put
before it. A message that blames the key counts as one that blames the configuration while the
backend connects and prepares its queries: no key is there yet.

In the repairs, what stands in capitals differs from host to host: NAME is the table's name in
smtpd.conf(5), CONF its backend's configuration file. `tablewatch doctor` works out the statements
for a database by asking it.

**Proved** says how a real program was made to write it in the tests; `—` that it is taken from the
source of the program (the lines) or its list of messages (MariaDB 10.11, MySQL 8.0, PostgreSQL 15,
PgBouncer, SQLite 3.40, hiredis 0.14), and nobody has provoked it here. The numbers are those of
opensmtpd-extras 6.7.1 (Debian 12) and of the separate packages (Debian 13).

Patterns of your own go into `/etc/tablewatch.d`; see tablewatch.yml(5).
"""

NO_LINE = """\
## What leaves no line

Some failures of the backends are answers and not words, so there is nothing to compare:

| backend | failure | seen as |
|---|---|---|
| table-redis | a key that is not there is answered `error` | nothing; `error` is no evidence |
| table-redis | NOAUTH, WRONGTYPE, LOADING and the like | `error` answers; `backend-stuck` |
| table-redis 6.7.1 | its file is never read: it asks 127.0.0.1, port 6379 | what is there |
| table-passwd, -socketmap | every *check* is answered `error` | nothing |
| table-ldap | a wrong base DN, missing access, a size limit: answered *not found* | nothing |
| table-ldap | after a failed reconnect it crashes at the next lookup | `backend-exit` |
| table-mysql | an error with the first row: `mysql_stmt_fetch: ` and no more | `mysql-fetch` |
| table-mysql | an empty column becomes `found` with nothing behind it | `backend-damage` |
| table-mysql | a failed update is answered *ok* | nothing |
| table-sqlite | a NULL column crashes it | `backend-exit` |
| table-postgres | a connection lost behind a pooler: errors for ever | `postgres-stale-statement` |
| table-socketmap | after its server restarts every lookup fails for ever | `socketmap-lost` |

What is known of these is what the backend did:

"""


class Fault(NamedTuple):
    """Lines and messages with one class, one cause and one repair."""

    error_class: str
    cause: str
    repair: Repair


def render() -> str:
    """Return the page."""
    parts = [INTRODUCTION]
    faults: dict[str, dict[Fault, list[Signature | ErrorText]]] = {}
    for known in (*ERROR_TEXTS, *SIGNATURES):
        if known.error_class is not None and known.repair is not None:
            fault = Fault(known.error_class.value, known.cause, known.repair)
            faults.setdefault(family(known.id), {}).setdefault(fault, []).append(known)
    for name in (*FAMILIES, REST):
        parts.append(f"## {name}\n")
        parts += [section(fault, known) for fault, known in faults[name].items()]
    parts.append(NO_LINE + "\n".join(silent()))
    parts.append("## Lines that are no errors\n\n" + "\n".join(progress()))
    parts.append(unproved())
    return "\n".join(parts)


def family(id_: str) -> str:
    """Return the heading under which a signature is found."""
    prefix = id_.partition("-")[0]
    return next((name for name, prefixes in FAMILIES.items() if prefix in prefixes), REST)


def section(fault: Fault, known: list[Signature | ErrorText]) -> str:
    """Return what is said of one cause."""
    cause = fault.cause[0].upper() + fault.cause[1:]
    text = [f"### {cause} ({fault.error_class})\n", *table(known), ""]
    text += repair(fault.repair)
    codes = [
        code for each in dict.fromkeys(each.id for each in known) for code in code_references(each)
    ]
    references = [*fault.repair.references, *dict.fromkeys(codes)]
    text.append("References: " + "; ".join(map(linked, references)) + ".\n")
    return "\n".join(text)


def table(known: list[Signature | ErrorText]) -> Iterator[str]:
    """Yield the rows for lines and messages; what was proved is said once for each signature."""
    proved = proofs()
    yield "| signature | written | proved |"
    yield "|---|---|---|"
    seen: set[str] = set()
    for each in known:
        how = "" if each.id in seen else "; ".join(proved.get(each.id, ["—"]))
        id_ = "" if each.id in seen else f"`{each.id}`"
        seen.add(each.id)
        yield f"| {id_} | {written(each)} | {cell(how)} |"


def written(known: Signature | ErrorText) -> str:
    """Return how it is written, with … for what varies."""
    if isinstance(known, Signature):
        return code(known.start.rstrip() + ("…" if known.start.endswith(" ") else ""))
    return code("…".join(known.parts) + "…")


def repair(what: Repair) -> Iterator[str]:
    """Yield what is to be done; steps of one kind that follow each other share a block."""
    yield f"**{what.summary[0].upper() + what.summary[1:]}.**\n"
    for (medium, file), steps in groupby(what.steps, key=lambda step: (step.medium, step.file)):
        if medium is Medium.PERSON:
            yield from (f"{step.text[0].upper() + step.text[1:]}.\n" for step in steps)
            continue
        if medium is Medium.FILE:
            yield f"In `{file}`:\n"
        yield {Medium.SQL: "```sql", Medium.SHELL: "```sh", Medium.FILE: "```"}[medium]
        for step in steps:
            if step.note:
                yield f"{'--' if medium is Medium.SQL else '#'} {step.note}"
            yield step.text
        yield "```\n"


def silent() -> Iterator[str]:
    """Yield the repairs of what has no line."""
    for id_, what in SILENT.items():
        does = SILENCE.get(id_.removeprefix("backend-"))
        about = (
            f"the backend {does}" if does and not does.startswith("(") else (does or "").strip("()")
        )
        yield f"### `{id_}`" + (f": {about}" if about else ": the database can't be reached") + "\n"
        yield from repair(what)
        if what.references:
            yield "References: " + "; ".join(map(linked, what.references)) + ".\n"


def progress() -> Iterator[str]:
    """Yield the lines that count without being errors."""
    yield from table([known for known in SIGNATURES if known.error_class is None and known.start])
    yield ""


def unproved() -> str:
    """Return the list of signatures that no test has provoked."""
    proved = proofs()
    ids = dict.fromkeys(each.id for each in (*ERROR_TEXTS, *SIGNATURES) if each.error_class)
    missing = [f"`{id_}`" for id_ in ids if id_ not in proved]
    listed = "\n".join(wrapped(", ".join(missing) + "."))
    return (
        f"## Never provoked here\n\n{len(missing)} of {len(ids)} signatures of errors are taken "
        f"from the sources and message lists named above:\n\n{listed}\n"
    )


def wrapped(text: str) -> list[str]:
    """Return `text` in lines of at most 100 characters."""
    lines, line = [], ""
    for word in text.split(" "):
        if len(line) + 1 + len(word) > 100:
            lines.append(line)
            line = ""
        line = f"{line} {word}".lstrip()
    return [*lines, line]


def linked(reference: str) -> str:
    """Return a reference as Markdown; ``words: address`` becomes a link."""
    words, colon, address = reference.partition(": https:")
    if colon:
        return f"[{words}](https:{address})"
    return f"<{reference}>" if reference.startswith("https:") else reference


def code(text: str) -> str:
    """Return `text` as code in a table."""
    text = text.replace("|", r"\|")
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def cell(text: str) -> str:
    """Return plain text for a table."""
    return re.sub(r"([*_|<\[\]\\])", r"\\\1", text)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
