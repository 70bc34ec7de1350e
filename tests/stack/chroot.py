"""The Debian 13 file tree that holds the mail server of the text protocol.

``python3 -m tests.stack.chroot`` builds it, once, as `make test` does where it can; it is then only
ever read (the tests run in copies of it that are in memory). It is fetched from wherever this
machine's apt fetches Debian.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SUITE = "trixie"
PACKAGES = (
    "ca-certificates",
    "opensmtpd",
    "opensmtpd-table-mysql",
    "opensmtpd-table-passwd",
    "opensmtpd-table-sqlite",
    "python3",
    "python3-prometheus-client",
    "python3-psutil",
    "python3-venv",
    "python3-yaml",
)
DEFAULT_TREE = "/var/cache/tablewatch-tests/trixie"
STAMP = "tablewatch-packages"


def tree() -> Path:
    """Where the tree is kept between runs, whether it is there or not."""
    return Path(os.environ.get("TABLEWATCH_STACK_CACHE") or DEFAULT_TREE)


def ready() -> bool:
    """Whether the tree has been built, with the packages that are wanted today."""
    stamp = tree() / STAMP
    return stamp.exists() and stamp.read_text(encoding="utf-8") == wanted()


def wanted() -> str:
    """What the stamp file of an up-to-date tree contains."""
    return "".join(f"{name}\n" for name in PACKAGES)


def registry() -> str:
    """The address from which this machine's apt fetches its own Debian release."""
    form = "$(REPO_URI)\t$(COMPONENT)\t$(CODENAME)"
    listing = subprocess.run(
        ["apt-get", "indextargets", "--format", form, "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=True,
    )
    release = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
        if "=" in line
    )
    codename = release.get("VERSION_CODENAME", "").strip('"')
    for line in listing.stdout.splitlines():
        address, component, name = line.split("\t")
        if component == "main" and name == codename:
            return address
    raise SystemExit(f"apt has no source for {codename or 'this release'} (try apt-get update)")


def build() -> Path:
    """Build the tree unless it is there; it appears under its name only when complete."""
    if ready():
        return tree()
    cache = tree().parent
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=f"{tree().name}.building.") as temporary:
        unfinished = Path(temporary, "tree")
        # In a mount namespace, as debootstrap mounts /proc in the tree and may fail to unmount it.
        command = ["unshare", "--mount", "--propagation=private", "debootstrap"]
        command += ["--variant=minbase", f"--include={','.join(PACKAGES)}"]
        log = cache / f"{tree().name}.log"
        with log.open("wb") as output:
            done = subprocess.run(
                [*command, SUITE, str(unfinished), registry()],
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode != 0:
            raise SystemExit(f"debootstrap failed, see {log}")
        shutil.rmtree(unfinished / "var/cache/apt/archives", ignore_errors=True)
        unfinished.chmod(0o755)
        (unfinished / STAMP).write_text(wanted(), encoding="utf-8")
        if tree().exists():
            tree().rename(Path(temporary, "old"))
        unfinished.rename(tree())
    return tree()


def main() -> int:
    """Build the tree and say where it is; with --if-possible, say why where that can't be done."""
    lacking = ""
    if os.geteuid() != 0:
        lacking = "that takes root"
    elif shutil.which("debootstrap") is None:
        lacking = "debootstrap is not installed"
    if lacking:
        print(f"Debian 13's file tree for the tests is not built: {lacking}", file=sys.stderr)
        return 0 if "--if-possible" in sys.argv[1:] else 1
    if not ready():
        print(f"building {tree()} for the tests, once, in about a minute", flush=True)
    print(build())
    return 0


if __name__ == "__main__":
    sys.exit(main())
