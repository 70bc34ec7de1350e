"""docs/licences.md: the licence of everything tablewatch runs with or is developed with.

``python -m tools.licences`` prints the page from requirements-dev.txt and from what the installed
packages say of themselves; `make lock` writes it.
"""

from __future__ import annotations

from importlib import metadata

from cyclonedx.spdx import is_supported_id
from packaging.utils import canonicalize_name

from . import lock

PAGE = lock.ROOT / "docs" / "licences.md"
# What packages say in their field "License" or as a classifier that do not use SPDX's words yet.
# "BSD License" and the like name no particular licence and are therefore not here.
SPDX = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
}
TEXT = """\
# Licences

tablewatch is under the [ISC licence](../LICENSE). Nothing of the packages below is part of it: they
are installed beside it. `make lock` writes this page from what the packages say of themselves, in
the versions of [requirements-dev.txt](../requirements-dev.txt); which licences they may have is
stated in `tests/packaging/test_licences.py`.

## To run it

{runtime}
psycopg, under the LGPL, is loaded as it is, by `tablewatch doctor` alone, and only if it is there.

## To develop it

{development}"""


class UnknownLicenceError(ValueError):
    """A package does not say plainly under which licence it is."""


def licence(name: str) -> str:
    """The licence of an installed package, as an SPDX expression; UnknownLicenceError."""
    package = metadata.metadata(name)
    if "License-Expression" in package:
        return package["License-Expression"]
    words: list[str] = package.get_all("License", [])
    words += [text.rpartition(" :: ")[2] for text in package.get_all("Classifier", [])]
    for word in words:
        if word in SPDX or is_supported_id(word):
            return SPDX.get(word, word)
    raise UnknownLicenceError(f"{name} does not say which licence it has: add it to {__name__}")


def purposes() -> dict[str, dict[str, str]]:
    """For running and for developing: canonical name to what asks for the package."""
    running: dict[str, str] = {}
    for requirements, purpose in [
        (lock.runtime(), "always"),
        (lock.optional("mysql"), "`tablewatch[mysql]`"),
        (lock.optional("postgres"), "`tablewatch[postgres]`"),
    ]:
        for name in lock.closure(requirements):
            running.setdefault(name, purpose)
    needs = lock.closure(lock.optional("dev"))
    direct = {canonicalize_name(each.name) for each in lock.optional("dev")}
    developing = {
        name: "" if name in direct else ", ".join(each for each in needs if name in needs[each])
        for name in needs
    }
    return {"runtime": dict(sorted(running.items())), "development": developing}


def page() -> str:
    """The whole page, in Markdown."""
    pins = lock.read()
    found = purposes()
    runtime = _table(
        ["package", "version", "licence", "needed"],
        [[name, pins[name].version, licence(name), why] for name, why in found["runtime"].items()],
    )
    development = _table(
        ["package", "version", "licence", "needed by"],
        [
            [name, pins[name].version, licence(name), why]
            for name, why in found["development"].items()
        ],
    )
    return TEXT.format(runtime=runtime, development=development)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n".replace("|  |", "| |") for cells in lines)


if __name__ == "__main__":
    print(page(), end="")
