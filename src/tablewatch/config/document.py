"""What a configuration file says, key by key, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tablewatch.config.schema import overlay
from tablewatch.config.settings import Config


@dataclass(frozen=True, slots=True)
class Written:
    """A value that stands in the file, and its line."""

    value: object
    line: int


Layer = dict[str, Written]


@dataclass(frozen=True, slots=True)
class Document:
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
