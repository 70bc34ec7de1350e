"""Target: all regular expressions of the source, counted step by step."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Iterator

from hypothesis import strategies as st
from tests.fuzz.backtracking import TooManySteps, steps
from tests.fuzz.target import Targets

import tablewatch

REGEXES = Targets()

_LONGEST = 120  # characters; to count takes a thousand times as long as to match

PARTS = (
    *(
        "a",
        "0",
        ".",
        "-",
        "_",
        " ",
        "/",
        ":",
        "@",
        "'",
        '"',
        "\\",
        "\\'",
        "''",
        "\\\\",
        "=",
        "$",
        "*",
    ),
    *("(", ")", "[", "]", "{", "}", "<", ">", "|", ";", ",", "#", "`", "``", "?", "\t", "\n", "\r"),
    *("a.", "a-", "a:", "a/", "x@y", "password", "password=", "passwd ", "secret", "://", "a://"),
    *("$6$a", "{a}", "\\x61", "0x", "ERROR:  ", "at ", " failed: ", 'key too long: "', "value: '"),
    *("for key", " from ", 'req "', "1.5 read(", "fd 1 read ", 'sun_path="', "SCAN ", "--", "/*"),
    *(
        "*/",
        "?1",
        "E....S",
        "\0",
        "\xff",
        "ł",
        "1d",
        "1h",
        "10ms",
        "gzip;q=",
        "[::1]:",
        "127.0.0.1",
    ),
)


@functools.cache
def all_patterns() -> dict[str, re.Pattern[str] | re.Pattern[bytes]]:
    """Return the compiled expressions that modules of tablewatch hold, by module and name."""
    found: dict[str, re.Pattern[str] | re.Pattern[bytes]] = {}
    for module in pkgutil.walk_packages(tablewatch.__path__, "tablewatch."):
        if not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                for each in _in(value):
                    found.setdefault(f"{module.name}.{name}", each)
    return found


def _in(value: object) -> Iterator[re.Pattern[str] | re.Pattern[bytes]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _in(each)


@REGEXES(
    "regexes",
    st.lists(st.tuples(st.sampled_from(PARTS), st.integers(1, 60)), min_size=1, max_size=6).map(
        lambda parts: "".join(part * often for part, often in parts).encode()
    ),
    map(str.encode, PARTS),
    grows=False,
)
def regexes(data: bytes) -> None:
    """No regular expression of the source takes more than a few steps for each pair of characters,
    so that the longest line there is costs milliseconds, whatever it holds.
    """
    text = data.decode("utf-8", "replace")[:_LONGEST]
    latin1 = data.decode("latin-1")[:_LONGEST]
    most = 3 * (len(text) + 100) ** 2
    for name, pattern in all_patterns().items():
        try:
            steps(pattern, text if isinstance(pattern.pattern, str) else latin1, most)
        except TooManySteps:
            raise AssertionError(f"{name} takes more than {most} steps") from None
