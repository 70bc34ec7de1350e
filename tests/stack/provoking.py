"""Have a real backend fail, without a mail server: what it writes to its stderr is kept."""

from __future__ import annotations

import contextlib
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tablewatch.cli.asking import Asker, Speaker, Target
from tablewatch.errors import BackendFailed
from tablewatch.knowledge.classify import Classifier, Reading
from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.messages import Operation
from tablewatch.protocol.text import TEXT

from . import chroot
from .smtpd import LIBEXEC
from .world import World

TABLE = "creds"
PATIENCE = 30.0  # seconds; nobody waits for what a backend answers at once
MAX_RETRIES = 4  # ends the loop of table-mysql 6.7.1; table-redis gives up after 3
# Backends run as smtpd's user.
_AS_USER = ["setpriv", "--reuid=opensmtpd", "--regid=opensmtpd", "--clear-groups", "--"]


@dataclass(frozen=True)
class Provocation:
    """How a line is had: what the backend's file says, what is asked, what is done meanwhile.

    ``settings`` are laid over the ordinary ones, None takes one away. ``before``, ``meanwhile``
    (between handshake and question) and ``after`` are SQL for the administrator; ``act`` names
    something that takes more, done meanwhile. ``signature`` is what must be among the readings.
    """

    signature: str
    how: str
    settings: Mapping[str, str | None] = field(default_factory=dict)
    key: str | bytes = "alice@example.org"
    service: str = "credentials"
    before: str = ""
    meanwhile: str = ""
    after: str = ""
    act: str = ""
    operation: Operation = Operation.LOOKUP
    first: bool = False  # another backend with the same file is there already
    only: str = ""  # one of the programs only

    def file(self, ordinary: Mapping[str, str]) -> str:
        """The text of the backend's configuration file."""
        both = {**ordinary, **self.settings}
        return "".join(f"{key} {value}\n" for key, value in both.items() if value is not None)


@dataclass(frozen=True)
class Program:
    """A backend, and how smtpd talks to it. ``path`` is what is run from outside."""

    name: str
    version: str
    path: str
    dialect: Speaker
    share: Path  # a directory outside
    inside: str  # the same as the program sees it

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def run(
        self,
        text: str | None,
        ask: Callable[[Asker], None],
        *,
        argument: str = "",
    ) -> list[bytes]:
        """Start it with a file of this text (None: with no file) and `ask`; what it wrote.

        `argument` is what it is given in place of the file's name.
        """
        conf = self.share / f"{self.name}.conf"
        conf.unlink(missing_ok=True)
        if text is not None:
            conf.write_text(text, encoding="utf-8")
        lines: list[bytes] = []
        target = Target(self.path, argument or f"{self.inside}/{conf.name}", TABLE)
        with (
            contextlib.suppress(BackendFailed),
            Asker(target, self.dialect, lines.append, MAX_RETRIES) as asker,
        ):
            asker.greet(PATIENCE)
            ask(asker)
        return lines


def question(case: Provocation, meanwhile: Callable[[], None]) -> Callable[[Asker], None]:
    """Return what asks a backend as `case` has it."""

    def ask(asker: Asker) -> None:
        meanwhile()
        key = case.key.encode() if isinstance(case.key, str) else case.key
        if case.operation is Operation.UPDATE:
            asker.ask(case.operation, None, None, PATIENCE)
        else:
            asker.ask(case.operation, case.service, key, PATIENCE)

    return ask


def readings(lines: list[bytes]) -> list[Reading]:
    """Return what the lines mean."""
    classifier = Classifier()
    return [classifier.read(line) for line in lines]


@contextlib.contextmanager
def beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Do `work` in a thread; its event is set when the block is left, which waits for it."""
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE)


def installed(name: str, share: Path) -> Program:
    """The program of this machine's opensmtpd-extras."""
    wrapper = _wrapper(share / f"run-{name}-6.7.1", [*_AS_USER, f"{LIBEXEC}/{name}"])
    return Program(name, "6.7.1", wrapper, IMSG, share, str(share))


@contextlib.contextmanager
def of_debian_13(share: Path, versions: Mapping[str, str]) -> Iterator[dict[str, Program]]:
    """The programs of the Debian 13 tree, by name; `versions` says which, and what they are."""
    with World(chroot.tree(), share) as world:
        enter = ["nsenter", f"--target={world.pid}", "--mount", "--uts", "--root", "--wd", "--"]
        programs = {}
        for name, version in versions.items():
            command = [*enter, *_AS_USER, f"{LIBEXEC}/{name}"]
            wrapper = _wrapper(share / f"run-{name}-{version}", command)
            programs[name] = Program(name, version, wrapper, TEXT, share, "/srv")
        yield programs


def _wrapper(path: Path, command: list[str]) -> str:
    path.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)
