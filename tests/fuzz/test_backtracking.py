from __future__ import annotations

import re

import pytest
from tests.fuzz.backtracking import TooManySteps, steps
from tests.fuzz.regexes import all_patterns


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?:a|aa)+$", "a" * 10),
        (r"\bfoo\b|x?", "foo x foo"),
        (r"(?i)stra.e|[k-z]+", "STRASSE Kelvin K"),
        (r"[^\W\d]+?(?=\s|$)", "ab1 _z"),
        (r"(?<!\w)'[^']*'", "'a' b'c'"),
        (r"(?m)^\d+$", "1\n22\nx3"),
        (r"(?s)a.*?b\Z", "a\nb b"),
    ],
)
def test_it_finds_what_re_finds(pattern: str, text: str) -> None:
    """Which `steps` itself asserts."""
    assert steps(re.compile(pattern), text, 10_000) > len(text)


def test_work_that_doubles_with_every_character_is_found_out() -> None:
    with pytest.raises(TooManySteps):
        steps(re.compile(r"(a+)+b"), "a" * 40, 100_000)


def test_linear_work_is_counted_as_such() -> None:
    once, twice = (steps(re.compile(r"\d"), "a" * size, 10_000) for size in (100, 200))
    assert twice - once == 100


def test_the_expressions_of_the_source_are_there() -> None:
    known = all_patterns()
    assert "tablewatch.knowledge.masking._PASSWORD" in known
    assert "tablewatch.daemon.web.request._LINE" in known
    assert len(known) > 50
