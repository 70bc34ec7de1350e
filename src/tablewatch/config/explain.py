"""An account of what is in effect and where each value comes from, for people and for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from tablewatch.config.daemon_settings import DaemonSettings
from tablewatch.config.document import Document
from tablewatch.config.quotes import bare
from tablewatch.config.schema import keys, value
from tablewatch.config.settings import Config, TableSettings
from tablewatch.config.values import Kind, Several

WIDTH = 80

_BOLD, _DIM, _PLAIN = "\033[1m", "\033[2m", "\033[0m"
_DAEMON, _DEFAULTS = "daemon.", "defaults."
_KEY = max(len(key.rpartition(".")[2]) for key, _ in keys(TableSettings)) + 6
_VALUE = 10
_WIDEST = 30  # leaves room for where a value comes from


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
        if key.startswith(_DAEMON):
            continue
        yield f"{key}, {_from(*_top_origin(document, key))}"
        for written in _each(kind, value(config, key)):
            yield from _remarked(f"  {bare(written, 200)}", remarks.get(written, ""))
    yield from ("", "daemon, tablewatchd and where supervisors find it")
    daemon = config.daemon
    wide = max(len(kind.write(value(daemon, key))) for key, kind in keys(type(daemon)))
    yield from _group(
        daemon,
        lambda key: _top_origin(document, _DAEMON + key),
        column=min(wide, _WIDEST),
        remarks=remarks,
    )
    if not table:
        yield from ("", "defaults, for every table not named below")
        yield from _group(config.defaults, document.origin)
    for name in [table] if table else config.tables:
        own = "" if name in config.tables else ", with nothing of its own in the file"
        yield from ("", f"tables.{bare(name, WIDTH - 50)}{own}")
        yield from _group(config.table(name), partial(document.origin, table=name))


def _group(
    settings: DaemonSettings | TableSettings,
    origin_of: Callable[[str], tuple[str, int]],
    column: int = _VALUE,
    remarks: Mapping[str, str] | None = None,
) -> Iterator[str]:
    above = ""
    named = list(keys(type(settings)))
    wide = max(_KEY, *(len(key) + 4 for key, _ in named if "." not in key))
    for key, kind in named:
        group, _, name = key.rpartition(".")
        if group != above:
            yield f"  {group}"
            above = group
        label = ("    " if group else "  ") + name
        written = kind.write(value(settings, key))
        origin = _from(*origin_of(key))
        lines = [f"{label:<{wide}}{written:<{column}}  {origin}"]
        if len(lines[0]) > WIDTH:
            indent = " " * wide
            lines = [
                f"{label:<{wide}}{'':{column}}  {origin}",
                *textwrap.wrap(
                    written, WIDTH, initial_indent=indent, subsequent_indent=indent + " "
                ),
            ]
        yield from lines[:-1]
        yield from _remarked(lines[-1], (remarks or {}).get(written, ""))


def _remarked(line: str, remark: str) -> list[str]:
    """Return the lines for one value and what is to be said about it."""
    if not remark:
        return [line]
    if len(line) + len(remark) + 4 <= WIDTH:
        return [f"{line}  ({remark})"]
    return [line, f"      {remark}"]  # in one piece, because it may hold a command to copy


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
