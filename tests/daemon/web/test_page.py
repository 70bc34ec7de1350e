import base64
import hashlib
import re
import subprocess
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support import statuses
from tests.support.documents import HOSTILE, Document
from tests.support.programs import need

from tablewatch.control import document
from tablewatch.control.markup import clean
from tablewatch.control.status import Condition, Event
from tablewatch.daemon.web import page


def rendered(status=None, **options):
    return page.render(status or statuses.everything(), host="mx1.example.org", **options)


def test_the_title_tells_how_many_are_at_the_worst_level():
    assert "<title>CRITICAL 1 of 4 tables · tablewatch</title>" in rendered()
    well = statuses.host(statuses.report(statuses.well()))
    assert "<title>OK 1 table · tablewatch</title>" in rendered(well)
    both = statuses.host(statuses.silent("a"), statuses.gone("b"))
    assert "<title>UNKNOWN 2 tables · tablewatch</title>" in rendered(both)


def test_the_worst_comes_first():
    order = re.findall(r'<article class="card (\w+)" id="t-(\w+)"', rendered())
    assert order == [
        ("critical", "users"), ("unknown", "virtual"), ("warning", "creds"), ("ok", "aliases"),
    ]  # fmt: skip


def test_it_says_since_when_why_what_was_done_and_what_to_do():
    text = Document(rendered()).text
    for each in (
        "for 5m12s",
        "the database can't be reached",
        "left alone",
        "start it",
        "no answer within 5 s",
        "3 keys refused; 3 backends replaced",
        "convert the columns to utf8mb4",
    ):
        assert each in text


def test_what_to_do_comes_before_all_details():
    text = Document(rendered()).text
    assert text.count("What to do", 0, text.index("Details")) == 3
    assert text.index("Details") < text.index("Backends")


def test_every_level_is_a_word_and_not_only_a_colour():
    for report in statuses.everything().tables:
        card = re.search(
            rf'<article class="card (\w+)" id="t-{report.table}".*?</article>', rendered(), re.S
        )
        assert f">{card[1].upper()}<" in card[0]


@pytest.mark.parametrize("options", [{}, {"table": "creds"}, {"hold": True}])
def test_it_is_well_formed_and_loads_nothing(options):
    document = Document(rendered(**options))
    assert not document.all("script")
    for _, attributes in document.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert "src" not in attributes
    for link in document.all("link"):
        assert link["href"].startswith("data:")
    for link in document.all("a"):
        assert "//" not in link["href"]


def test_ids_are_there_once_and_links_within_the_page_lead_somewhere():
    document = Document(rendered())
    ids = [attributes["id"] for _, attributes in document.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) == 4
    assert {each["href"][1:] for each in document.all("a") if each["href"][0] == "#"} == set(ids)


def test_the_style_is_the_one_that_browsers_are_told_of():
    style = re.search(r"<style>(.*?)</style>", rendered(), re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"sha256-{digest}" == document.STYLE_HASH
    assert "url(" not in style
    assert "@import" not in style


def test_it_refreshes_itself_until_it_is_held():
    refresh = {"http-equiv": "refresh", "content": "15"}
    assert refresh in Document(rendered()).all("meta")
    assert refresh not in Document(rendered(hold=True)).all("meta")


def test_links_keep_the_table_and_the_hold():
    links = [each["href"] for each in Document(rendered(hold=True)).all("a")]
    assert "./?table=creds&refresh=off" in links
    assert "./" in links  # refresh again
    links = [each["href"] for each in Document(rendered(table="creds")).all("a")]
    assert "./?table=creds&refresh=off" in links
    assert "api/v1/status?table=creds" in links


def test_one_table_has_its_details_unfolded():
    document = Document(rendered(table="creds"))
    assert not document.all("details")
    assert "Backends" in document.text
    assert "virtual" not in document.text
    assert "CRITICAL 1 of 4 tables" in document.text  # the host is as bad as it is


def test_all_details_are_folded_away():
    document = Document(rendered())
    assert len(document.all("details")) == 4
    assert not any("open" in each for each in document.all("details"))


def test_no_tables_are_told_with_what_to_do():
    text = Document(rendered(statuses.host())).text
    assert "No tables · tablewatch" in text
    assert "Is smtpd running" in text


def test_with_many_tables_what_is_wrong_comes_before_the_overview():
    many = [statuses.report(statuses.well(f"t{number:02}")) for number in range(40)]
    text = rendered(statuses.host(*many, statuses.report(statuses.down())))
    assert text.index('<article class="card critical"') < text.index("<nav")
    assert text.index("<nav") < text.index('<article class="card ok"')


def test_refused_connections_are_told():
    status = statuses.everything()
    daemon = replace(status.daemon, refused_links=2, refused_controls=1)
    assert "3 connections refused" in rendered(replace(status, daemon=daemon))
    assert "refused</span>" not in rendered()


@settings(max_examples=30)
@given(st.text(min_size=1, max_size=40))
@example(HOSTILE)
def test_no_text_of_a_supervisor_is_markup(text):
    hostile = replace(
        statuses.well("creds"),
        table=text, condition=Condition("critical", 1.0, text, text, text), mode=text,
        smtpd_version=text, config=text, backend=text, protocol=text, release=text,
        requests={text: {text: 1}}, answers={text: 1}, failures={text: 1}, restarts={text: 1},
        damage={text: 1}, retries={text: 1}, observed={text: 1}, refusals={text: 1},
        incidents=[statuses.incident(cause=text, signature=text, done=[text], todo=text)],
        quarantine=replace(statuses.well().quarantine, kinds=[text]),
    )  # fmt: skip
    report = statuses.report(hostile, events=[Event(1.0, 99, text)])
    for options in ({}, {"table": text}):
        made = Document(rendered(statuses.host(report), **options))
        names = {name for name, _ in made.elements}
        assert names <= {name for name, _ in Document(rendered()).elements} | {"div", "svg"}
        assert clean(text).strip() in made.text or not text.strip()


def test_characters_that_change_what_is_read_are_written_out():
    report = statuses.report(replace(statuses.well(), table=HOSTILE))
    text = rendered(statuses.host(report))
    assert "<script" not in text
    assert "\u202e" not in text
    assert "\x00" not in text
    assert "\\u202e" in text


def test_a_report_of_another_release_is_shown_all_the_same():
    strange = replace(
        statuses.well(),
        condition=Condition("splendid", -5.0),
        latency={"lookup": replace(statuses.latency(0.1), buckets=[1, 2]), "x": statuses.latency()},
        age=1e300,
    )
    text = Document(rendered(statuses.host(statuses.report(strange)))).text
    assert "UNKNOWN" in text


def test_in_lynx_it_reads_in_order_and_without_junk(tmp_path):
    lynx = need("lynx")
    file = tmp_path / "page.html"
    file.write_text(rendered())
    command = [lynx, "-dump", "-nolist", "-width=80", "-assume_charset=utf-8",
               "-display_charset=utf-8", str(file)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    lines = done.stdout.decode().split("\n")
    places = [
        next(number for number, line in enumerate(lines) if words in line)
        for words in (
            "CRITICAL 1 of 4 tables",
            "mx1.example.org as of",
            "users CRITICAL",
            "CRITICAL for 5m12s",
            "the database can't be reached",
            "start it",
            "lookups 2,000 · temporary errors 3",
            "UNKNOWN for 42s",
            "convert the columns to utf8mb4",
            "Details",
            "Status as JSON",
        )
    ]
    assert places == sorted(places)
    assert max(map(len, lines)) <= 80
    assert not any(junk in done.stdout.decode() for junk in ("{", "}", "&", "<", "rect", "var("))
