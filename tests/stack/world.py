"""The test's handle on a keeper: a private file tree and the processes in it."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

KEEPER = Path(__file__).with_name("keeper.py")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/",
}
START_SECONDS = 30.0


class StackError(RuntimeError):
    """A part of the real stack did not do what the harness needs of it."""


def wait_until(
    condition: Callable[[], object], what: str, *, seconds: float = 20.0, pause: float = 0.05
) -> None:
    """Wait for a condition; a StackError that names it when it does not come true in time."""
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            raise StackError(f"waited {seconds:g} s in vain for: {what}")
        time.sleep(pause)


def running(pid: int) -> bool:
    """Whether a process exists and is not just waiting to be collected."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class World:
    """A keeper, started by entering the context and ended, with everything in it, by leaving.

    ``root`` is the tree to copy (``/``, another system's directory, or None for no copy at all),
    ``share`` a directory of ours which is ``/srv`` inside, ``binds`` maps further outside
    directories to inside ones, ``files`` maps inside paths to text.
    """

    def __init__(
        self,
        root: Path | None,
        share: Path,
        *,
        binds: Mapping[Path, str] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.share = share
        self.private = root is not None
        self._scratch = share.with_name(share.name + ".scratch")
        self._plan = {
            "root": str(root) if root else None,
            "scratch": str(self._scratch),
            "share": str(share),
            "binds": [(str(outside), inside) for outside, inside in (binds or {}).items()],
            "files": dict(files or {}),
        }
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._ended: dict[int, int] = {}
        self._keeper: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._scratch.mkdir(exist_ok=True)
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", str(KEEPER), json.dumps(self._plan)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=ENVIRONMENT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._answer("ready")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the keeper, which ends everything else; safe to call twice."""
        keeper = self._keeper
        if keeper is None or keeper.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):
            keeper.stdin.close()
        try:
            keeper.wait(timeout=30)
        except subprocess.TimeoutExpired:
            for process in [*self.processes(), psutil.Process(keeper.pid)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            keeper.wait(timeout=10)
        if self._reader is not None:
            self._reader.join(timeout=10)
        self._keeper = None
        with contextlib.suppress(OSError):
            self._scratch.rmdir()

    @property
    def pid(self) -> int:
        """The keeper's pid."""
        if self._keeper is None:
            raise StackError("this world is not running")
        return self._keeper.pid

    def start(
        self, argv: Sequence[str], log: str, *, environment: Mapping[str, str] | None = None
    ) -> int:
        """Start a program inside, in a session of its own; its pid. ``log`` is an inside path."""
        if self._keeper is None or self._keeper.stdin is None:
            raise StackError("this world is not running")
        request = {"argv": list(argv), "log": log, "env": ENVIRONMENT | dict(environment or {})}
        self._keeper.stdin.write(json.dumps(request) + "\n")
        self._keeper.stdin.flush()
        return int(self._answer("started"))

    def run(
        self,
        argv: Sequence[str],
        *,
        seconds: float = 30.0,
        environment: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside to its end; subprocess.TimeoutExpired if it does not come to one."""
        enter = self.entrance() if self.private else []
        done = subprocess.run(
            [*enter, *argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=ENVIRONMENT | dict(environment or {}),
            check=False,
        )
        if check and done.returncode != 0:
            raise StackError(f"{' '.join(argv)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def status(self, pid: int) -> int | None:
        """Exit code, or minus the signal, of a program started here; None while it runs."""
        return self._ended.get(pid)

    def processes(self) -> list[psutil.Process]:
        """Every live process inside, orphans included."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [
                process
                for process in psutil.Process(self.pid).children(recursive=True)
                if running(process.pid)
            ]
        return []

    def path(self, inside: str) -> Path:
        """The outside name of an inside path, for as long as the world lives."""
        return Path(f"/proc/{self.pid}/root{inside}") if self.private else Path(inside)

    def entrance(self) -> list[str]:
        """What to put before a command so that it runs inside."""
        # With --root and --wd nsenter takes those of the target, which is the private copy.
        return ["nsenter", f"--target={self.pid}", "--mount", "--uts", "--root", "--wd", "--"]

    def _read(self) -> None:
        keeper = self._keeper
        assert keeper is not None
        assert keeper.stdout is not None
        for line in keeper.stdout:
            message = json.loads(line)
            if "ended" in message:
                self._ended[message["ended"]] = message["status"]
            else:
                self._answers.put(message)
        self._answers.put({"failed": "the keeper has ended"})

    def _answer(self, wanted: str) -> Any:
        try:
            message = self._answers.get(timeout=START_SECONDS)
        except queue.Empty:
            raise StackError(f"the keeper did not answer within {START_SECONDS:g} s") from None
        if wanted not in message:
            raise StackError(str(message.get("failed", message)))
        return message[wanted]
