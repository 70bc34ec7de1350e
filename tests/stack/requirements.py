"""What this machine lacks for the tests of the real mail server, in plain language."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from . import chroot, mariadb
from .smtpd import LIBEXEC
from .world import StackError, World

PROGRAMS = {
    "nsenter": "util-linux",
    "openssl": "openssl",
    "unshare": "util-linux",
    **dict.fromkeys(mariadb.SERVER, "mariadb-server"),
}
IMSG_PROGRAMS = {
    "/usr/sbin/smtpd": "opensmtpd",
    "/usr/sbin/smtpctl": "opensmtpd",
    f"{LIBEXEC}/table-mysql": "opensmtpd-extras",
    f"{LIBEXEC}/table-passwd": "opensmtpd-extras",
}
# What looks at tablewatchd.
WATCHERS = {
    "chromium": "chromium",
    "lynx": "lynx",
    "prometheus": "prometheus",
    "promtool": "prometheus",
}
PYTHON_NEEDS = "import ensurepip, prometheus_client, psutil, yaml"
FIRST_TEXT_VERSION = (7, 6)


@functools.cache
def missing(flavour: str) -> list[str]:
    """Everything that is missing for one flavour; empty if it can be tested."""
    if os.geteuid() != 0:
        return ["the rights of root, without which smtpd does not start"]
    found = _programs(PROGRAMS)
    if flavour == "imsg":
        found += _programs(IMSG_PROGRAMS) or _wrong_version() + _python()
    elif not chroot.ready():
        found.append("the Debian 13 file tree (build it with: python3 -m tests.stack.chroot)")
    return found or _private_tree(flavour)


def need_stack(flavour: str) -> None:
    """Skip the test if something is missing; in continuous integration, fail it."""
    lacking = missing(flavour)
    if lacking:
        _lack(f"the {flavour} mail server cannot be run here; missing: {'; '.join(lacking)}")


def need_database() -> None:
    """Skip the test if MariaDB can't be run here; in continuous integration, fail it."""
    lacking = _programs(dict.fromkeys(mariadb.SERVER, "mariadb-server"))
    if os.geteuid() != 0:
        lacking.append("the rights of root")
    if lacking:
        _lack(f"no MariaDB can be run here; missing: {'; '.join(lacking)}")


def need_driver(module: str, package: str) -> None:
    """Skip the test if /usr/bin/python3 lacks a driver; in continuous integration, fail it."""
    command = ["/usr/bin/python3", "-c", f"import {module}"]
    if subprocess.run(command, capture_output=True, timeout=30, check=False).returncode != 0:
        _lack(f"missing: the Python module {module} (Debian package {package})")


def missing_programs(*names: str) -> list[str]:
    """Those of these programs that are missing, each with the package that has it."""
    packages = PROGRAMS | IMSG_PROGRAMS | WATCHERS
    return _programs({name: packages[name] for name in names})


def need_programs(*names: str) -> None:
    """Skip the test if one of these programs is missing; in continuous integration, fail it."""
    lacking = missing_programs(*names)
    if lacking:
        _lack(f"missing: {'; '.join(lacking)}")


def _lack(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _programs(wanted: dict[str, str]) -> list[str]:
    return [
        f"{name} (Debian package {package})"
        for name, package in wanted.items()
        if shutil.which(name) is None
    ]


def _wrong_version() -> list[str]:
    told = subprocess.run(
        ["/usr/sbin/smtpd", "-h"], capture_output=True, text=True, timeout=30, check=False
    )
    match = re.search(r"OpenSMTPD (\d+)\.(\d+)", told.stdout + told.stderr)
    if match and (int(match[1]), int(match[2])) < FIRST_TEXT_VERSION:
        return []
    return ["an smtpd older than 7.6, as Debian 12 has it (newer ones do not speak imsg)"]


def _python() -> list[str]:
    told = subprocess.run(
        ["/usr/bin/python3", "-c", PYTHON_NEEDS],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if told.returncode == 0:
        return []
    why = (told.stderr.strip() or "it does not run").splitlines()[-1]
    return [f"a /usr/bin/python3 that can run tablewatch ({why})"]


def _private_tree(flavour: str) -> list[str]:
    root = Path("/") if flavour == "imsg" else chroot.tree()
    with tempfile.TemporaryDirectory(prefix="tablewatch-probe-") as directory:
        share = Path(directory, "share")
        share.mkdir()
        try:
            with World(root, share) as world:
                world.run(["/usr/sbin/smtpd", "-h"], check=False)
        except (OSError, StackError) as error:
            return [f"the right to mount a private copy of the file tree ({error})"]
    return []
