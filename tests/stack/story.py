"""The incident from beginning to end, as everything shows it that shows tables."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .browser import Browser
from .client import NoAnswer
from .install import PREFIX
from .load import PATIENCE, login
from .mariadb import MariaDB
from .prometheus import Prometheus
from .schema import ALICE, DOMAIN, LOGIN_PASSWORD, POISON
from .smtpd import Smtpd
from .terminal import on_terminal
from .watching import Tablewatchd
from .world import wait_until

TABLES = ("creds", "domains", "sndrs")
ASKED = ("creds", "domains")  # also while nobody can log in
EVERYDAY = 0.5  # seconds from one mail to the next
ALERT = "TablewatchTableCritical"
CHECK = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
PROGRAMS = f"{PREFIX}/bin"

Say = Callable[[str], None]


class View(NamedTuple):
    """A picture: its name, and how the page is looked at."""

    name: str
    words: str
    width: int = 1000
    scale: float = 1.0
    dark: bool = False
    table: str = ""
    until: str = ""  # a CSS selector: where the picture ends


class Moment(NamedTuple):
    """How it all looked at some time."""

    title: str
    seconds: float  # since the story began
    login: int
    levels: dict[str, str]
    status: str  # what tablewatch status shows
    status_exit: int
    check: str  # what check_tablewatch prints
    check_exit: int
    pictures: list[tuple[str, str]]  # file and words


class Alert(NamedTuple):
    """When an alert was in which state: seconds since the story began; None is never."""

    name: str
    table: str
    pending: float | None
    firing: float | None
    resolved: float | None


@dataclass
class Story:
    """Everything that happened. Times are in seconds since it began."""

    moments: list[Moment] = field(default_factory=list)
    happened: list[tuple[float, str]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    interval: int = 0  # of Prometheus


class Teller:
    """Goes through the story on a mail server, and writes the pictures into ``images``."""

    def __init__(
        self,
        server: Smtpd,
        daemon: Tablewatchd,
        prometheus: Prometheus,
        browser: Browser,
        images: Path,
        say: Say,
    ) -> None:
        self.story = Story(interval=prometheus.interval)
        self._server = server
        self._daemon = daemon
        self._prometheus = prometheus
        self._browser = browser
        self._images = images
        self._say = say
        self._began = time.monotonic()
        self._began_at = time.time()

    def tell(self, database: MariaDB, *, well: float, patience: float) -> Story:
        """`well`: seconds of an ordinary day first; `patience`: for each alert."""
        with everyday(self._server):
            self._daemon.await_tables(*TABLES)
            time.sleep(well)
            self._look("Before", View("before", "The status page before"))
            self._poison()
            database.stop()
            self._happens("the database is stopped")
            for table in ASKED:
                self._daemon.await_level(table, "critical")
            self._prometheus.await_alert(ALERT, fires=True, seconds=patience)
            self._look(
                "The database is gone",
                View("critical", "The status page without the database"),
                View("critical-dark", "The same at night", dark=True, until="article.card"),
                View("critical-phone", "The same on a phone", 390, 2.0, until="article.card"),
            )
            database.start()
            self._happens("the database is started")
            wait_until(self._logs_in, "a good login", seconds=120)
            self._happens("the first good login, by itself")
            self._prometheus.await_alert(ALERT, fires=False, seconds=patience)
            wait_until(lambda: self._levels() == {"ok"}, "all to be well", seconds=patience)
            self._look(
                "After",
                View("after", "The status page after", until="article.card:last-of-type"),
                View("table", "One table afterwards", table="creds", until="div.details section"),
            )
        self._alerts()
        return self.story

    def _poison(self) -> None:
        self._happens(f"a login with a key that latin1 cannot hold: {self._code(POISON)}")
        self._daemon.await_level("creds", "warning")
        for _ in range(3):
            self._code(POISON)
        self._look("A key that can't be looked up", View("warning", "The status page with it"))

    def _look(self, title: str, *views: View) -> None:
        self._say(f"looking: {title}")
        time.sleep(1.0)  # so that what was asked a moment ago is not what is shown
        world = self._server.world
        status, shown = on_terminal(world, [f"{PROGRAMS}/tablewatch", "status"])
        checked = world.run([*CHECK, f"{PROGRAMS}/check_tablewatch"], check=False)
        told = {each.table: each.condition.level for each in self._daemon.status().tables}
        pictures = [(self._picture(each), each.words) for each in views]
        since = time.monotonic() - self._began
        self.story.moments.append(
            Moment(
                title,
                since,
                self._code(ALICE),
                told,
                shown.rstrip(),
                status,
                checked.stdout.rstrip(),
                checked.returncode,
                pictures,
            )
        )

    def _picture(self, view: View) -> str:
        path = f"/?table={view.table}" if view.table else "/"
        url = self._daemon.url(path)
        self._browser.visit(url, width=view.width, scale=view.scale, dark=view.dark)
        file = self._images / f"status-{view.name}.png"
        self._browser.picture(file, until=view.until)
        return file.name

    def _happens(self, what: str) -> None:
        self._say(what)
        self.story.happened.append((time.monotonic() - self._began, what))

    def _code(self, user: str) -> int:
        return login(self._server, user)(PATIENCE).code

    def _logs_in(self) -> bool:
        return self._code(ALICE) == 235

    def _levels(self) -> set[str]:
        return {each.condition.level for each in self._daemon.status().tables}

    def _alerts(self) -> None:
        series = self._prometheus.moments("ALERTS", start=self._began_at)
        names = {(labels["alertname"], labels.get("table", "")) for labels, _ in series}
        for name, table in sorted(names):
            times: dict[str, list[float]] = {"pending": [], "firing": []}
            for labels, moments in series:
                if (labels["alertname"], labels.get("table", "")) == (name, table):
                    times[labels["alertstate"]] += [each - self._began_at for each in moments]
            pending, firing = sorted(times["pending"]), sorted(times["firing"])
            resolved = firing[-1] + 1 if firing else None
            self.story.alerts.append(
                Alert(name, table, min(pending, default=None), min(firing, default=None), resolved)
            )


@contextmanager
def everyday(server: Smtpd) -> Iterator[None]:
    """Somebody who sends mail and somebody who receives some, again and again, whatever comes."""
    stop = threading.Event()

    def live() -> None:
        while not stop.wait(EVERYDAY):
            try:
                with server.connect(server.submission) as client:
                    if client.auth_plain(ALICE, LOGIN_PASSWORD).code == 235:
                        client.mail_from(ALICE)
                with server.connect(server.plain) as client:
                    client.mail_from("somebody@elsewhere.example")
                    client.rcpt(f"anybody@{DOMAIN}")
            except NoAnswer:
                continue

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
