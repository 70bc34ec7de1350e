"""The status page in a real browser, as an incident comes and goes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from .browser import Browser, text_of
from .conftest import StartSmtpd
from .load import ends_in, login
from .mariadb import MariaDB
from .marks import text_only
from .requirements import need_programs
from .schema import POISON
from .smtpd import Smtpd
from .watching import Tablewatchd, free_address, settings
from .world import wait_until

TABLES = ("creds", "domains", "sndrs")
PHONE = 390  # CSS pixels
PATIENCE = 20.0
# Of the text that is hardest to read: its contrast to what is behind it.
CONTRAST = """
(() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((each) => each / 255)
      .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    const colour = getComputedStyle(node).backgroundColor;
    return /, 0\\)$/.test(colour) ? behind(node.parentElement) : colour;
  };
  const contrast = (node) => {
    const [a, b] = [light(getComputedStyle(node).color), light(behind(node))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const written = (node) =>
    [...node.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
  const seen = [...document.querySelectorAll("body *")]
    .filter((node) => written(node) && node.checkVisibility());
  return Math.min(...seen.map(contrast));
})()
"""
READABLE = 4.5  # WCAG 2.1, 1.4.3
TOO_WIDE = "document.documentElement.scrollWidth - innerWidth"
FROM_ELSEWHERE = "performance.getEntriesByType('resource').length"


@pytest.fixture
def browser() -> Iterator[Browser]:
    need_programs("chromium", "lynx")
    with Browser() as opened:
        yield opened


@text_only
def test_a_person_sees_an_incident_begin_and_end(
    start_watched: StartSmtpd, mariadb: MariaDB, browser: Browser
) -> None:
    address = free_address()
    quick = "incidents: {quiet: 5s}, breaker: {max_open: 2s}"
    server = start_watched(settings=settings(address, quick))
    with Tablewatchd(server, address) as daemon:
        daemon.await_tables(*TABLES)
        assert login(server)(PATIENCE).code == 235
        daemon.await_level("creds", "ok")
        expect_well(browser, daemon)

        assert login(server, POISON)(PATIENCE).code == 421
        daemon.await_level("creds", "warning")
        expect_trouble(browser, daemon, "WARNING", "character", "utf8mb4")

        mariadb.stop()
        await_critical(server, daemon)
        expect_trouble(browser, daemon, "CRITICAL", "database", "the database")
        expect_readable_everywhere(browser, daemon)

        mariadb.start()
        wait_until(ends_in(login(server), 235), "a good login", seconds=60)
        daemon.await_level("creds", "ok")
        expect_well(browser, daemon)
        # What happened is still told.
        browser.visit(daemon.url("/?table=creds"))
        assert "utf8mb4" in browser.text()


def await_critical(server: Smtpd, daemon: Tablewatchd) -> None:
    """Keep logging in until the table is known not to answer."""
    wait_until(
        lambda: login(server)(PATIENCE).code == 421 and daemon.level("creds") == "critical",
        "the table to be critical",
        seconds=60,
    )


def expect_well(browser: Browser, daemon: Tablewatchd) -> None:
    browser.visit(daemon.url())
    assert browser.title() == "OK 3 tables · tablewatch"
    text = browser.text()
    assert "What to do" not in text
    for table in TABLES:
        assert re.search(rf"^{table}$", text, re.MULTILINE)
    for word in ("CRITICAL", "WARNING", "UNKNOWN"):
        assert word not in text
    shown, _, _ = text_of(daemon.url()).partition("\nDetails\n")  # which lynx unfolds
    assert "OK 3 tables" in shown
    assert "What to do" not in shown


def expect_trouble(browser: Browser, daemon: Tablewatchd, level: str, why: str, todo: str) -> None:
    """Level, table, reason and remedy, above everything that is well."""
    browser.visit(daemon.url())
    assert browser.title() == f"{level} 1 of 3 tables · tablewatch"
    assert f'class="card {level.lower()}" id="t-creds"' in browser.dom()
    for text in (browser.text(), text_of(daemon.url())):
        before, _, after = " ".join(text.split()).partition(" Why ")
        told, _, rest = after.partition(" What to do ")
        remedy, _, others = rest.partition(" domains ")
        assert f"{level} 1 of 3 tables" in before
        assert f"creds {level} for " in before
        assert why in told
        assert todo in remedy
        assert "sndrs" in others


def expect_readable_everywhere(browser: Browser, daemon: Tablewatchd) -> None:
    """By day, by night, on a phone; and nothing is loaded from anywhere."""
    for path in ("/", "/?table=creds"):
        for width in (PHONE, 1000):
            for dark in (False, True):
                browser.visit(daemon.url(path), width=width, dark=dark)
                assert browser.evaluate(CONTRAST) >= READABLE
                assert browser.evaluate(TOO_WIDE) <= 0
                assert browser.evaluate(FROM_ELSEWHERE) == 0
