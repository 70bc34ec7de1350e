"""Own a private file tree and the processes started in it, and end them all in time.

Run as a program by ``world.World``, with one argument: the JSON form of a plan,

``root``
    the tree to copy: ``/`` or a directory that holds another system; null keeps the caller's tree
``scratch``
    an empty directory, used as the mount point
``share``
    a directory of the caller's, seen as ``/srv`` inside
``binds``
    further pairs of (outside directory, inside directory)
``files``
    inside path -> text

The copy is an overlay whose upper layer is in memory, seen only by this process and its children:
nothing that happens inside leaves a trace, and there is nothing to unmount afterwards. /dev, /run
and /tmp are private and empty but for the usual devices.

Requests are JSON lines on stdin, ``{"argv": [...], "log": path, "env": {...}}``. Answers are JSON
lines on stdout: ``{"ready": true}``, ``{"started": pid}`` or ``{"failed": text}``, and, when a
process has ended, ``{"ended": pid, "status": exit code or minus the signal}``.

The keeper adopts orphans (as init would), and at the end of its stdin, which also comes when the
test process is killed, it kills whatever is left below it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
PR_SET_CHILD_SUBREAPER = 36
DEVICES = ("null", "zero", "full", "random", "urandom")


def say(**message: object) -> None:
    """Send one answer to the test, if it is still there to hear it."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(message).encode() + b"\n")


def mount(*arguments: str) -> None:
    """Run mount(8)."""
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"mount {' '.join(arguments)}: {done.stderr.strip()}")


def libc_call(name: str, *arguments: int) -> None:
    """Call a libc function that Python 3.11 does not offer."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def enter_private_tree(plan: dict[str, Any]) -> None:
    """Build the private copy and make it this process's root directory."""
    libc_call("unshare", CLONE_NEWNS | CLONE_NEWUTS)
    mount("--make-rprivate", "/")
    socket.sethostname("mx.example.org")
    scratch = Path(plan["scratch"])
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(scratch))
    upper, work, tree = scratch / "upper", scratch / "work", scratch / "tree"
    for directory in (upper, work, tree):
        directory.mkdir(mode=0o755)
    layers = f"lowerdir={plan['root']},upperdir={upper},workdir={work}"
    mount("-t", "overlay", "-o", layers, "overlay", str(tree))
    mount("--rbind", "/proc", str(tree / "proc"))
    for directory_name, mode in (("dev", "0755"), ("run", "0755"), ("tmp", "1777")):
        mount("-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", str(tree / directory_name))
    fill_dev(tree / "dev")
    for outside, inside in [(plan["share"], "/srv"), *plan["binds"]]:
        target = tree / inside.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        mount("--bind", outside, str(target))
    for inside, text in plan["files"].items():
        target = tree / inside.lstrip("/")
        target.unlink(missing_ok=True)
        target.write_text(text, encoding="utf-8")
    os.chroot(tree)
    os.chdir("/")


def fill_dev(dev: Path) -> None:
    """Make a /dev without this machine's /dev/log, so that a test can listen at one of its own."""
    for name in DEVICES:
        (dev / name).touch()
        mount("--bind", f"/dev/{name}", str(dev / name))
    (dev / "shm").mkdir(mode=0o1777)
    (dev / "fd").symlink_to("/proc/self/fd")


def start(request: dict[str, Any], started: set[int]) -> None:
    """Start one program in a session of its own, its output going to a log file."""
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, request["log"], append, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    argv = request["argv"]
    try:
        pid = os.posix_spawnp(
            argv[0], argv, request["env"], file_actions=actions, setsid=True, setsigdef=signals()
        )
    except OSError as error:
        say(failed=f"{argv[0]}: {error}")
        return
    started.add(pid)
    say(started=pid)


def signals() -> list[int]:
    """Every signal whose handling a started program must not inherit from us."""
    return sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


def reap(started: set[int]) -> None:
    """Collect every child that has ended, adopted ones included."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in started:
            started.discard(pid)
            say(ended=pid, status=os.waitstatus_to_exitcode(status))


def descendants() -> list[int]:
    """The pids of all processes below this one."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path("/proc", entry, "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry))
    found: list[int] = []
    todo = [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def end_all(started: set[int]) -> None:
    """Kill everything below this process until nothing is left."""
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        reap(started)
        left = descendants()
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def serve(started: set[int]) -> None:
    """Answer requests until the test goes away."""
    wake_reader, wake_writer = os.pipe()
    for end in (wake_reader, wake_writer):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    pending = b""
    while True:
        readable, _, _ = select.select([0, wake_reader], [], [], 1.0)
        if wake_reader in readable:
            os.read(wake_reader, 4096)
        reap(started)
        if 0 in readable:
            data = os.read(0, 65536)
            if not data:
                return
            pending += data
            while b"\n" in pending:
                line, _, pending = pending.partition(b"\n")
                start(json.loads(line), started)


def main() -> int:
    """Build the tree, serve, clean up."""
    os.umask(0o022)
    started: set[int] = set()
    try:
        libc_call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        plan = json.loads(sys.argv[1])
        if plan["root"] is not None:
            enter_private_tree(plan)
    except OSError as error:
        say(failed=str(error))
        return 1
    say(ready=True)
    try:
        serve(started)
    finally:
        end_all(started)
    return 0


if __name__ == "__main__":
    sys.exit(main())
