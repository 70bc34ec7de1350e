"""Records: classes of named fields, as ``@dataclass(slots=True)`` makes them, at a lower price.

dataclasses loads `inspect` and compiles source text for every class. A supervisor has sixty such
classes, and smtpd waits for its start. Here nothing is compiled. Making a small record takes half
a microsecond longer for it, so what is made for every lookup is a NamedTuple.

``fields``, ``replace`` and ``asdict`` of dataclasses take records, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from dataclasses import Field

T = TypeVar("T")
R = TypeVar("R", bound="Record")

_set = object.__setattr__


class _Factory:
    """Makes a default."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make


def field(*, default_factory: Callable[[], T]) -> T:
    """Return a default that is made anew for each record, as a list has to be."""
    return _Factory(default_factory)  # type: ignore[return-value]


class _Fields:
    """What dataclasses knows the fields of a class by; made when it asks."""

    def __get__(self, record: object, kind: type[Record]) -> dict[str, Field[Any]]:
        from dataclasses import field, fields, make_dataclass  # noqa: PLC0415 - see above

        hints = kind.__annotations__
        made: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        for name in kind.__match_args__:
            if name not in kind._defaults:
                made.append((name, hints[name]))
                continue
            default = kind._defaults[name]
            is_made = isinstance(default, _Factory)
            given = {"default_factory": default.make} if is_made else {"default": default}
            made.append((name, hints[name], field(**given)))
        return {each.name: each for each in fields(make_dataclass(kind.__name__, made))}


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class _RecordType(type):
    """Makes slots of the annotations of a class, and takes its defaults out of their way."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], *, frozen: bool = True
    ) -> _RecordType:
        names = tuple(namespace.get("__annotations__", ()))
        defaults = {each: namespace.pop(each) for each in names if each in namespace}
        namespace |= {"__slots__": names, "__match_args__": names}
        namespace |= {"_names": frozenset(names), "_defaults": defaults}
        if not frozen:
            namespace |= {"__setattr__": _set, "__delattr__": object.__delattr__, "__hash__": None}
        return super().__new__(cls, name, bases, namespace)


class Record(metaclass=_RecordType):
    """The base of all records.

    A subclass names its fields by annotations; what has a default may be left out when a record
    is made. Records can't be changed unless their class says ``frozen=False``. Fields are not
    inherited.
    """

    if TYPE_CHECKING:
        __match_args__: ClassVar[tuple[str, ...]]
        _names: ClassVar[frozenset[str]]
        _defaults: ClassVar[dict[str, Any]]
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    else:
        __dataclass_fields__ = _Fields()

    def __init__(self, *values: object, **named: object) -> None:
        kind = type(self)
        names, defaults = kind.__match_args__, kind._defaults
        count = len(values) + len(named)
        if values:
            named |= zip(names, values, strict=False)
        if len(named) < count:
            raise TypeError(f"{kind.__name__}() got a field twice, or more than it has")
        for name in names:
            if name in named:
                _set(self, name, named[name])
            elif name in defaults:
                value = defaults[name]
                _set(self, name, value.make() if type(value) is _Factory else value)
            else:
                raise TypeError(f"{kind.__name__}() lacks {name}")
        if not named.keys() <= kind._names:
            unknown = ", ".join(named.keys() - kind._names)
            raise TypeError(f"{kind.__name__}() got {unknown}, which it has not")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} can't be changed: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__name__} can't be changed: {name}")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return list(_values(self)) == list(_values(other))

    def __hash__(self) -> int:
        return hash(tuple(_values(self)))

    def __reduce__(self) -> tuple[type[Record], tuple[object, ...]]:
        return type(self), tuple(_values(self))

    def __repr__(self) -> str:
        named = zip(self.__match_args__, _values(self), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in named)})"


def names_of(kind: type[Record]) -> tuple[str, ...]:
    """Return the names of the fields of `kind`, in order."""
    return kind.__match_args__


def is_required(kind: type[Record], name: str) -> bool:
    """Return whether the field `name` of `kind` has no default."""
    return name not in kind._defaults


def replace(record: R, **changes: Any) -> R:  # noqa: ANN401 - as the fields are
    """Return a record like `record` but for `changes`."""
    named = dict(zip(record.__match_args__, _values(record), strict=True))
    return type(record)(**(named | changes))


def _values(record: Record) -> Iterator[object]:
    return (getattr(record, name) for name in record.__match_args__)
