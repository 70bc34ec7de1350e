"""What of this machine can be measured, what is missing, and the programs, put into place."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.stack import chroot, mariadb, schema
from tests.stack.smtpd import LIBEXEC

HERE = Path(__file__).parent
PROTOCOLS = ("imsg", "text")
PASSWORDS = "user:$6$salt$hash:65534:65534::/nonexistent:\n"
PROGRAM = "#!{python}\nimport sys\nfrom {module} import main\nsys.exit(main())\n"
FIRST_TEXT_VERSION = (7, 6)
QUIET = "log: {syslog: false}"  # a measurement is no business of this machine's mail log


class BenchError(RuntimeError):
    """A part of the benchmark did not do what it must."""


@dataclass(frozen=True)
class Backend:
    """A backend in a directory of its own: ``table-bench``, ``conf`` and ``table-watch-bench``."""

    name: str
    protocol: str
    directory: Path
    service: str
    key: bytes  # one that is found

    def configure(self, file: str, settings: str, run: Path) -> None:
        """Write a configuration for the supervisor; `run` is where it looks for tablewatchd."""
        defaults = ", ".join(each for each in (settings, QUIET) if each)
        text = f"defaults: {{{defaults}}}\ndaemon: {{directory: {run}}}\n"
        (self.directory / file).write_text(text, encoding="utf-8")


class Machine:
    """Makes backends in `directory`; :attr:`missing` says, for people, what it can't."""

    def __init__(self, directory: Path) -> None:
        directory.chmod(0o755)  # MariaDB runs as a user of its own
        self.directory = directory
        self.missing: list[str] = []
        self.run = directory / "run"  # tablewatchd's, if one is started
        self.run.mkdir(mode=0o755)
        self.null = self._null()
        self._need("socat", "socat", "the comparison with a relay written in C")
        self._need("strace", "strace", "the count of system calls")

    def has(self, program: str) -> bool:
        """Whether a program is installed."""
        return shutil.which(program) is not None

    def backend(
        self, name: str, protocol: str, program: str, conf: str, service: str, key: bytes
    ) -> Backend:
        """Put a backend into place. `program` is a path, or a script's text."""
        directory = Path(tempfile.mkdtemp(dir=self.directory, prefix=f"{protocol}-{name}-"))
        place = directory / "table-bench"
        if program.startswith("#!"):
            place.write_text(program, encoding="utf-8")
            place.chmod(0o755)
        else:
            place.symlink_to(program)
        (directory / "conf").write_text(conf, encoding="utf-8")
        write_program(directory / "table-watch-bench", "tablewatch.supervisor.main")
        made = Backend(name, protocol, directory, service, key)
        made.configure("tablewatch.yml", "", self.run)
        return made

    def null_backend(self, protocol: str) -> Backend:
        """The backend that does nothing."""
        return self.backend("null", protocol, self.null, "{}", "credentials", b"alice@example.org")

    def stand_in(self, protocol: str) -> Backend:
        """The backend that misbehaves on demand."""
        made = self.backend(
            "stand-in", protocol, standin(), "", "credentials", b"alice@example.org"
        )
        conf = {each: str(made.directory / each) for each in ("stamps", "written")}
        (made.directory / "conf").write_text(json.dumps(conf), encoding="utf-8")
        return made

    def passwd(self) -> Iterator[Backend]:
        """table-passwd, in every protocol that is here."""
        for protocol, program in self._programs("table-passwd"):
            yield self.backend("table-passwd", protocol, program, PASSWORDS, "userinfo", b"user")

    def mysql(self, address: str) -> Iterator[Backend]:
        """table-mysql with the incident's query, likewise; `address` is the database's."""
        conf = schema.table_conf("creds", address)
        for protocol, program in self._programs("table-mysql"):
            yield self.backend(
                "table-mysql", protocol, program, conf, "credentials", schema.ALICE.encode()
            )

    @contextlib.contextmanager
    def database(self) -> Iterator[str | None]:
        """A MariaDB of our own with the incident's tables; its address, None if it can't be run."""
        lacking = [each for each in mariadb.SERVER if not self.has(each)]
        if os.geteuid() != 0 or lacking:
            why = "it takes root" if os.geteuid() else f"no {lacking[0]} (package mariadb-server)"
            self.miss(f"table-mysql is not measured, nor any real poisoned lookup: {why}")
            yield None
            return
        with mariadb.MariaDB(self.directory / "mariadb") as server:
            schema.load(server)
            yield server.address

    def _programs(self, name: str) -> Iterator[tuple[str, str]]:
        """Where a table backend of each protocol is."""
        program = Path(LIBEXEC, name)
        native = native_protocol()
        for protocol in PROTOCOLS:
            if protocol == native and program.exists():
                yield protocol, str(program)
            elif protocol == "text" and chroot.ready():
                yield protocol, foreign(chroot.tree(), program)
            elif protocol == "text":
                self.miss(
                    f"no {name} that speaks text: Debian 13's file tree is not there "
                    "(python3 -m tests.stack.chroot builds it)"
                )
            else:
                self.miss(f"no {name} that speaks imsg: package opensmtpd-extras of Debian 12")

    def _null(self) -> str:
        program = self.directory / "null"
        why = "no cc (packages gcc, libc6-dev)"
        if self.has("cc"):
            command = ["cc", "-O2", "-o", str(program), str(HERE / "null.c")]
            done = subprocess.run(command, capture_output=True, timeout=60, check=False)
            if done.returncode == 0:
                return str(program)
            why = "cc can't translate it (package libc6-dev)"
        self.miss(f"{why}: the null backend is the one in Python, and slower")
        return standin()

    def _need(self, program: str, package: str, what: str) -> None:
        if not self.has(program):
            self.miss(f"no {program} (package {package}): {what} is left out")

    def miss(self, what: str) -> None:
        """Note, once, what is left out and why."""
        if what not in self.missing:
            self.missing.append(what)


def environment(**changes: str) -> dict[str, str]:
    """Our environment for a program that is measured.

    Without what forbids Python to keep compiled modules: an installed program has them.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | changes


def write_program(place: Path, module: str) -> None:
    """Write a script that runs a module's ``main`` with this interpreter."""
    place.write_text(PROGRAM.format(python=sys.executable, module=module), encoding="utf-8")
    place.chmod(0o755)


def standin() -> str:
    """The text of the stand-in, to be run by this interpreter."""
    return f"#!{sys.executable}\n" + (HERE / "standin.py").read_text(encoding="utf-8")


def native_protocol() -> str:
    """The protocol of the smtpd installed on this machine; empty if there is none."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        told = subprocess.run(
            ["/usr/sbin/smtpd", "-h"], capture_output=True, text=True, timeout=30, check=False
        )
        match = re.search(r"OpenSMTPD (\d+)\.(\d+)", told.stdout + told.stderr)
        if match:
            version = (int(match[1]), int(match[2]))
            return "text" if version >= FIRST_TEXT_VERSION else "imsg"
    return ""


def foreign(tree: Path, program: Path) -> str:
    """The text of a script that runs a program of another system's file tree with its libraries.

    Only its start differs from how it would run there, and it needs no rights.
    """
    loaders = sorted(tree.glob("lib*/ld-linux*.so.*"))
    libraries = sorted(tree.glob("usr/lib/*-linux-gnu*"))
    if not loaders or not libraries:
        raise BenchError(f"{tree} has no loader for its programs")
    words = [loaders[0], "--library-path", libraries[0], f"{tree}{program}"]
    return f'#!/bin/sh\nexec {" ".join(map(str, words))} "$@"\n'
