import pytest

from tablewatch.core import counters
from tablewatch.daemon import labels
from tablewatch.daemon.labels import WORDS, name, text, word
from tablewatch.protocol.messages import SERVICES, Operation, Verdict


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("reason", [*counters.REFUSED, *counters.FAILED, *counters.REPLACED, "reload", "error"]),
        ("kind", [*counters.DAMAGE, *(f"smtpd-{kind}" for kind in counters.DAMAGE)]),
        ("class", counters.CLASSES),
        ("verdict", [verdict.value for verdict in Verdict]),
        ("operation", [operation.value for operation in Operation]),
        ("lookup_service", [*SERVICES, labels.NONE]),
    ],
)
def test_the_words_are_those_supervisors_count_by(label, words):
    assert WORDS[label] == set(words)


def test_a_word_nobody_knows_is_counted_as_other():
    assert word("reason", "alice@example.org") == "other"
    assert word("reason", "deadline") == "deadline"


def test_a_word_of_another_label_is_not_known():
    assert word("verdict", "deadline") == "other"


def test_half_a_surrogate_in_a_name_becomes_text():
    assert name("a\udc80b") == "a\\udc80b"


def test_other_names_stay_as_they_are():
    assert name('kälte "1"\n\\') == 'kälte "1"\n\\'


def test_the_name_of_a_program_is_cut():
    assert text("v" * 1000) == "v" * labels.MAX_TEXT
