"""The keys of the file: the fields of :mod:`tablewatch.config.settings` with their kinds.

Keys of nested groups are written with dots: ``restart.burst``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from tablewatch.config.ranges import KINDS
from tablewatch.config.values import Kind, Named, Switch
from tablewatch.record import Record, names_of


@cache
def entries(group: type[Record]) -> dict[str, Kind | Named | type[Record]]:
    """Return what may stand in `group`: a value's kind, a nested group, or named groups."""
    kinds, defaults = KINDS[group], group()
    found: dict[str, Kind | Named | type[Record]] = {}
    for name in names_of(group):
        default = getattr(defaults, name)
        if name in kinds:
            found[name] = kinds[name]
        elif isinstance(default, bool):
            found[name] = Switch()
        elif isinstance(default, Record):
            found[name] = type(default)
    return found


def keys(group: type[Record], prefix: str = "") -> Iterator[tuple[str, Kind]]:
    """Yield every key of `group` and its nested groups with its kind, in the order of the file."""
    for name, entry in entries(group).items():
        if isinstance(entry, Kind):
            yield prefix + name, entry
        elif isinstance(entry, type):
            yield from keys(entry, f"{prefix}{name}.")


def value(settings: object, key: str) -> Any:  # noqa: ANN401 - whatever the field holds
    """Return the value of a dotted `key`."""
    for name in key.split("."):
        settings = getattr(settings, name)
    return settings
