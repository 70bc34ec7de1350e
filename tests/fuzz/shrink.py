"""Makes an input that breaks an invariant smaller, whichever engine found it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.fuzz.target import Check

_SECONDS = 20.0


def failure(check: Check, data: bytes) -> BaseException | None:
    """Return what `check` raises for `data`, None if it is satisfied."""
    try:
        check(data)
    except Exception as error:
        return error
    return None


def shrunk(check: Check, data: bytes, seconds: float = _SECONDS) -> bytes:
    """Return a part of `data` for which `check` raises the same, as small as can soon be found."""
    first = failure(check, data)
    if first is None:
        return data
    until = time.monotonic() + seconds
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(data):
            if time.monotonic() > until:
                return data
            error = failure(check, candidate)
            if error is not None and _alike(error, first):
                data, smaller = candidate, True
                break
    return data


def _alike(one: BaseException, other: BaseException) -> bool:
    return type(one) is type(other) and _place(one) == _place(other)


def _place(error: BaseException) -> tuple[str, int]:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return ("", 0) if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)


def _smaller(data: bytes) -> Iterator[bytes]:
    """Yield `data` without a half, a quarter ... a byte of it, then with a byte made an `a`."""
    size = len(data)
    while size:
        for begin in range(0, len(data), size):
            yield data[:begin] + data[begin + size :]
        size //= 2
    for at, byte in enumerate(data[:2000]):
        if byte not in b"a\n":
            yield data[:at] + b"a" + data[at + 1 :]
