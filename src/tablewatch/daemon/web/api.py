"""The status of the host as JSON, for programs: docs/api.md."""

from __future__ import annotations

import json
from collections.abc import Collection

from tablewatch.control.plain import chosen, plain
from tablewatch.control.status import HostStatus

JSON = "application/json"


def encode(status: HostStatus, tables: Collection[str] = ()) -> bytes:
    """Return `status`, of `tables` alone if there are any, as a line of JSON."""
    return _line(plain(chosen(status, tables)))


def error(text: str) -> bytes:
    """Return what is answered where there is no status."""
    return _line({"error": text})


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"
