"""Patterns of the administrator's own from ``/etc/tablewatch.d``, beside ``/etc/tablewatch.yml``.

Trusted and read as strictly as that file: a pattern decides which keys are refused. A mistake in
one file makes all of them unusable, so that no half of what was meant is in force.
"""

from __future__ import annotations

import os

from tablewatch.config.loader import directory_trouble, read_text
from tablewatch.config.patterns import Pattern
from tablewatch.errors import ConfigError, Problem

# Each line that is new to a supervisor is compared with every pattern.
MAX_PATTERNS = 200
MAX_FILES = 50

_SUFFIX = ".yml"
_DANGER = "a pattern decides which keys are refused"


def directory_beside(path: str) -> str:
    """Return the directory that belongs to the configuration file `path`."""
    return f"{path.removesuffix(_SUFFIX)}.d"


def read_directory(path: str) -> tuple[Pattern, ...]:
    """Return the patterns of all files ``*.yml`` in the directory `path`, in the files' order.

    None if there is no such directory. Raises ConfigError with all problems.
    """
    names = _names(path)
    if not names:
        return ()
    # Imported only now: a supervisor without such files has no use for a YAML parser.
    from tablewatch.config.pattern_reader import parse  # noqa: PLC0415

    patterns: dict[str, Pattern] = {}
    problems: list[Problem] = []
    for name in names:
        file = os.path.join(path, name)
        try:
            text = read_text(file, required=True, danger=_DANGER)
            found = parse(text or "", file)
        except ConfigError as error:
            problems += error.problems
            continue
        for each in found:
            first = patterns.setdefault(each.name, each)
            if first is not each:
                where = f"{first.file}:{first.line_number}"
                message = f"stands twice, first in {where}; keep one of them"
                problems.append(
                    Problem(each.file, each.line_number, f"patterns.{each.name}", message)
                )
    if len(patterns) > MAX_PATTERNS:
        message = f"has {len(patterns)} patterns in its files; {MAX_PATTERNS} are the limit"
        problems.append(Problem(path, 0, "", message))
    if problems:
        raise ConfigError(problems)
    return tuple(patterns.values())


def _names(path: str) -> list[str]:
    try:
        names = sorted(os.listdir(path))
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        message = "is no directory; make it one, with files *.yml in it"
        raise ConfigError([Problem(path, 0, "", message)]) from None
    except OSError as error:
        message = f"can't be read ({error.strerror}); run: chmod 755 {path}"
        raise ConfigError([Problem(path, 0, "", message)]) from None
    problems = []
    if trouble := directory_trouble(path, f"files could be added, and {_DANGER}"):
        problems.append(Problem(path, 0, "", trouble))
    for name in names:
        if name.endswith(".yaml"):
            message = f"is not read; call it {name.removesuffix('.yaml')}.yml"
            problems.append(Problem(os.path.join(path, name), 0, "", message))
    files = [name for name in names if name.endswith(_SUFFIX) and not name.startswith(".")]
    if len(files) > MAX_FILES:
        message = f"has {len(files)} files; {MAX_FILES} are the limit: put patterns together"
        problems.append(Problem(path, 0, "", message))
    if problems:
        raise ConfigError(problems)
    return files
