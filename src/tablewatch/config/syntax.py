"""YAML text to nodes, with PyYAML's complaints in plain words.

YAML is only composed into nodes, never constructed into objects: that keeps the lines for the
messages, and leaves nothing for tags or anchors to do harm with.
"""

from __future__ import annotations

import re

import yaml

from tablewatch.config.quotes import bare
from tablewatch.errors import ConfigError, Problem

# Settings of a table in a nested group are at the fifth level.
MAX_DEPTH = 20

# What PyYAML says, and what it means to somebody who edits a configuration file.
_PLAIN_WORDS = (
    ("nested too deeply", "nested far too deeply; tablewatch.yml(5) has examples"),
    (
        "mapping values are not allowed",
        "a second ':' in one line, a ':' missing in the line above, or wrong indentation",
    ),
    ("could not find expected ':'", "this line has no ':' behind its key"),
    ("cannot start any token", "a value can't begin like this; put it in quotes"),
    ("unknown escape", "an unknown \\ code; use single quotes, in which a \\ is just a \\"),
    ("quoted scalar", "a quote is opened here and never closed"),
    ("expected ',' or", "a bracket is opened here and never closed, or a comma is missing"),
    ("expected <block end>", "this line is indented like no line above it"),
    ("undefined alias", "no anchor of this name stands above"),
    ("duplicate anchor", "a second anchor of this name; call it something else"),
    ("expected a single document", "a second '---'; the file must be a single document"),
    ("parsing a flow node", "a value is missing, or a bracket is opened and never closed"),
    ("<document start>", "this can't stand where a key begins"),
    ("parsing a block", "this line is indented like no line above it"),
)
# Where these begin says more than where PyYAML gave up, which may be the end of the file.
_BEGUN = ("quoted scalar", "expected ',' or", "could not find expected ':'")
# What YAML 1.1 and its marks take for the end of a line.
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class _Loader(yaml.SafeLoader):
    """Stops at MAX_DEPTH: PyYAML works recursively, and its cost grows with the depth."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node."""
        if self.depth == MAX_DEPTH:
            mark = parent.start_mark if parent is not None else None
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def compose(text: str, path: str) -> yaml.Node | None:
    """Return the root node of `text`, None if it is empty; raises ConfigError with one problem."""
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.reader.ReaderError as error:
        line = len(_LINE_END.split(text[: error.position]))
        message = f"an invisible character (U+{ord(text[error.position]):04X}); remove it"
        raise ConfigError([Problem(path, line, "", message)]) from error
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_plainly(error, text, path)]) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # What PyYAML lets Python itself stumble over: "\UFFFFFFFF", a %YAML of 5,000 digits.
        message = "not readable as YAML; a \\ within quotes or a % at the left margin is at fault"
        raise ConfigError([Problem(path, 0, "", message)]) from error
    return root


def _plainly(error: yaml.MarkedYAMLError, text: str, path: str) -> Problem:
    said = f"{error.context or ''} {error.problem or ''}".strip()
    begun = any(part in said for part in _BEGUN) and "escape" not in said
    first, second = error.problem_mark, error.context_mark
    mark = (second or first) if begun else (first or second)
    if mark is None:
        return Problem(path, 0, "", f"not readable as YAML: {bare(said)}")
    lines = _LINE_END.split(text)
    line = lines[mark.line] if mark.line < len(lines) else ""
    if line[mark.column :].startswith("\t"):
        meaning = "a tab stands here; write spaces instead"
    elif "\t" in line[: len(line) - len(line.lstrip())]:
        meaning = "a tab stands in the indentation; YAML allows only spaces there"
    else:
        meaning = next((plain for part, plain in _PLAIN_WORDS if part in said), bare(said))
    return Problem(path, mark.line + 1, "", f"column {mark.column + 1}: {meaning}")
