"""The incident on the real stack, bare beside supervised: ``python -m tests.stack.compare``.

Every number is measured in the run. ``--write FILE`` also writes it all down as Markdown; that is
where docs/incident.md comes from.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from . import install, report, schema
from .mariadb import MariaDB
from .measures import FULL, Extent, Measured, measure
from .requirements import missing
from .smtpd import FLAVOURS, Smtpd
from .world import World

# Debian packages whose versions say what was compared, beside smtpd itself.
BACKEND_PACKAGES = {"imsg": "opensmtpd-extras", "text": "opensmtpd-table-mysql"}


class Stack:
    """A database and, for each flavour, an installed tablewatch, to start mail servers with."""

    def __init__(self, directory: Path, database: MariaDB, prefixes: Mapping[str, Path]) -> None:
        self._directory = directory
        self._prefixes = prefixes
        self._number = 0
        self.database = database

    @contextlib.contextmanager
    def start(self, flavour: str, supervised: bool, settings: str, mute: bool) -> Iterator[Smtpd]:
        """A mail server; ``settings`` are tablewatch's, and without effect on a bare one."""
        self._number += 1
        own = self._directory / f"smtpd-{self._number}"
        options = install.bare(mute=mute)
        if supervised:
            options = install.supervised(self._prefixes[flavour], settings, mute=mute)
        with Smtpd(flavour, own, self.database, **options) as server:
            yield server

    def versions(self, flavour: str) -> list[str]:
        """What is compared."""
        share = self._directory / f"versions-{flavour}"
        share.mkdir()
        asked = ["dpkg-query", "--show", "--showformat=${Package} ${Version}\n"]
        asked += ["opensmtpd", BACKEND_PACKAGES[flavour]]
        with World(FLAVOURS[flavour].root(), share) as world:
            told = world.run(asked, check=False).stdout.splitlines()
        (mariadb,) = self.database.execute("SELECT VERSION()", database="")
        return [*told, f"MariaDB {mariadb[0].split('-')[0]}"]


@contextlib.contextmanager
def stack() -> Iterator[Stack]:
    """Everything that a comparison needs, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tablewatch-compare-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        wheel = install.build_wheel(directory / "wheel")
        prefixes = {flavour: directory / f"prefix-{flavour}" for flavour in FLAVOURS}
        for flavour, prefix in prefixes.items():
            install.install(flavour, wheel, prefix)
        with MariaDB(directory / "mariadb") as database:
            schema.load(database)
            yield Stack(directory, database, prefixes)


def compare(
    everything: Stack, flavour: str, extent: Extent, say: Callable[[str], None]
) -> tuple[Measured, Measured]:
    """Measure one flavour's mail server bare, then supervised."""

    def one(supervised: bool) -> Measured:
        found = Measured(flavour, supervised)
        return measure(
            found,
            lambda settings, mute: everything.start(flavour, supervised, settings, mute),
            everything.database,
            extent,
            lambda text: say(f"{report.title(found)}: {text}"),
        )

    return one(False), one(True)


def main() -> int:
    """Compare both flavours and show the result."""
    parser = argparse.ArgumentParser(prog="python -m tests.stack.compare", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the result as Markdown")
    args = parser.parse_args()
    lacking = [each for flavour in sorted(FLAVOURS) for each in missing(flavour)]
    if lacking:
        print(f"The real stack can't be run here; missing: {'; '.join(lacking)}", file=sys.stderr)
        return 1
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {text}", flush=True)

    found: list[Measured] = []
    with stack() as everything:
        versions = {flavour: everything.versions(flavour) for flavour in sorted(FLAVOURS)}
        for flavour in versions:
            found += compare(everything, flavour, FULL, say)
    say("done")
    print("\n" + report.text(found, versions, FULL))
    if args.write:
        args.write.write_text(report.markdown(found, versions, FULL), encoding="utf-8")
        print(f"\nwritten to {args.write}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
