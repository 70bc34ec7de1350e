"""Everybody who looks at tablewatchd while it all happens: Prometheus, browsers, people."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tablewatch.control.records import from_plain
from tablewatch.control.status import HostStatus

from .accounts import imbalance
from .bed import Bed
from .secrets import leaks, secrets

SCRAPES = 5.0  # seconds from one to the next
TOOLS = (3.0, 9.0)  # from one program to the next
PATIENCE = 10.0  # Prometheus' own
COMMANDS = (
    ("tablewatch", "status"),
    ("tablewatch", "incidents", "list"),
    ("tablewatch", "quarantine", "list", "creds"),
    ("check_tablewatch",),
)
PAGES = ("/", "/api/v1/incidents")


class Tools:
    """They look from ``start`` to ``end``. ``seen`` counts what they did, by what became of it."""

    def __init__(self, bed: Bed, seed: str) -> None:
        self.seen: Counter[tuple[str, str]] = Counter()
        self.unbalanced: list[str] = []  # reports whose figures contradict each other
        self.fallen: list[str] = []  # counters that were smaller than before
        self.reports = 0  # that were looked at so
        self.compared = 0  # figures of counters
        self.hung = 0  # programs that did not come to an end
        self.broken: list[BaseException] = []
        self.leaked: set[str] = set()  # what should have been on no page and in no output
        self._bed = bed
        self._seed = seed
        self._secrets = secrets()
        self._highest: dict[tuple[str, ...], float] = {}
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._guard, args=(each,), daemon=True)
            for each in (self._scrape, self._use)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Look no more."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _guard(self, live: Callable[[], None]) -> None:
        try:
            live()
        except BaseException as error:
            self.broken.append(error)
            raise

    def _scrape(self) -> None:
        own = random.Random(f"{self._seed}-scrapes")
        while not self._stop.wait(SCRAPES):
            self._get("/metrics")
            self._get("/api/v1/status")
            self._get(own.choice(PAGES))

    def told(self) -> dict[str, str]:
        """What became of all the looks, in words, by what was looked with."""
        found: dict[str, list[str]] = {}
        for (name, what), count in sorted(self.seen.items()):
            found.setdefault(name, []).append(f"{count:,} {what}")
        return {name: ", ".join(each) for name, each in found.items()}

    def _get(self, path: str) -> None:
        try:
            text = self._bed.daemon.get(path, seconds=PATIENCE)
        except (OSError, HTTPException) as error:
            self.seen[path, type(error).__name__] += 1
            return
        self.seen[path, "answered"] += 1
        self.leaked.update(leaks({f"the page {path}": text}, self._secrets))
        if path == "/metrics":
            self._expect_growth(text)
        elif path == "/api/v1/status":
            self._expect_balance(json.loads(text))

    def _expect_growth(self, text: str) -> None:
        """Counters of the supervisors only grow, whatever becomes of tablewatchd."""
        for family in text_string_to_metric_families(text):
            # What backends used begins anew with each of them, as docs/metrics.md says.
            if family.type != "counter" or family.name == "tablewatch_backend_cpu_seconds":
                continue
            for each in family.samples:
                if "table" not in each.labels or not each.name.endswith("_total"):
                    continue
                series = (each.name, *sorted(each.labels.values()))
                self.compared += 1
                before = self._highest.get(series, 0.0)
                if each.value < before:
                    self.fallen.append(f"{' '.join(series)}: {before:g}, then {each.value:g}")
                self._highest[series] = max(before, each.value)

    def _expect_balance(self, plain: dict[str, Any]) -> None:
        for report in from_plain(HostStatus, plain).tables:
            if report.status is None:
                continue
            self.reports += 1
            if wrong := imbalance(report.status):
                self.unbalanced.append(f"{report.table}: {wrong}")

    def _use(self) -> None:
        own = random.Random(f"{self._seed}-tools")
        while not self._stop.wait(own.uniform(*TOOLS)):
            command = own.choice(COMMANDS)
            status, text = self._bed.told(*command)
            self.leaked.update(leaks({f"what {command[0]} wrote": text}, self._secrets))
            self.seen[" ".join(command), f"exit {status}"] += 1
            self.hung += status == -1
