"""A real Prometheus that scrapes a tablewatchd, with the project's own alert rules."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .watching import free_address
from .world import StackError, wait_until

RULES = Path(__file__).parents[2] / "prometheus" / "tablewatch.rules.yml"
PROGRAM = "prometheus"
CONFIG = """\
global:
  scrape_interval: {interval}s
  scrape_timeout: {timeout}s
  evaluation_interval: {interval}s
rule_files: [rules.yml]
scrape_configs:
  - job_name: tablewatch
    static_configs: [{{targets: ['{target}']}}]
"""


def hurried(rules: str) -> str:
    """Rules with every minute made a second: nobody waits for ten minutes in a test."""
    rules = re.sub(r"\[(\d+)m\]", lambda match: f"[{max(5, int(match[1]))}s]", rules)
    rules = re.sub(r"\[(\d+)h\]", lambda match: f"[{int(match[1]) * 30}s]", rules)
    rules = re.sub(r"\[(\d+)d\]", lambda match: f"[{int(match[1]) * 60}s]", rules)
    rules = re.sub(r"for: (\d+)m\b", r"for: \1s", rules)
    return re.sub(r"for: (\d+)h\b", r"for: 30s", rules)


class Prometheus:
    """Started by entering the context; ``directory`` is its own.

    In a ``hurry`` it looks every second, and to its rules each minute is one.
    """

    def __init__(self, directory: Path, target: str, *, hurry: bool = True) -> None:
        """`target`: HOST:PORT of a tablewatchd."""
        self._hurry = hurry
        self.interval = 1 if hurry else 15  # seconds; 15 is what most have
        self.address = free_address()
        self._directory = directory
        self._target = target
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        program = shutil.which(PROGRAM)
        if program is None:
            raise StackError("prometheus is not installed (Debian package prometheus)")
        self._directory.mkdir(parents=True)
        config = self._directory / "prometheus.yml"
        timeout = min(10, self.interval)
        text = CONFIG.format(target=self._target, interval=self.interval, timeout=timeout)
        config.write_text(text, encoding="utf-8")
        rules = RULES.read_text(encoding="utf-8")
        rules = hurried(rules) if self._hurry else rules
        (self._directory / "rules.yml").write_text(rules, encoding="utf-8")
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={self._directory / 'data'}",
                    f"--web.listen-address={self.address}",
                ],
                stdout=log,
                stderr=log,
            )
        try:
            wait_until(self._is_ready, "prometheus to be ready", seconds=60)
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
        """End it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def await_scrapes(self, count: int = 3) -> None:
        """Wait until the daemon was scraped: an increase needs something before it."""
        scrapes = 'count_over_time(up{job="tablewatch"}[10m]) and up == 1'
        wait_until(lambda: (self.value(scrapes) or 0) >= count, "prometheus to scrape", seconds=60)

    def log(self) -> str:
        """What it wrote so far."""
        return (self._directory / "log").read_text(encoding="utf-8", errors="replace")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What an expression gives now: a list of ``metric`` and ``value``."""
        text = urllib.parse.urlencode({"query": expression, "time": f"{time.time():.3f}"})
        result = self._api(f"query?{text}")["result"]
        return list(result) if isinstance(result, list) else []

    def value(self, expression: str) -> float | None:
        """The one value an expression gives now; None if there is none."""
        result = self.query(expression)
        return float(result[0]["value"][1]) if result else None

    def history(self, expression: str, *, seconds: float, step: float = 1.0) -> list[float]:
        """Every value of the last `seconds`, of all series."""
        now = time.time()
        text = urllib.parse.urlencode(
            {"query": expression, "start": now - seconds, "end": now, "step": step}
        )
        series = self._api(f"query_range?{text}")["result"]
        return [float(value) for each in series for _, value in each["values"]]

    def moments(self, expression: str, *, start: float) -> list[tuple[dict[str, str], list[float]]]:
        """Labels of each series since `start`, and the seconds in which it had a value."""
        text = urllib.parse.urlencode(
            {"query": expression, "start": start, "end": time.time(), "step": 1}
        )
        return [
            (dict(each["metric"]), [float(when) for when, _ in each["values"]])
            for each in self._api(f"query_range?{text}")["result"]
        ]

    def alerts(self) -> dict[str, str]:
        """Name and state (pending, firing) of every alert there is."""
        return {
            each["labels"]["alertname"]: each["state"] for each in self._api("alerts")["alerts"]
        }

    def await_alert(self, name: str, *, fires: bool, seconds: float = 120.0) -> None:
        """Wait until an alert fires, or does not any more."""
        wait_until(
            lambda: (self.alerts().get(name) == "firing") is fires,
            f"{name} {'to fire' if fires else 'to be resolved'}",
            seconds=seconds,
            pause=0.5,
        )

    def _is_ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise StackError(f"prometheus ended:\n{self.log()[-3000:]}")
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _api(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}", timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        if found["status"] != "success":
            raise StackError(f"prometheus: {found}")
        return dict(found["data"])
