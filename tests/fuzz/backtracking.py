"""How many steps Python's regular expressions take: a matcher of the same kind, that counts.

It goes through the tree that `re` itself makes of a pattern and tries what `re` tries, in the same
order, without its short cuts; so what it counts is no less than what is done. That it finds the
same is asserted with every use.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from re import _constants as c  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

Node = tuple[Any, Any]

_ONE = {c.LITERAL, c.NOT_LITERAL, c.ANY, c.IN}
_WORD: Callable[[str], bool] = lambda char: char.isalnum() or char == "_"  # noqa: E731
_CATEGORIES: dict[Any, Callable[[str], bool]] = {
    c.CATEGORY_DIGIT: str.isdecimal,
    c.CATEGORY_SPACE: str.isspace,
    c.CATEGORY_WORD: _WORD,
    c.CATEGORY_NOT_DIGIT: lambda char: not char.isdecimal(),
    c.CATEGORY_NOT_SPACE: lambda char: not char.isspace(),
    c.CATEGORY_NOT_WORD: lambda char: not _WORD(char),
}


class TooManySteps(Exception):
    """More steps than allowed."""


def steps(pattern: re.Pattern[Any], text: str, most: int) -> int:
    """Return the steps of finding all matches of `pattern` in `text`. Raises TooManySteps.

    A pattern of bytes is taken for one of the characters with these numbers.
    """
    counted = _Counting(pattern, text, most)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 20 * len(text) + 1000)
    try:
        found = counted.spans()
    finally:
        sys.setrecursionlimit(limit)
    # Only now: without a bound it might take for ever.
    subject = text if isinstance(pattern.pattern, str) else text.encode("latin-1")
    assert found == [match.span() for match in pattern.finditer(subject)], pattern.pattern
    return counted.steps


class _Counting:
    """One pattern and one text."""

    def __init__(self, pattern: re.Pattern[Any], text: str, most: int) -> None:
        self._tree = _parser.parse(pattern.pattern, pattern.flags)
        self._text = text
        self._most = most
        self._flags = pattern.flags
        self._ignores_case = bool(pattern.flags & re.IGNORECASE)
        self._multiline = bool(pattern.flags & re.MULTILINE)
        self._ones: dict[int, tuple[Any, dict[str, bool]]] = {}
        self.steps = 0

    def spans(self) -> list[tuple[int, int]]:
        """Return where the pattern matches."""
        found: list[tuple[int, int]] = []
        at, empty = 0, False  # `empty`: there was an empty match here already
        while at <= len(self._text):
            end = next(
                (end for end in self._run(self._tree, 0, at) if not (empty and end == at)), None
            )
            if end is None:
                at, empty = at + 1, False
                continue
            found.append((at, end))
            at, empty = end, end == at
        return found

    def _step(self) -> None:
        self.steps += 1
        if self.steps > self._most:
            raise TooManySteps

    def _run(self, nodes: Sequence[Node], index: int, at: int) -> Iterator[int]:
        """Yield where a match of ``nodes[index:]`` from `at` on may end, the preferred first."""
        if index == len(nodes):
            yield at
            return
        for end in self._node(nodes[index], at):
            yield from self._run(nodes, index + 1, end)

    def _node(self, node: Node, at: int) -> Iterator[int]:
        self._step()
        kind, value = node
        if kind in _ONE:
            if at < len(self._text) and self._fits(node, self._text[at]):
                yield at + 1
        elif kind is c.BRANCH:
            for branch in value[1]:
                yield from self._run(branch, 0, at)
        elif kind is c.SUBPATTERN:
            assert value[1:3] == (0, 0), "flags within a pattern are not counted"
            yield from self._run(value[3], 0, at)
        elif kind is c.AT:
            if self._is_at(value, at):
                yield at
        elif kind in (c.ASSERT, c.ASSERT_NOT):
            if self._looks(value, at) is (kind is c.ASSERT):
                yield at
        elif kind in (c.MAX_REPEAT, c.MIN_REPEAT):
            yield from self._repeat(value, at, greedy=kind is c.MAX_REPEAT)
        else:
            raise NotImplementedError(kind)

    def _repeat(self, value: Any, at: int, *, greedy: bool) -> Iterator[int]:
        least, most, part = value
        if len(part) == 1 and part[0][0] in _ONE:
            end = at
            last = len(self._text) if most is c.MAXREPEAT else min(len(self._text), at + most)
            while end < last and self._fits(part[0], self._text[end]):
                self._step()
                end += 1
            ends = range(at + least, end + 1)
            for each in reversed(ends) if greedy else ends:
                self._step()
                yield each
            return
        yield from self._again(part, 0, least, most, at, greedy=greedy)

    def _again(
        self, part: Any, done: int, least: int, most: Any, at: int, *, greedy: bool
    ) -> Iterator[int]:
        if not greedy and done >= least:
            yield at
        if most is c.MAXREPEAT or done < most:
            for end in self._run(part, 0, at):
                if end > at or done < least:
                    yield from self._again(part, done + 1, least, most, end, greedy=greedy)
        if greedy and done >= least:
            yield at

    def _looks(self, value: Any, at: int) -> bool:
        direction, part = value
        begin = at if direction > 0 else at - part.getwidth()[0]
        return begin >= 0 and next(self._run(part, 0, begin), None) is not None

    def _is_at(self, where: Any, at: int) -> bool:
        text = self._text
        if where in (c.AT_BEGINNING, c.AT_BEGINNING_STRING):
            return at == 0 or (self._multiline and where is c.AT_BEGINNING and text[at - 1] == "\n")
        if where is c.AT_END_STRING:
            return at == len(text)
        if where is c.AT_END:
            last = at == len(text) or (at == len(text) - 1 and text[at] == "\n")
            return last or (self._multiline and text[at] == "\n")
        before = at > 0 and _WORD(text[at - 1])
        after = at < len(text) and _WORD(text[at])
        return (before != after) is (where is c.AT_BOUNDARY)

    def _fits(self, node: Node, char: str) -> bool:
        _, known = self._ones.setdefault(id(node), (node, {}))
        if char not in known:
            known[char] = self._compare(node, char)
        return known[char]

    def _compare(self, node: Node, char: str) -> bool:
        """Ask `re` itself what one character is: case has many rules."""
        tree = _parser.SubPattern(self._tree.state, [node])
        compiled = _compiler().compile(tree, self._flags & ~re.DEBUG)
        subject: Any = char if not self._is_bytes() else char.encode("latin-1")
        return compiled.fullmatch(subject) is not None

    def _is_bytes(self) -> bool:
        return not self._flags & re.UNICODE


def _compiler() -> Any:
    return re._compiler  # type: ignore[attr-defined]
