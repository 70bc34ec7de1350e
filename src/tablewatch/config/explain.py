"""An account of what is in effect and where each value comes from, for people and for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from tablewatch.config.document import Document
from tablewatch.config.schema import keys, value
from tablewatch.config.settings import Config, TableSettings
from tablewatch.config.values import Kind, Several, bare

WIDTH = 80

_BOLD, _DIM, _PLAIN = "\033[1m", "\033[2m", "\033[0m"
_DEFAULTS = "defaults."
_KEY = max(len(key.rpartition(".")[2]) for key, _ in keys(TableSettings)) + 6
_VALUE = 10


def account(
    document: Document,
    table: str = "",
    remarks: Mapping[str, str] | None = None,
    colour: bool = False,
) -> str:
    """Return what is in effect, one value per line, for every table or for `table` alone.

    `remarks` are said behind a directory of ``backend_path``. Lines have at most 80 columns,
    except where a path is longer.
    """
    lines = list(_account(document, table, remarks or {}))
    if colour:
        lines = [_coloured(line) for line in lines]
    return "\n".join(lines)


def as_data(document: Document, table: str = "") -> dict[str, object]:
    """Return the same for JSON: each value with its written form, origin and line."""
    config = document.config()
    whole: dict[str, object] = {
        key: _entry(kind, value(config, key), *_top_origin(document, key))
        for key, kind in _top_keys()
    }
    names = [table] if table else list(config.tables)
    return {
        **whole,
        "defaults": _settings(document, config.defaults, ""),
        "tables": {name: _settings(document, config.table(name), name) for name in names},
    }


def _account(document: Document, table: str, remarks: Mapping[str, str]) -> Iterator[str]:
    config = document.config()
    for key, kind in _top_keys():
        yield f"{key}, {_from(*_top_origin(document, key))}"
        for written in _each(kind, value(config, key)):
            line, remark = f"  {bare(written, 200)}", remarks.get(written, "")
            if remark and len(line) + len(remark) + 4 <= WIDTH:
                line, remark = f"{line}  ({remark})", ""
            yield line
            if remark:  # in one piece, because it may hold a command to copy
                yield f"      {remark}"
    if not table:
        yield from ("", "defaults, for every table not named below")
        yield from _group(document, config.defaults, "")
    for name in [table] if table else config.tables:
        own = "" if name in config.tables else ", with nothing of its own in the file"
        yield from ("", f"tables.{bare(name, WIDTH - 50)}{own}")
        yield from _group(document, config.table(name), name)


def _group(document: Document, settings: TableSettings, table: str) -> Iterator[str]:
    above = ""
    for key, kind in keys(TableSettings):
        group, _, name = key.rpartition(".")
        if group != above:
            yield f"  {group}"
            above = group
        label = ("    " if group else "  ") + name
        written = kind.write(value(settings, key))
        origin = _from(*document.origin(key, table))
        line = f"{label:<{_KEY}}{written:<{_VALUE}}  {origin}"
        if len(line) <= WIDTH:
            yield line
            continue
        yield f"{label:<{_KEY}}{'':{_VALUE}}  {origin}"
        indent = " " * _KEY
        yield from textwrap.wrap(
            written, WIDTH, initial_indent=indent, subsequent_indent=indent + " "
        )


def _from(origin: str, line: int) -> str:
    return f"{bare(origin, 30)}, line {line}" if line else origin


def _coloured(line: str) -> str:
    if line and not line.startswith(" "):
        return f"{_BOLD}{line}{_PLAIN}"
    return f"{_DIM}{line}{_PLAIN}" if line.endswith("built-in") else line


def _each(kind: Kind, found: object) -> Iterable[str]:
    if isinstance(kind, Several) and isinstance(found, tuple):
        return [str(one) for one in found]
    return [kind.write(found)]


def _top_keys() -> Iterator[tuple[str, Kind]]:
    return ((key, kind) for key, kind in keys(Config) if not key.startswith(_DEFAULTS))


def _top_origin(document: Document, key: str) -> tuple[str, int]:
    written = document.top.get(key)
    return ("the file", written.line) if written else ("built-in", 0)


def _settings(document: Document, settings: TableSettings, table: str) -> dict[str, object]:
    return {
        key: _entry(kind, value(settings, key), *document.origin(key, table))
        for key, kind in keys(TableSettings)
    }


def _entry(kind: Kind, found: object, origin: str, line: int) -> dict[str, object]:
    return {"value": found, "written": kind.write(found), "from": origin, "line": line}
