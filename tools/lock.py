"""The versions tablewatch is developed and tested with: requirements-dev.txt.

`make lock` writes that file from pyproject.toml, with a hash of every file that may be installed.
Here it is read. ``python -m tools.lock runtime mysql`` prints the part of it that running
tablewatch takes, with that extra, in the same form.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements-dev.txt"
NAME = "tablewatch"
# What is listed must not depend on who lists it: the oldest Python that is supported needs most.
PLATFORM = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.0",
    "python_version": "3.11",
    "sys_platform": "linux",
}
_PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)(?:[^\n]*\\\n +--hash=sha256:[0-9a-f]{64})+$", re.M)


@dataclass(frozen=True)
class Pin:
    """One package of the lock, with its entry as it stands there."""

    name: str
    version: str
    entry: str


def read(path: Path = LOCK) -> dict[str, Pin]:
    """Canonical names to pins; ValueError for an entry without a version or without hashes."""
    text = path.read_text(encoding="utf-8")
    pins: dict[str, Pin] = {}
    for match in _PIN.finditer(text):
        name = canonicalize_name(match[1])
        pins[name] = Pin(name, match[2], match[0])
    for line in text.splitlines():
        if line[:1].isalnum() and canonicalize_name(line.split("=")[0]) not in pins:
            raise ValueError(f"{path.name}: {line!r} has no version, or no hash: run make lock")
    return pins


def runtime() -> list[Requirement]:
    """What pyproject.toml says that running tablewatch takes."""
    return [Requirement(text) for text in _project()["dependencies"]]


def optional(name: str) -> list[Requirement]:
    """What pyproject.toml says that one of its extras takes; KeyError for an unknown one."""
    return [Requirement(text) for text in _project()["optional-dependencies"][name]]


def needs(requirement: Requirement) -> list[Requirement]:
    """What one package asks for by itself, as it is installed here, on the reference platform."""
    texts = metadata.requires(requirement.name) or []
    places = [PLATFORM | {"extra": chosen} for chosen in ("", *requirement.extras)]
    return [
        each
        for each in map(Requirement, texts)
        if each.marker is None or any(each.marker.evaluate(place) for place in places)
    ]


def closure(requirements: Iterable[Requirement]) -> dict[str, list[str]]:
    """Canonical name to the names it needs, of these and of everything they need in turn."""
    found: dict[str, list[str]] = {}
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name not in found or requirement.extras:
            further = needs(requirement)
            before = found.get(name, [])
            found[name] = sorted({*before, *(canonicalize_name(each.name) for each in further)})
            waiting += further
    return dict(sorted(found.items()))


def main(arguments: list[str]) -> int:
    """Print the lock of what tablewatch, with these extras, needs at run time."""
    if arguments[:1] != ["runtime"]:
        print("usage: python -m tools.lock runtime [EXTRA ...]", file=sys.stderr)
        return 2
    pins = read()
    chosen = [each for name in arguments[1:] for each in optional(name)]
    for name in closure([*runtime(), *chosen]):
        print(pins[name].entry)
    return 0


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    return project


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
