"""Records to JSON values and back, trusting nothing that comes in.

A supervisor and a daemon of different releases must understand each other: what is unknown is
ignored, what is missing takes its default, and a field that is there must be of its type.

A class is looked through once, when it is first met. What is kept of it is a function for each
kind of value, and those of a record's fields; a report takes no more than calling them.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from tablewatch.errors import ControlError
from tablewatch.record import Record, is_required, names_of

R = TypeVar("R", bound=Record)

# Nothing that is sent here comes near these; they bound what a peer gone wrong can make us keep.
MAX_TEXT = 4_000  # characters
MAX_ITEMS = 10_000  # of one list or mapping
_MAX_NUMBER = 1 << 63

_Plain = Any  # JSON is of any shape
_Tell = Callable[[Any], _Plain]
# Raises ControlError with what follows the value's name; whoever knows the name puts it in front.
_Take = Callable[[_Plain], Any]


def to_plain(value: object) -> _Plain:
    """Return records, lists and mappings as what ``json.dumps`` takes."""
    if isinstance(value, Record):
        return _tell_record(type(value))(value)
    if isinstance(value, list | tuple):
        return [to_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): to_plain(each) for key, each in value.items()}
    return value


def from_plain(record: type[R], value: _Plain, where: str = "") -> R:
    """Return `value`, as ``json.loads`` gave it, as a `record`.

    Raises ControlError that names the field.
    """
    try:
        return cast(R, _take_record(record)(value))
    except ControlError as error:
        raise ControlError(f"{where or record.__name__}{error}") from None


# --- telling --------------------------------------------------------------------------------------


@cache
def _tell_record(record: type[Record]) -> _Tell:
    hints = get_type_hints(record)
    inner = [(name, tell) for name, hint in hints.items() if (tell := _tell(hint)) is not None]

    def tell_record(value: object) -> _Plain:
        plain = {name: getattr(value, name) for name in hints}
        for name, tell in inner:
            plain[name] = tell(plain[name])
        return plain

    return tell_record


def _tell(hint: Any) -> _Tell | None:  # noqa: ANN401 - a type hint
    """Return how a value of this type is told; None: as it is."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        return _tell_perhaps(_tell(_but_none(arguments)))
    if origin is list:
        return _tell_list(_tell(arguments[0]))
    if origin is dict:
        return _tell_dict(_tell(arguments[1]))
    if isinstance(hint, type) and issubclass(hint, Record):
        return _tell_record(hint)
    return None


def _tell_perhaps(tell: _Tell | None) -> _Tell | None:
    if tell is None:
        return None
    return lambda value: None if value is None else tell(value)


def _tell_list(tell: _Tell | None) -> _Tell:
    if tell is None:
        return list
    return lambda value: [tell(each) for each in value]


def _tell_dict(tell: _Tell | None) -> _Tell:
    if tell is None:
        return dict
    return lambda value: {key: tell(each) for key, each in value.items()}


# --- taking ---------------------------------------------------------------------------------------


@cache
def _take_record(record: type[Record]) -> _Take:
    hints = get_type_hints(record)
    plan = [(name, _take(hints[name]), not is_required(record, name)) for name in names_of(record)]

    def take_record(value: _Plain) -> object:
        if not isinstance(value, dict):
            raise ControlError(" is no object")
        arguments = {}
        name = ""
        try:
            for name, take, may_be_missing in plan:
                if name in value:
                    arguments[name] = take(value[name])
                elif not may_be_missing:
                    raise ControlError(" is missing")
        except ControlError as error:
            raise ControlError(f".{name}{error}") from None
        return record(**arguments)

    return take_record


def _take(hint: Any) -> _Take:  # noqa: ANN401 - a type hint
    """Return what makes a value of this type, or refuses to."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        take = _take(_but_none(arguments))
        return lambda value: None if value is None else take(value)
    if origin is list:
        return _take_list(_take(arguments[0]))
    if origin is dict:
        return _take_dict(_take(arguments[1]))
    if isinstance(hint, type) and issubclass(hint, Record):
        return _take_record(hint)
    return _SIMPLE[hint]


def _but_none(hints: tuple[Any, ...]) -> Any:  # noqa: ANN401 - a type hint
    return next(each for each in hints if each is not types.NoneType)


def _take_list(take: _Take) -> _Take:
    def take_list(value: _Plain) -> list[Any]:
        if not isinstance(value, list):
            raise ControlError(" is no list")
        _check_items(value)
        return [take(each) for each in value]

    return take_list


def _take_dict(take: _Take) -> _Take:
    def take_dict(value: _Plain) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ControlError(" is no object")
        _check_items(value)
        taken = {}
        for key, each in value.items():
            _take_text(key)
            try:
                taken[key] = take(each)
            except ControlError as error:
                raise ControlError(f".{key:.40}{error}") from None
        return taken

    return take_dict


def _check_items(value: list[Any] | dict[str, Any]) -> None:
    if len(value) > MAX_ITEMS:
        raise ControlError(f" has more than {MAX_ITEMS} items")


def _take_text(value: _Plain) -> str:
    if type(value) is not str:
        raise ControlError(" is no str")
    if len(value) > MAX_TEXT:
        raise ControlError(f" has more than {MAX_TEXT} characters")
    return value


def _take_whole(value: _Plain) -> int:
    if type(value) is not int:
        raise ControlError(" is no int")
    if not -_MAX_NUMBER < value < _MAX_NUMBER:
        raise ControlError(" is too large")
    return value


def _take_number(value: _Plain) -> float:
    if type(value) is int and -_MAX_NUMBER < value < _MAX_NUMBER:
        return float(value)
    if type(value) is not float:
        raise ControlError(" is no float")
    if not math.isfinite(value):
        raise ControlError(" is not finite")
    return value


def _take_flag(value: _Plain) -> bool:
    if type(value) is not bool:
        raise ControlError(" is no bool")
    return value


_SIMPLE: dict[type, _Take] = {
    str: _take_text,
    int: _take_whole,
    float: _take_number,
    bool: _take_flag,
}
