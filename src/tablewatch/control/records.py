"""Dataclasses to JSON values and back, trusting nothing that comes in.

A supervisor and a daemon of different releases must understand each other: what is unknown is
ignored, what is missing takes its default, and a field that is there must be of its type.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from tablewatch.errors import ControlError

T = TypeVar("T")

# Nothing that is sent here comes near these; they bound what a peer gone wrong can make us keep.
MAX_TEXT = 4_000  # characters
MAX_ITEMS = 10_000  # of one list or mapping
_MAX_NUMBER = 1 << 63


def to_plain(value: object) -> Any:  # noqa: ANN401 - JSON is of any shape
    """Return dataclasses, lists and mappings as what ``json.dumps`` takes."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each: to_plain(getattr(value, each)) for each in _hints(type(value))}
    if isinstance(value, list | tuple):
        return [to_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): to_plain(each) for key, each in value.items()}
    return value


def from_plain(record: type[T], value: object, where: str = "") -> T:
    """Return `value`, as ``json.loads`` gave it, as a `record`.

    Raises ControlError that names the field.
    """
    where = where or record.__name__
    if not isinstance(value, dict):
        raise ControlError(f"{where} is no object")
    arguments = {}
    hints = _hints(record)  # type: ignore[arg-type]
    for field in fields(record):  # type: ignore[arg-type]
        if field.name in value:
            name = f"{where}.{field.name}"
            arguments[field.name] = _take(hints[field.name], value[field.name], name)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ControlError(f"{where}.{field.name} is missing")
    return record(**arguments)


@cache
def _hints(record: type) -> dict[str, Any]:
    return get_type_hints(record)


def _take(hint: Any, value: object, where: str) -> object:  # noqa: ANN401 - a type hint
    origin = get_origin(hint)
    if origin in (types.UnionType, Union):
        if value is None:
            return None
        hint = next(each for each in get_args(hint) if each is not types.NoneType)
        return _take(hint, value, where)
    if origin is list:
        return [_take(get_args(hint)[0], each, where) for each in _bounded(list, value, where)]
    if origin is dict:
        items = _bounded(dict, value, where).items()
        return {
            _take(str, key, where): _take(get_args(hint)[1], each, f"{where}.{key:.40}")
            for key, each in items
        }
    if is_dataclass(hint):
        return from_plain(hint, value, where)  # type: ignore[arg-type]
    return _simple(hint, value, where)


def _bounded(kind: type, value: object, where: str) -> Any:  # noqa: ANN401 - a list or a dict
    if not isinstance(value, kind):
        raise ControlError(f"{where} is no {'list' if kind is list else 'object'}")
    if len(value) > MAX_ITEMS:  # type: ignore[arg-type]
        raise ControlError(f"{where} has more than {MAX_ITEMS} items")
    return value


def _simple(hint: type, value: object, where: str) -> object:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < _MAX_NUMBER else value
    if type(value) is not hint:
        raise ControlError(f"{where} is no {hint.__name__}")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ControlError(f"{where} has more than {MAX_TEXT} characters")
    if isinstance(value, float) and not math.isfinite(value):
        raise ControlError(f"{where} is not finite")
    if isinstance(value, int) and abs(value) >= _MAX_NUMBER:
        raise ControlError(f"{where} is too large")
    return value
