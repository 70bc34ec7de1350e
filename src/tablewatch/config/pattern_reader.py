"""The text of a file of /etc/tablewatch.d to patterns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from tablewatch.config.document import Layer
from tablewatch.config.pattern_kinds import KEYS, STEP_KEYS, name_trouble
from tablewatch.config.patterns import ERROR_SIGNS, MEDIA, Pattern, PatternStep
from tablewatch.config.quotes import bare, nearest
from tablewatch.config.reader import Target, Walk, refuse
from tablewatch.config.syntax import compose
from tablewatch.config.values import Kind
from tablewatch.errors import Problem

MAX_STEPS = 20


def parse(text: str, path: str) -> tuple[Pattern, ...]:
    """Return the patterns in `text`, read from `path`; raises ConfigError with all problems."""
    patterns: list[Pattern] = []
    root = compose(text, path)
    if root is not None:
        refuse(path, _file(root, Walk(path), patterns))
    return tuple(patterns)


def _file(root: yaml.Node, walk: Walk, patterns: list[Pattern]) -> Iterator[Problem]:
    for pair in walk.pairs(root, "", "patterns"):
        if isinstance(pair, Problem):
            yield pair
            continue
        key, line, node = pair
        if key != "patterns":
            message = "unknown key; patterns: is the only one at the left margin"
            yield Problem(walk.path, line, bare(key), message)
            continue
        for item in walk.pairs(node, "patterns", "the names of patterns"):
            if isinstance(item, Problem):
                yield item
            elif trouble := name_trouble(item[0]):
                yield Problem(walk.path, item[1], f"patterns.{bare(item[0])}", trouble)
            else:
                yield from _pattern(*item, walk, patterns)


def _pattern(
    name: str, line: int, node: yaml.Node, walk: Walk, patterns: list[Pattern]
) -> Iterator[Problem]:
    place = f"patterns.{name}"
    steps: list[PatternStep] = []
    layer, problems = _values(node, place, walk, KEYS, steps)
    if not problems:
        pattern = _made(name, layer, tuple(steps), walk.path, line)
        problems = [
            Problem(walk.path, line, f"{place}.{key}".rstrip("."), message)
            for key, message in _contradictions(pattern)
        ]
        if not problems:
            patterns.append(pattern)
    yield from problems


def _values(
    node: yaml.Node,
    place: str,
    walk: Walk,
    kinds: Mapping[str, Kind],
    steps: list[PatternStep] | None = None,
) -> tuple[Layer, list[Problem]]:
    """Return what the group `node` says, and what is wrong with it; it may have `steps`."""
    target = Target({}, place + ".")
    known = [*kinds, *(["steps"] if steps is not None else [])]
    problems: list[Problem] = []
    for pair in walk.pairs(node, place, f"{known[0]}, {known[1]}"):
        if isinstance(pair, Problem):
            problems.append(pair)
            continue
        key, line, child = pair
        if key in kinds:
            problems += walk.value(child, kinds[key], target, key, line)
        elif key == "steps" and steps is not None:
            problems += _steps(child, f"{place}.steps", walk, steps)
        else:
            near = nearest(key, known)
            hint = f'did you mean "{near}"?' if near else f"known here: {', '.join(known)}"
            message = f"unknown key; {hint}"
            problems.append(Problem(walk.path, line, f"{place}.{bare(key)}", message))
    return target.layer, problems


def _made(name: str, layer: Layer, steps: tuple[PatternStep, ...], file: str, line: int) -> Pattern:
    def written(key: str) -> str:
        return str(layer[key].value) if key in layer else ""

    def several(key: str) -> tuple[str, ...]:
        value = layer[key].value if key in layer else ()
        assert isinstance(value, tuple)
        return value

    return Pattern(
        name,
        lines=several("line"),
        messages=several("message"),
        error_class=written("class"),
        sign=written("sign") or "error",
        cause=written("cause"),
        repair=written("repair"),
        steps=steps,
        references=several("references"),
        file=file,
        line_number=line,
    )


def _contradictions(pattern: Pattern) -> Iterator[tuple[str, str]]:
    """Yield key and message of what does not go together."""
    is_error = pattern.sign in ERROR_SIGNS
    if not pattern.lines and not pattern.messages:
        yield "", "has neither line nor message; write how the line begins, as the log has it"
        return
    if pattern.messages and not is_error:
        yield "sign", f"a message is an error, and {pattern.sign} is none; write line, or leave it"
    elif is_error and not pattern.error_class:
        yield "class", "is missing; write query, connection, configuration or unknown"
    elif not is_error and pattern.error_class:
        yield "class", f"a line of sign {pattern.sign} is no error; leave class out"
    if is_error and not pattern.cause:
        yield "cause", "is missing; write in plain words what the line means"
    if (pattern.steps or pattern.references) and not pattern.repair:
        yield "repair", "is missing; write in a sentence what steps and references are for"


def _steps(node: yaml.Node, place: str, walk: Walk, steps: list[PatternStep]) -> Iterator[Problem]:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.SequenceNode):
        message = f"is no list; write for each step a dash and one of {', '.join(MEDIA)}"
        yield Problem(walk.path, line, place, message)
    elif len(node.value) > MAX_STEPS:
        message = f"has {len(node.value)} steps; {MAX_STEPS} are the limit"
        yield Problem(walk.path, line, place, message)
    else:
        for item in node.value:
            yield from _step(item, place, walk, steps)


def _step(node: yaml.Node, place: str, walk: Walk, steps: list[PatternStep]) -> Iterator[Problem]:
    layer, problems = _values(node, place, walk, STEP_KEYS)
    yield from problems
    if problems:
        return
    values = {key: str(written.value) for key, written in layer.items()}
    if values.keys() == {"file", "lines"} and values["file"]:
        steps.append(PatternStep("file", values["lines"], values["file"]))
    elif len(values) == 1 and not values.keys() & {"file", "lines"}:
        steps.append(PatternStep(*values.popitem()))
    else:
        message = f"write one of {', '.join(MEDIA)} for each step; lines go with file"
        yield Problem(walk.path, node.start_mark.line + 1, place, message)
