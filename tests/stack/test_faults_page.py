"""docs/faults.md: how it is made of figures, and that it is of the faults there are."""

from __future__ import annotations

import contextlib
import re
import string

from .faults.catalogue import FAULTS, PARTS
from .faults.fault import Fault
from .faults.page import COLUMNS, PAGE, Found, figures, markdown, sentence, summary, unsurvived
from .faults.people import PEOPLE
from .faults.seen import Seen, Tally
from .install import CHECKOUT
from .smtpd import FLAVOURS

ROW = re.compile(r"^\| (.+?) \|(.*)\|$", re.M)

FIRST = Fault("trouble", "something happens", lambda _: contextlib.nullcontext())
SECOND = FIRST._replace(
    name="worse",
    flavours=("imsg",),
    only_supervised="nobody is there",
    remark="It is not as bad as it looks.",
)
TWO = (("Of everything", (FIRST, SECOND)), ("Of nothing", ()))


def well(fault: Fault, flavour: str, supervised: bool) -> Seen:
    """A mail server that survived."""
    people = {each.name: Tally({each.right: 10}, 0.2) for each in PEOPLE}
    return Seen(fault.name, flavour, supervised, people=people, healed=0.3, connections=5)


SEEN = [well(FIRST, *column) for column in COLUMNS] + [well(SECOND, "imsg", True)]


def cells(text: str, name: str) -> list[str]:
    """What stands in the row of that name."""
    rows = {match[1]: match[2].split("|") for match in ROW.finditer(text)}
    return [each.strip() for each in rows[name]]


def test_the_summary_has_a_row_for_each_fault_and_a_column_for_each_server() -> None:
    text = summary(TWO, Found(SEEN))
    assert cells(text, "trouble") == ["survived, 0.2 s"] * 4
    assert cells(text, "worse \\*") == ["-", "survived, 0.2 s", "-", "-"]
    assert "\\* worse: It is not as bad as it looks." in text


def test_faults_that_were_not_done_are_not_there() -> None:
    text = markdown(TWO, SEEN[:4], {"imsg": ["smtpd 6"]})
    assert "worse" not in text
    assert "### trouble\n\nSomething happens.\n" in text
    assert "## Of nothing" not in text


def test_words_tell_what_is_special() -> None:
    text = markdown(TWO, SEEN, {})
    assert "Something happens. Not done to bare servers: nobody is there. Only imsg." in text


def test_words_are_sentences_whoever_wrote_them() -> None:
    assert sentence("something happens") == "Something happens."
    assert sentence("Something happens.") == "Something happens."
    assert sentence("tablewatch.yml is gone") == "tablewatch.yml is gone."


def test_figures_leave_out_what_nobody_counted() -> None:
    text = figures(FIRST, SEEN[:4])
    assert cells(text, "right answers") == ["60"] * 4
    assert "unanswered" not in text
    assert cells(text, "connections to the database") == ["5"] * 4
    assert "statements" not in text


def test_answers_that_are_not_right_are_told_apart() -> None:
    found = well(FIRST, "imsg", False)
    found.people["alice"] = Tally({235: 4, 421: 3, 0: 2, 535: 1}, 0.2)
    found.people["recipient"] = Tally({451: 1})
    text = figures(FIRST, [found, None, None, None])
    assert cells(text, "right answers") == ["44"]
    assert cells(text, "try again later") == ["3 x 421, 1 x 451"]
    assert cells(text, "unanswered") == ["2"]
    assert cells(text, "wrong answers") == ["1 wrong answer: 535 for alice"]


def test_only_supervised_servers_have_to_survive() -> None:
    dead = [well(FIRST, "imsg", supervised) for supervised in (False, True)]
    for each in dead:
        each.dead_after = 2.0
    assert unsurvived(TWO, dead) == ["trouble, imsg: dead after 2.0 s"]


def test_an_honest_word_is_as_good_as_surviving() -> None:
    dead = well(SECOND, "imsg", True)
    dead.dead_after = 2.0
    assert unsurvived(TWO, [dead]) == []


def test_every_fault_has_a_name_of_its_own_and_one_line_of_it() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)
    for fault in FAULTS:
        assert re.fullmatch(r"[^.|\n]{1,40}", fault.name), fault.name
        assert fault.words
        assert set(fault.flavours) <= set(FLAVOURS)


def test_the_page_has_every_fault_and_was_written_by_the_report_as_it_is_now() -> None:
    page = (CHECKOUT / "docs/faults.md").read_text(encoding="utf-8")
    for text, *_ in string.Formatter().parse(PAGE):
        if len(text) > 80:
            assert text in page
    for title, faults in PARTS:
        assert f"\n## {title}\n" in page
        for fault in faults:
            assert f"\n### {fault.name}\n" in page
            assert len(cells(page, fault.name + (" \\*" if fault.remark else ""))) == 4
