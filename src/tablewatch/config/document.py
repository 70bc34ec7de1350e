"""What a configuration file says, key by key, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from tablewatch.config.settings import Config
from tablewatch.record import Record, field, names_of, replace

R = TypeVar("R", bound=Record)


class Written(Record):
    """A value that stands in the file, and its line."""

    value: object
    line: int


Layer = dict[str, Written]


class Document(Record):
    """What a file says before anything is laid over anything; keys have dots (``restart.burst``).

    ``top`` holds the keys of the whole file, ``defaults.deadline`` and the like among them.
    ``path`` is "" where there is no file.
    """

    path: str = ""
    top: Layer = field(default_factory=dict)
    tables: dict[str, Layer] = field(default_factory=dict)

    def config(self) -> Config:
        """Return the effective configuration: tables over defaults over what is built in."""
        config = overlay(Config(path=self.path), _values(self.top))
        tables = {
            name: overlay(config.defaults, _values(layer)) for name, layer in self.tables.items()
        }
        return replace(config, tables=tables)

    def origin(self, key: str, table: str = "") -> tuple[str, int]:
        """Return what set `key` of `table` ("" for all others), and the line, 0 if built in."""
        if written := self.tables.get(table, {}).get(key):
            return f"tables.{table}", written.line
        if written := self.top.get(f"defaults.{key}"):
            return "defaults", written.line
        return "built-in", 0


def _values(layer: Layer) -> dict[str, object]:
    return {key: written.value for key, written in layer.items()}


def overlay(settings: R, values: Mapping[str, object], prefix: str = "") -> R:
    """Return `settings` with the dotted keys of `values` laid over it, field by field."""
    changes: dict[str, object] = {}
    for name in names_of(type(settings)):
        key, built_in = prefix + name, getattr(settings, name)
        if isinstance(built_in, Record):
            changes[name] = overlay(built_in, values, f"{key}.")
        elif key in values:
            changes[name] = values[key]
    return replace(settings, **changes)
