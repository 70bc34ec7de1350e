"""The text of a configuration file to a :class:`~tablewatch.config.document.Document`.

Reading goes by the schema: what is no key is reported and not looked into, so that however a file
is nested, aliased or repeated, it costs no more than its length and a hundred messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import yaml

from tablewatch.config.daemon_settings import DaemonSettings
from tablewatch.config.document import Document, Layer, Written
from tablewatch.config.quotes import bare, nearest, shown
from tablewatch.config.schema import entries, keys, value
from tablewatch.config.settings import Config, TableSettings
from tablewatch.config.syntax import compose
from tablewatch.config.values import Kind, Named, Several
from tablewatch.errors import ConfigError, Problem

# More than anybody repairs in one go.
MAX_PROBLEMS = 100

_YAML = "tag:yaml.org,2002:"
_NULL = _YAML + "null"
_SORTS = ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map")
_TAGS = {_YAML + sort for sort in _SORTS}


def parse(text: str, path: str) -> Document:
    """Return what `text`, read from `path`, says; raises ConfigError with every problem in it."""
    document = Document(path)
    refuse(path, _file(compose(text, path), document))
    return document


def refuse(path: str, found: Iterator[Problem]) -> None:
    """Raise ConfigError with the first problems `found` in `path`, by line; nothing if none is."""
    problems = list(islice(found, MAX_PROBLEMS))
    if not problems:
        return
    problems.sort(key=lambda problem: problem.line)
    if len(problems) == MAX_PROBLEMS:
        enough = f"these are the first {MAX_PROBLEMS} problems; repair them and look again"
        problems.append(Problem(path, 0, "", enough))
    raise ConfigError(problems)


# Each of these fills a layer and yields the problems it finds on the way.


def _file(root: yaml.Node | None, document: Document) -> Iterator[Problem]:
    if root is None:
        return
    refused: set[str] = set()
    for problem in _whole(root, document):
        refused.add(problem.key)
        yield problem
    config = document.config()
    defaults = {
        key.removeprefix("defaults."): written
        for key, written in document.top.items()
        if key.startswith("defaults.")
    }
    layers = [("defaults", config.defaults, defaults)]
    for name, layer in document.tables.items():
        layers.append((f"tables.{bare(name)}", config.tables[name], layer))
    for place, settings, layer in layers:
        for line, key, message in _contradictions(settings, layer):
            if f"{place}.{key}" not in refused:
                yield Problem(document.path, line, f"{place}.{key}", message)


def _whole(root: yaml.Node, document: Document) -> Iterator[Problem]:
    walk = Walk(document.path)
    yield from walk.group(root, Config, Target(document.top))
    for name, line, node in walk.named:
        place = f"tables.{bare(name)}"
        if not name or not name.isprintable():
            message = "no name of a table; write the name it has in smtpd.conf"
            yield Problem(document.path, line, place, message)
            continue
        target = Target(document.tables.setdefault(name, {}), place + ".")
        yield from walk.group(node, TableSettings, target)


class Target(NamedTuple):
    """Where what is read goes: the layer; ``place`` is what its keys are behind in the file."""

    layer: Layer
    place: str = ""


class Walk:
    """Goes through the nodes of one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.named: list[tuple[str, int, yaml.Node]] = []

    def group(
        self, node: yaml.Node, group: type, target: Target, prefix: str = ""
    ) -> Iterator[Problem]:
        """Read `node` as a `group`, nested in those of `prefix`."""
        known = entries(group)
        here = target.place + prefix
        for pair in self.pairs(node, here.rstrip("."), " and ".join(islice(known, 2))):
            if isinstance(pair, Problem):
                yield pair
                continue
            name, line, child = pair
            entry, key = known.get(name), prefix + name
            if isinstance(entry, Kind):
                yield from self.value(child, entry, target, key, line)
            elif isinstance(entry, Named):
                for item in self.pairs(child, here + name, "the names of tables"):
                    if isinstance(item, Problem):
                        yield item
                    else:
                        self.named.append(item)
            elif entry is not None:
                yield from self.group(child, entry, target, f"{key}.")
            else:
                message = _unknown(name, group, prefix)
                yield Problem(self.path, line, here + bare(name), message)

    def value(
        self, node: yaml.Node, kind: Kind, target: Target, key: str, line: int
    ) -> Iterator[Problem]:
        """Read one value, or one list of values."""
        several = isinstance(kind, Several)
        listed = several and isinstance(node, yaml.SequenceNode) and node.tag in _TAGS
        items: list[yaml.Node] = node.value if listed else [node]
        found: dict[object, None] = {}
        for item in items:
            try:
                one = kind.read(_text(item, kind))
                if one in found:
                    raise ValueError(f"{shown(str(one))} stands twice; write it once")
                found[one] = None
            except ValueError as error:
                at = item.start_mark.line + 1 if listed else line
                yield Problem(self.path, at, target.place + key, str(error))
        if len(found) == len(items):
            target.layer[key] = Written(tuple(found) if several else next(iter(found)), line)

    def pairs(
        self, node: yaml.Node, place: str, keys: str
    ) -> Iterator[tuple[str, int, yaml.Node] | Problem]:
        """Yield key, line and value node of a mapping, or what is wrong; `keys` are examples."""
        if node.tag == _NULL:
            return  # `tables:` with every table below it commented out
        if not isinstance(node, yaml.MappingNode) or node.tag not in _TAGS:
            message = f"{_sort(node)} stands here; write keys ({keys}), each with a ':' behind it"
            yield Problem(self.path, node.start_mark.line + 1, place, message)
            return
        seen: dict[str, int] = {}
        for key, child in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag not in _TAGS:
                message = f"{_sort(key)} can't be a key; write a plain word"
                yield Problem(self.path, line, place, message)
            elif key.value in seen:
                where = f"{place}.{bare(key.value)}".lstrip(".")
                message = f"stands twice, first in line {seen[key.value]}; keep one of them"
                yield Problem(self.path, line, where, message)
            else:
                seen[key.value] = line
                yield key.value, line, child


