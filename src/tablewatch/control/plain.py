"""The status of a host for programs: the API's answer, and ``tablewatch status --json``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tablewatch.control.records import to_plain
from tablewatch.control.status import HostStatus
from tablewatch.record import replace


def chosen(host: HostStatus, tables: Collection[str]) -> HostStatus:
    """Return `host` with these `tables` only, or all of them if none are named."""
    if not tables:
        return host
    return replace(host, tables=[each for each in host.tables if each.table in tables])


def plain(host: HostStatus) -> dict[str, Any]:
    """Return the records, and what follows from them: the level, and each table's condition."""
    tables = [{"condition": to_plain(each.condition), **to_plain(each)} for each in host.tables]
    return {"level": host.level, **to_plain(host), "tables": tables}
