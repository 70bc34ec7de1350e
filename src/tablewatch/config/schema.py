"""The keys of the file, derived from the dataclasses of :mod:`tablewatch.config.settings`.

Keys of nested groups are written with dots: ``restart.burst``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from tablewatch.config.values import Kind, Switch

T = TypeVar("T")


class Named:
    """A mapping of names the administrator chooses to groups of one sort."""

    def __init__(self, group: type) -> None:
        self.group = group


@cache
def entries(group: type) -> dict[str, Kind | Named | type]:
    """Return what may stand in `group`: a value's kind, a nested group, or named groups."""
    hints = get_type_hints(group)
    found: dict[str, Kind | Named | type] = {}
    for field in fields(group):
        hint = hints[field.name]
        if "kind" in field.metadata:
            found[field.name] = field.metadata["kind"]
        elif hint is bool:
            found[field.name] = Switch()
        elif isinstance(hint, type) and is_dataclass(hint):
            found[field.name] = hint
        elif get_origin(hint) is dict:
            found[field.name] = Named(get_args(hint)[1])
    return found


def keys(group: type, prefix: str = "") -> Iterator[tuple[str, Kind]]:
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


def overlay(settings: T, values: Mapping[str, object], prefix: str = "") -> T:
    """Return `settings` with the dotted keys of `values` laid over it, field by field."""
    changes: dict[str, object] = {}
    group: type = type(settings)
    for name, entry in entries(group).items():
        key = prefix + name
        if isinstance(entry, type):
            changes[name] = overlay(getattr(settings, name), values, f"{key}.")
        elif key in values:
            changes[name] = values[key]
    return replace(settings, **changes)  # type: ignore[type-var]