def _contradictions(settings: TableSettings, layer: Layer) -> Iterator[tuple[int, str, str]]:
    """Yield line, key and message for values that limit each other, if `layer` wrote either."""
    for key, kind in keys(TableSettings):
        if not kind.at_most:
            continue
        other = f"{key.rpartition('.')[0]}.{kind.at_most}".lstrip(".")
        mine, most = value(settings, key), value(settings, other)
        if mine > most and (written := layer.get(key) or layer.get(other)):
            message = f"{kind.write(mine)} is more than {other} ({kind.write(most)})"
            yield written.line, key, f"{message}; write both, {kind.at_most} the larger one"


def _text(node: yaml.Node, kind: Kind) -> str:
    if node.tag == _NULL:
        raise ValueError(f"has no value; write {kind.right()}, or leave the key out")
    if not isinstance(node, yaml.ScalarNode) or node.tag not in _TAGS:
        raise ValueError(f"{_sort(node)} stands here; write {kind.right()}")
    return str(node.value)


def _sort(node: yaml.Node) -> str:
    if node.tag not in _TAGS:
        return f"the YAML tag {shown(node.tag)}"
    if isinstance(node, yaml.ScalarNode):
        return shown(node.value) if node.value else "nothing"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a group of keys"


def _unknown(name: str, group: type, prefix: str) -> str:
    if name == "<<":
        return "merge keys are not understood; put what tables share under defaults:"
    known = entries(group)
    if near := nearest(name, known):
        return f'unknown key; did you mean "{near}"?'
    # A right key in the wrong place, or nearly one.
    places = dict.fromkeys(entries(Config), "")
    for key, _ in keys(Config):
        above, _, last = key.rpartition(".")
        places.setdefault(last, above)
    near = nearest(name, places)
    if near in entries(Config):
        return f"unknown key; {near}: stands at the left margin"
    if near:
        return f"unknown key; {near} belongs {_way(places[near], group, prefix)}"
    return f"unknown key; known here: {', '.join(known)}"


def _way(place: str, group: type, prefix: str) -> str:
    """Return how to get to `place` from the group at `prefix` where somebody looked for it."""
    if group is Config:
        return f"under {': '.join(place.split('.'))}:"
    if place.partition(".")[0] != "defaults" or group is DaemonSettings:
        return f"under {': '.join(place.split('.'))}: at the left margin"
    if place == "defaults" and prefix:
        return f"one level up, beside {prefix.split('.')[-2]}:"
    return f"under {': '.join(place.removeprefix('defaults.').split('.'))}:"
