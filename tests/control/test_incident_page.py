"""The page of an incident: everything is on it, it needs nothing else, and no text is markup."""

import base64
import hashlib
import re
import subprocess
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import incidents
from tests.support.documents import HOSTILE, Document
from tests.support.programs import need

from tablewatch.control.document import STYLE_HASH
from tablewatch.control.incident import Key, Repair, Sample, Step
from tablewatch.control.incident_page import render
from tablewatch.control.markup import clean, tag


def rendered(report=None, **options):
    return render(incidents.kept(report), host="mx1.example.org", **options)


def test_everything_that_is_known_is_on_it():
    report = incidents.told()
    text = Document(rendered()).text
    for each in (
        *(step.text for step in report.steps),
        *report.lines,
        *(key.shown for key in report.keys),
        *(key.traits for key in report.keys),
        *report.trace.splitlines(),
        *report.repair.references,
        *(line for step in report.repair.steps for line in step.splitlines()),
        report.repair.summary,
        report.cause,
        report.signature,
        report.program,
        "9 retries, 9 reconnects, 3 temporary errors, 3 backends replaced",
        "+0.003",
        "1.2s9.3M91",
    ):
        assert each in text, each


def test_open_and_over_are_words_and_not_only_colours():
    assert '<span class="level">OPEN</span>' in rendered()
    assert "<title>OPEN incident k7f3-2 of creds · tablewatch</title>" in rendered()
    assert '<span class="level">OVER</span>' in rendered(incidents.over())


def test_what_is_to_be_copied_keeps_its_lines():
    text = Document(rendered()).text
    assert incidents.MY_CNF in text
    assert incidents.ALTER in text


def test_it_is_well_formed_and_loads_nothing():
    for report in (incidents.told(), incidents.over()):
        document = Document(rendered(report))
        assert not document.all("script")
        for _, attributes in document.elements:
            assert not any(name.startswith("on") or name == "style" for name in attributes)
            assert "src" not in attributes
        assert all(link["href"].startswith("data:") for link in document.all("link"))
        style = re.search(r"<style>(.*?)</style>", rendered(report), re.S)[1]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"sha256-{digest}" == STYLE_HASH


def test_a_file_has_no_link_to_the_host_it_is_from():
    links = [each["href"] for each in Document(rendered()).all("a")]
    assert links == [incidents.REFERENCE]
    more = rendered(links=(tag("a", "All", href="../incidents"),))
    assert "../incidents" in [each["href"] for each in Document(more).all("a")]


def test_only_an_address_of_the_web_is_a_link():
    strange = ["javascript:alert(1)", "https://a b", "data:text/html,x", "file:///etc/passwd"]
    made = Document(rendered(incidents.told(repair=Repair("x", [], strange))))
    assert made.all("a") == []
    assert "javascript:alert(1)" in made.text


def test_what_nobody_knows_takes_no_place():
    text = Document(rendered(incidents.over())).text
    for title in ("Keys, masked", "Last lines", "was seen to do", "What the backend used"):
        assert title not in text
        assert title in Document(rendered()).text


@settings(max_examples=30)
@given(st.text(min_size=1, max_size=40))
def test_no_text_of_a_supervisor_is_markup(text):
    for hostile in (text, HOSTILE):
        report = replace(
            incidents.told(),
            table=hostile, backend=hostile, signature=hostile, error_class=hostile, cause=hostile,
            release=hostile, protocol=hostile, smtpd_version=hostile, mode=hostile,
            program=hostile, steps=[Step(1.0, hostile, hostile)], lines=[hostile],
            keys=[Key(hostile, hostile, hostile)], trace=hostile,
            repair=Repair(hostile, [hostile], [hostile]),
        )  # fmt: skip
        made = Document(rendered(report))
        assert {name for name, _ in made.elements} <= {
            name for name, _ in Document(rendered()).elements
        }
        assert clean(hostile).strip() in made.text or not hostile.strip()
        assert "\u202e" not in made.text


def test_figures_out_of_all_range_are_no_failure():
    report = incidents.told(
        opened=1e300, last=-1e300, samples=[Sample(1e300, 1e300, 1 << 62, -5, 0)]
    )
    assert "incident k7f3-2" in Document(rendered(report)).text


def test_in_lynx_it_reads_in_order_and_without_junk(tmp_path):
    lynx = need("lynx")
    file = tmp_path / "incident.html"
    file.write_text(rendered())
    command = [lynx, "-dump", "-nolist", "-width=80", "-assume_charset=utf-8",
               "-display_charset=utf-8", str(file)]  # fmt: skip
    said = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.decode()
    lines = said.split("\n")
    places = [
        next(number for number, line in enumerate(lines) if words in line)
        for words in (
            "OPEN incident k7f3-2 of creds",
            "mx1.example.org",
            "characters that the column's",
            "What to do",
            "character_set_server = utf8mb4",
            "9 retries",
            "+0.003",
            "z***@example.org",
            "(re)connecting",
            "1,400 times a second",
        )
    ]
    assert places == sorted(places)
    assert not any(junk in said for junk in ("{", "}", "&", "<", "var("))
