"""docs/watching.md: what it shows is there, and is what it says."""

from __future__ import annotations

import re
import string

import pytest

from . import png
from .fates import FATES
from .install import CHECKOUT
from .smtpd import FLAVOURS
from .watching_report import FULL, MOST, PAGE

DOCS = CHECKOUT / "docs"
IMAGES = DOCS / "images"


@pytest.fixture(scope="module")
def page() -> str:
    return (DOCS / "watching.md").read_text(encoding="utf-8")


def test_it_has_the_pictures_it_shows_and_no_other(page: str) -> None:
    named = re.findall(r"!\[[^\]]+\]\(images/([\w-]+\.png)\)", page)
    assert len(named) >= 6
    assert sorted(named) == sorted(each.name for each in IMAGES.glob("status-*"))
    for name in named:
        data = (IMAGES / name).read_bytes()
        width, height = png.size(data)
        assert len(data) <= MOST
        assert 300 <= width <= 1200
        assert height >= 300


def test_it_was_written_by_the_report_as_it_is_now(page: str) -> None:
    fixed = [text for text, *_ in string.Formatter().parse(PAGE) if len(text) > 80]
    assert fixed
    for text in fixed:
        assert text in page
    assert "each minute is taken for a second" not in page  # nobody was in a hurry
    assert f"{FULL.tables} of {FULL.tables} |" in page


def test_no_login_failed_and_no_supervisor_was_lost(page: str) -> None:
    for flavour in FLAVOURS:
        for fate in FATES:
            (row,) = re.findall(rf"^\| {flavour}: {re.escape(fate.name)} \| (.+) \|$", page, re.M)
            logins, failed, lost, *_ = row.split(" | ")
            assert int(logins.replace(",", "")) > 100
            assert (failed, lost) == ("0", "0")
