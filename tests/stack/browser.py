"""A real browser without a screen: what a person sees of a page, and pictures of it.

Chromium is told what to do over two pipes, by the DevTools protocol: JSON messages ended by a NUL
(chromedevtools.github.io/devtools-protocol; --remote-debugging-pipe reads descriptor 3 and writes
descriptor 4).
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import png
from .world import StackError

PROGRAM = "chromium"
PATIENCE = 60.0  # seconds for one answer, on a machine with much else to do
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # which root does not get
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-lcd-text",  # coloured edges are for one kind of screen
    "--remote-debugging-pipe",
)
# Puts our pipes where Chromium looks for them, and becomes it.
BECOME = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
    "os.execvp(sys.argv[3], sys.argv[3:])"
)
# Beyond 4, so that neither end is in the way of the other.
LOWEST = 10


class Browser:
    """One window, opened by entering the context."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._send = self._receive = -1
        self._received = b""
        self._number = 0
        self._session = ""
        self._happened: list[str] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="tablewatch-", ignore_cleanup_errors=True)
            )
            theirs_in, self._send = _pipe(stack)
            self._receive, theirs_out = _pipe(stack)
            log = stack.enter_context(Path(directory, "log").open("wb"))
            become = [sys.executable, "-c", BECOME, str(theirs_in), str(theirs_out)]
            self._process = subprocess.Popen(
                [*become, PROGRAM, *OPTIONS, f"--user-data-dir={directory}", "about:blank"],
                pass_fds=(theirs_in, theirs_out),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            stack.callback(self._end)
            target = self._do("Target.createTarget", url="about:blank")["targetId"]
            attached = self._do("Target.attachToTarget", targetId=target, flatten=True)
            self._session = attached["sessionId"]
            self._do("Page.enable")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def visit(self, url: str, *, width: int = 1000, scale: float = 1.0, dark: bool = False) -> None:
        """Load a page in a window `width` CSS pixels wide; `scale` screen pixels for each."""
        self._do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._do("Emulation.setEmulatedMedia", features=[scheme])
        self._happened.clear()
        told = self._do("Page.navigate", url=url)
        if "errorText" in told:
            raise StackError(f"{url}: {told['errorText']}")
        until = time.monotonic() + PATIENCE
        while "Page.loadEventFired" not in self._happened:
            self._next(until)

    def title(self) -> str:
        """What stands in the browser's tab."""
        return str(self.evaluate("document.title"))

    def text(self) -> str:
        """What a person can read of the page."""
        return str(self.evaluate("document.body.innerText"))

    def dom(self) -> str:
        """The document as the browser understood it."""
        return str(self.evaluate("document.documentElement.outerHTML"))

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        told = self._do("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in told:
            raise StackError(f"{expression}: {told['exceptionDetails']}")
        return told["result"].get("value")

    def picture(self, path: Path, *, until: str = "") -> None:
        """Write the page as a small PNG, down to the end of the element `until` (CSS selector)."""
        size = self._do("Page.getLayoutMetrics")["cssContentSize"]
        height = size["height"]
        if until:
            found = f"document.querySelector({json.dumps(until)})"
            height = float(self.evaluate(f"{found}.getBoundingClientRect().bottom")) + 16
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1}
        shot = self._do("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(png.small(base64.b64decode(shot["data"])))

    def _do(self, method: str, **parameters: object) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + PATIENCE
        while (told := self._next(until)).get("id") != self._number:
            pass
        if "error" in told:
            raise StackError(f"{method}: {told['error']}")
        return dict(told["result"])

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._receive], [], [], max(0, until - time.monotonic()))
            data = os.read(self._receive, 65536) if ready else b""
            if not data:
                raise StackError(f"{PROGRAM} {'ended' if ready else 'does not answer'}")
            self._received += data
        line, _, self._received = self._received.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self._happened.append(str(message.get("method", "")))
        return message

    def _end(self) -> None:
        assert self._process is not None
        with contextlib.suppress(StackError, OSError):
            self._session = ""
            self._do("Browser.close")
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _pipe(stack: contextlib.ExitStack) -> tuple[int, int]:
    """Return both ends of a pipe, which are closed with `stack`."""
    ends = []
    for end in os.pipe():
        ends.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, LOWEST))
        os.close(end)
        stack.callback(os.close, ends[-1])
    return ends[0], ends[1]


def text_of(url: str, *, columns: int = 80) -> str:
    """A page as lynx shows it."""
    done = subprocess.run(
        ["lynx", "-dump", "-nolist", f"-width={columns}", url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(f"lynx: {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout
