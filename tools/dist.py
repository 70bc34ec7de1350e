"""Make a release: ``python -m tools.dist [DIRECTORY]``, by default dist/.

Source distribution, the wheel built from it, the software bill of materials and SHA256SUMS. The
same commit gives the same bytes wherever, whenever and by whomever it is done: all times in the
files are SOURCE_DATE_EPOCH, which is the commit's unless it is set; names, owners and modes are
normalised by hatchling; the tools are those of requirements-dev.txt.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from . import lock, sbom

SUMS = "SHA256SUMS"
# Whoever runs this repository's Makefile trusts it, also where somebody else checked it out.
GIT = ["git", "-c", "safe.directory=*"]
# hatchling's own, for a tree that is no repository.
DEFAULT_EPOCH = 1580601600


class ReleaseError(RuntimeError):
    """A release cannot be made; the text says why."""


def epoch(root: Path) -> int:
    """The time of everything in the release: SOURCE_DATE_EPOCH, or that of the last commit."""
    if stated := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(stated)
    if (root / ".git").exists():
        return int(_run([*GIT, "log", "-1", "--format=%ct"], root))
    return DEFAULT_EPOCH


def release(directory: Path, root: Path) -> list[Path]:
    """Put a release of the tree ``root`` into a directory; its files. What was there goes."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in [*directory.glob(f"{lock.NAME}-*"), *directory.glob(SUMS)]:
        old.unlink()
    time = epoch(root)
    command = [sys.executable, "-m", "build", "--no-isolation", f"--outdir={directory.resolve()}"]
    _run(command, root, SOURCE_DATE_EPOCH=str(time))
    (wheel,) = directory.glob(f"{lock.NAME}-*.whl")
    (source,) = directory.glob(f"{lock.NAME}-*.tar.gz")
    version = wheel.name.split("-")[1]
    bill = directory / f"{lock.NAME}-{version}.cdx.json"
    bill.write_text(sbom.sbom(version, time) + "\n", encoding="utf-8")
    files = sorted([wheel, source, bill])
    sums = directory / SUMS
    sums.write_text("".join(f"{_digest(each)}  {each.name}\n" for each in files), encoding="utf-8")
    return [*files, sums]


def main(arguments: list[str]) -> int:
    """Make a release and say what is in it, and what is not committed."""
    directory = Path(arguments[0]) if arguments else lock.ROOT / "dist"
    try:
        files = release(directory, lock.ROOT)
        changed = _uncommitted(lock.ROOT)
    except ReleaseError as error:
        print(f"no release was made: {error}", file=sys.stderr)
        return 1
    for each in files:
        print(f"{each.stat().st_size:>9}  {os.path.relpath(each)}")
    if changed:
        print(f"not for publication: {changed} files differ from the last commit", file=sys.stderr)
    return 0


def _uncommitted(root: Path) -> int:
    if not (root / ".git").exists():
        return 0
    return len(_run([*GIT, "status", "--porcelain"], root).splitlines())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _run(command: list[str], root: Path, **environment: str) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    except OSError as error:
        raise ReleaseError(f"{command[0]} cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        raise ReleaseError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr).strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
