"""System calls per lookup, counted by strace(1) in a pass of its own: it slows everything down."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from tests.bench.chain import Chain
from tests.bench.machine import Machine

ATTACH_SECONDS = 10.0


def count(chain: Chain, lookups: int, machine: Machine) -> dict[str, float]:
    """System calls per lookup, by name, of what stands before the backend; empty if not allowed."""
    summary = machine.directory / "strace"
    tracer = subprocess.Popen(
        ["strace", "-c", "-f", "-o", summary, "-p", str(chain.process.pid)],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    try:
        if not _attached(chain.process.pid, tracer):
            machine.miss("strace(1) may not look at other processes here: no system calls counted")
            return {}
        chain.block(lookups)
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()
    return read(summary, lookups)


def _attached(pid: int, tracer: subprocess.Popen[bytes]) -> bool:
    limit = time.monotonic() + ATTACH_SECONDS
    while time.monotonic() < limit and tracer.poll() is None:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        if f"TracerPid:\t{tracer.pid}\n" in status:
            return True
        time.sleep(0.01)
    return False


def read(summary: Path, lookups: int) -> dict[str, float]:
    """Read what ``strace -c`` wrote: share, seconds, microseconds per call, calls, errors, name."""
    found = {}
    for line in summary.read_text(encoding="ascii", errors="replace").splitlines():
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            calls = int(words[3]) / lookups
            if calls >= 0.01:  # fewer are none of a lookup's
                found[words[-1]] = round(calls, 3)
    return found
