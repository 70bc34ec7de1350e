"""docs/knowledge.md: it is what the knowledge base says, and it says all of it."""

import re

from tests.docs.knowledge_page import PAGE, SILENCE, render
from tests.stack.provocations import CASES, proofs

from tablewatch.core import incidents
from tablewatch.knowledge.catalogue import entries
from tablewatch.knowledge.repairs.silent import SILENT
from tablewatch.knowledge.signatures import ERROR_TEXTS, SIGNATURES

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_is_the_one_that_is_made_from_the_knowledge_base():
    assert render() == TEXT, "write it anew: python -m tests.docs.knowledge_page"


def test_every_signature_is_on_it():
    for id_, entry in entries().items():
        if any(line.start for line in entry.lines) or entry.texts:
            assert f"`{id_}`" in TEXT, id_
    for id_ in SILENT:
        assert f"`{id_}`" in TEXT


def test_what_was_provoked_is_a_signature():
    assert set(proofs()) <= set(entries())


def test_most_signatures_of_errors_were_provoked():
    errors = {each.id for each in (*ERROR_TEXTS, *SIGNATURES) if each.error_class}
    assert len(errors & set(proofs())) > len(errors) * 2 / 3


def test_what_was_never_provoked_is_listed_as_such():
    listed = set(re.findall(r"`([\w-]+)`", TEXT.partition("## Never provoked here")[2]))
    errors = {each.id for each in (*ERROR_TEXTS, *SIGNATURES) if each.error_class}
    assert listed == errors - set(proofs())


def test_no_way_to_provoke_is_listed_twice():
    for name, cases in CASES.items():
        ways = [(case.signature, case.how) for case in cases]
        assert len(set(ways)) == len(ways), name


def test_every_silent_failure_has_its_words():
    assert set(SILENCE) == set(SILENT)
    assert {f"backend-{why}" for why in incidents._SILENT} <= set(SILENT)


def test_it_names_no_machine_and_no_registry():
    assert not re.search(r"/(?:tmp|work|root)/|pypi|registry", TEXT)
