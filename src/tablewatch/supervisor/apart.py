"""Reading the configuration in a child, which takes what reads YAML with it when it ends.

That is the largest thing a supervisor would load: two megabytes, for a file that is read once. The
child reads while we load what comes next. It says what it found in numbers and text.
"""

from __future__ import annotations

import contextlib
import marshal
import os
from collections.abc import Callable
from typing import Any, TypeVar

from tablewatch.config.patterns import Pattern, PatternStep
from tablewatch.config.settings import Config, TableSettings
from tablewatch.record import Record, names_of, replace
from tablewatch.supervisor.configuration import first_configuration

R = TypeVar("R", bound=Record)

Found = tuple[Config, list[str]]


def read_apart(read: Callable[[], Found] = first_configuration) -> Callable[[], Found]:
    """Have a child `read` the configuration; return what waits for it and returns it.

    For a process without threads. Where there can be no child, or it fails, we read it ourselves.
    """
    try:
        result, told = os.pipe()
    except OSError:
        return read
    try:
        pid = os.fork()
    except OSError:
        os.close(result)
        os.close(told)
        return read
    if pid == 0:
        _tell(read, told)
    os.close(told)

    def wait() -> Found:
        with open(result, "rb") as file:
            data = file.read()
        with contextlib.suppress(ChildProcessError):  # whoever started us ignores SIGCHLD
            os.waitpid(pid, 0)
        try:
            plain, problems = marshal.loads(data)  # noqa: S302 - our own child's
        except (EOFError, ValueError, TypeError):
            return read()
        return from_plain(plain), problems

    return wait


def _tell(read: Callable[[], Found], told: int) -> None:
    """Be the child."""
    try:
        config, problems = read()
        with open(told, "wb") as file:
            file.write(marshal.dumps((to_plain(config), problems)))
    finally:
        os._exit(0)


def to_plain(value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    """Return `value` in what marshal takes: a record as its values, a named tuple as a tuple."""
    if isinstance(value, Record):
        return tuple(to_plain(getattr(value, name)) for name in names_of(type(value)))
    if isinstance(value, tuple):
        return tuple(to_plain(each) for each in value)
    if isinstance(value, dict):
        return {name: to_plain(each) for name, each in value.items()}
    return value


def from_plain(plain: Any) -> Config:  # noqa: ANN401 - as to_plain() made it
    """Return the configuration that :func:`to_plain` was given."""
    config = _filled(Config(), plain)
    tables = {name: _filled(TableSettings(), each) for name, each in config.tables.items()}
    return replace(config, tables=tables, patterns=tuple(map(_pattern, config.patterns)))


def _filled(record: R, plain: Any) -> R:  # noqa: ANN401
    """Return a record with the values `plain`, and in its groups those of `record`'s sorts."""
    values = dict(zip(names_of(type(record)), plain, strict=True))
    for name, value in values.items():
        group = getattr(record, name)
        if isinstance(group, Record):
            values[name] = _filled(group, value)
    return replace(record, **values)


def _pattern(plain: Any) -> Pattern:  # noqa: ANN401
    pattern = Pattern(*plain)
    return pattern._replace(steps=tuple(PatternStep(*each) for each in pattern.steps))
