"""What befalls the host, and what stands beside the mail server there: faults from without."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tablewatch.config.settings import DEFAULT_CONFIG

from ..smtpd import Smtpd
from ..watching import KEPT
from ..world import StackError, World
from . import acts_daemon, acts_processes, network
from .acts_daemon import configured, daemon, write
from .acts_processes import poisoned, supervisors
from .fault import Fault, Stage

LOG = "/dev/log"
NO_SYSLOG = "nothing of it writes to syslog here"
NO_CONFIGURATION = "nothing of it reads tablewatch.yml"
NOTHING_WRITTEN = "what it writes is its queue, which is none of ours"

# Every line is written, so that there are enough of them.
TALKATIVE = "defaults: {log: {interval: 100ms}}\n"

LIBFAKETIME = "usr/lib/*/faketime/libfaketime.so.1"
FAKETIME_PACKAGE = "faketime"
CLOCK = "clock"  # the file in a server's directory that says how far its clock is off
HOUR = 3600

# --- syslog ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def _unheard(server: Smtpd) -> Iterator[None]:
    """Listen anew afterwards."""
    path = server.world.path(LOG)
    try:
        yield
    finally:
        server.syslog.close()
        path.unlink(missing_ok=True)
        server.syslog.listen(path)


@contextlib.contextmanager
def syslog_gone(stage: Stage) -> Iterator[None]:
    """Nobody listens, and there is no socket."""
    with _unheard(stage.server):
        stage.server.syslog.close()
        stage.server.world.path(LOG).unlink()
        stage.suspects.append(poisoned(stage.server))
        yield


@contextlib.contextmanager
def syslog_blocking(stage: Stage) -> Iterator[None]:
    """Somebody listens and never reads; there is no room for one more message."""
    with _unheard(stage.server):
        stage.server.syslog.stall()
        fill(stage.server.world.path(LOG))
        stage.suspects.append(poisoned(stage.server))
        yield


def fill(path: Path) -> int:
    """Send to a socket of syslog until it takes no more; how many messages it took."""
    sent, before = 0, -1
    while sent > before:  # one sender alone may be at a limit of its own
        before = sent
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.connect(str(path))
            with contextlib.suppress(BlockingIOError):
                while True:
                    sender.send(b"<22>Jan  1 00:00:00 filler[1]: more")
                    sent += 1
    return sent


# --- the disk -------------------------------------------------------------------------------------


@contextlib.contextmanager
def full(world: World, *inside: str) -> Iterator[None]:
    """Directories without room for one more byte; what was in them is out of sight meanwhile."""
    mounted: list[str] = []
    try:
        for directory in inside:
            status = world.path(directory).stat()
            options = f"size=64k,mode={status.st_mode & 0o7777:o}"
            options += f",uid={status.st_uid},gid={status.st_gid}"
            world.run(["mount", "-t", "tmpfs", "-o", options, "full", directory])
            mounted.append(directory)
            filler = f"of={directory}/filler"
            world.run(["dd", "if=/dev/zero", filler, "bs=4k", "count=32"], check=False)
        yield
    finally:
        for directory in reversed(mounted):
            # Lazily: a file there may still be open.
            world.run(["umount", "--lazy", directory], check=False)


@contextlib.contextmanager
def disk_full(stage: Stage) -> Iterator[None]:
    """No room for incidents and for temporary files."""
    server = stage.server
    with daemon(server), full(server.world, KEPT, "/tmp", "/var/tmp"):
        stage.suspects.append(poisoned(server))
        yield


# --- the configuration ----------------------------------------------------------------------------


def reload(server: Smtpd) -> None:
    """Have all supervisors read their configuration."""
    for pid in supervisors(server):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGHUP)


@contextlib.contextmanager
def _reconfigured(stage: Stage, *, change: Callable[[Path], None]) -> Iterator[None]:
    server = stage.server
    text = server.world.path(DEFAULT_CONFIG).read_text(encoding="utf-8")
    try:
        with configured(server, text) as path:
            change(path)
            reload(server)
            yield
    finally:
        reload(server)


def broken(path: Path) -> None:
    """It says nonsense."""
    write(path, "defaults: {dedline: 5s\n")


def writable(path: Path) -> None:
    """Everybody may write it, and somebody has."""
    write(path, "defaults: {mode: observe}\n")
    path.chmod(0o666)


# --- the clock ------------------------------------------------------------------------------------


def clock_options(_: bool, /) -> Mapping[str, Any]:
    """Smtpd's options for a mail server whose clock can be set: its own, and nobody else's."""

    def prepare(world: World) -> None:
        libraries = sorted(Path("/").glob(LIBFAKETIME))
        if not libraries:
            raise StackError(f"libfaketime is missing (Debian package {FAKETIME_PACKAGE})")
        shutil.copy(libraries[0], world.share)
        set_clock(world.share, 0)
        world.run(["chmod", "0777", "/dev/shm"])  # the library's locks, of smtpd's three users

    environment = {
        "LD_PRELOAD": f"/srv/{Path(LIBFAKETIME).name}",
        "FAKETIME_TIMESTAMP_FILE": f"/srv/{CLOCK}",
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",  # nobody can set that one
    }
    return {"prepare": prepare, "environment": environment}


def set_clock(directory: Path, seconds: int) -> None:
    """Set the clock of the server in this directory to so far from the true time."""
    unfinished = directory / f"{CLOCK}.new"
    unfinished.write_text(f"{seconds:+d}\n", encoding="ascii")
    unfinished.chmod(0o644)
    unfinished.rename(directory / CLOCK)


@contextlib.contextmanager
def _clock_off(stage: Stage, *, seconds: int) -> Iterator[None]:
    set_clock(stage.server.directory, seconds)
    try:
        yield
    finally:
        set_clock(stage.server.directory, 0)


def _clock(name: str, words: str, seconds: int) -> Fault:
    words = f"{words}, and right again after 8 s; that of smtpd, the tables and tablewatch"
    return Fault(name, words, partial(_clock_off, seconds=seconds), options=clock_options)


FAULTS: tuple[Fault, ...] = (
    *network.FAULTS,
    *acts_processes.FAULTS,
    *acts_daemon.FAULTS,
    Fault(
        "syslog socket gone",
        "/dev/log is removed and nobody listens; poisoned logins make for lines",
        syslog_gone,
        settings=TALKATIVE,
        only_supervised=NO_SYSLOG,
    ),
    Fault(
        "syslog blocking",
        "who listens at /dev/log reads no more, and its queue is full; poisoned logins make for "
        "lines",
        syslog_blocking,
        settings=TALKATIVE,
        only_supervised=NO_SYSLOG,
    ),
    Fault(
        "disk full",
        "no room for tablewatchd's incidents and none in /tmp, while there are incidents; smtpd's "
        "own queue is left out, as without it smtpd takes no mail",
        disk_full,
        only_supervised=NOTHING_WRITTEN,
    ),
    Fault(
        "configuration broken at reload",
        "tablewatch.yml becomes nonsense, then SIGHUP to the supervisors",
        partial(_reconfigured, change=broken),
        settings="defaults: {deadline: 3s}\n",
        deadline=3.0,
        only_supervised=NO_CONFIGURATION,
    ),
    Fault(
        "configuration writable by others",
        "tablewatch.yml becomes writable by everybody (and says `mode: observe`), then SIGHUP",
        partial(_reconfigured, change=writable),
        settings="defaults: {deadline: 3s}\n",
        deadline=3.0,
        only_supervised=NO_CONFIGURATION,
    ),
    Fault(
        "configuration removed",
        "tablewatch.yml is removed, then SIGHUP",
        partial(_reconfigured, change=Path.unlink),
        settings="defaults: {deadline: 3s}\n",
        only_supervised=NO_CONFIGURATION,
    ),
    _clock("system clock set back", "the clock is an hour slow for 8 s", -HOUR),
    _clock("system clock set forward", "the clock is an hour fast for 8 s", HOUR),
)
