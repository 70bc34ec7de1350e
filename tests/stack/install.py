"""Put tablewatch where a mail server of the harness can run it, the way an operator would.

A wheel is built from this checkout and installed by pip into a virtual environment of
/usr/bin/python3, made *inside* the file tree that the mail server will see, so that every path in
it is right and smtpd's user may read it. What it depends on comes from the system's packages.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from tablewatch.config.settings import DEFAULT_CONFIG

from .smtpd import FLAVOURS, LIBEXEC
from .world import StackError, World

PREFIX = "/opt/tablewatch"
CHECKOUT = Path(__file__).resolve().parents[2]
# table-mysql whose lines nobody gets to see: only its deadline ends a loop, and not the count.
MUTE = "mutemysql"
MUTE_PROGRAM = f"{LIBEXEC}/table-{MUTE}"
MUTE_TEXT = f'#!/bin/sh\nexec {LIBEXEC}/table-mysql "$@" 2>/dev/null\n'


def build_wheel(directory: Path, *, source: Path = CHECKOUT) -> Path:
    """Build the wheel of a source tree with this interpreter's build tools; its path."""
    directory.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target=wheel", f"--directory={directory}"],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(f"the wheel cannot be built:\n{done.stderr.strip()}")
    (wheel,) = directory.glob("*.whl")
    return wheel


def install(flavour: str, wheel: Path, prefix: Path) -> None:
    """Fill ``prefix``, an outside directory, with an installation for one flavour's file tree.

    It works where it is bound to PREFIX: ``Smtpd(..., binds={prefix: PREFIX})``.
    """
    prefix.mkdir(parents=True)
    prefix.chmod(0o755)
    python = f"{PREFIX}/bin/python3"
    with World(FLAVOURS[flavour].root(), wheel.parent, binds={prefix: PREFIX}) as world:
        make = ["/usr/bin/python3", "-m", "venv", "--system-site-packages", PREFIX]
        world.run(make, seconds=120)
        options = ["--no-deps", "--no-index", "--disable-pip-version-check", "--quiet"]
        world.run([python, "-m", "pip", "install", *options, f"/srv/{wheel.name}"], seconds=120)


def supervised(prefix: Path, settings: str = "", *, mute: bool = False) -> dict[str, Any]:
    """Smtpd's options for supervised backends; ``settings`` is the text of tablewatch.yml."""
    backend = MUTE if mute else "mysql"

    def prepare(world: World) -> None:
        if mute:
            world.run(["chmod", "755", MUTE_PROGRAM])
        link_backend(world, backend)

    return {
        "backend": f"watch-{backend}",
        "binds": {prefix: PREFIX},
        "prepare": prepare,
        "files": ({DEFAULT_CONFIG: settings} if settings else {})
        | ({MUTE_PROGRAM: MUTE_TEXT} if mute else {}),
    }


def bare(*, mute: bool = False) -> dict[str, Any]:
    """The same for backends that smtpd runs itself."""
    if not mute:
        return {}

    def prepare(world: World) -> None:
        world.run(["chmod", "755", MUTE_PROGRAM])

    return {"backend": MUTE, "prepare": prepare, "files": {MUTE_PROGRAM: MUTE_TEXT}}


def tablewatch(
    world: World, *arguments: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run ``tablewatch ARGUMENTS`` in a world, as root."""
    return world.run([f"{PREFIX}/bin/tablewatch", *arguments], check=check)


def link_backend(world: World, backend: str = "mysql") -> None:
    """Make ``watch-BACKEND`` known to the smtpd of a world, before it starts."""
    tablewatch(world, "install", backend, "--libexec", LIBEXEC, "--smtpd-conf", "/srv/smtpd.conf")
