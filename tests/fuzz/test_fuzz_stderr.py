"""Whatever a backend writes to its stderr is read, in bounded memory, and shows no secret."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tablewatch.knowledge.classify import MAX_GROUP, MAX_TEXT, Classifier, Reading
from tablewatch.knowledge.keys import printable
from tablewatch.knowledge.masking import scrub
from tablewatch.knowledge.signatures import ERROR_TEXTS, SIGNATURES
from tablewatch.knowledge.stderr_lines import LINE_LIMIT, StderrLines
from tablewatch.policy.collapse import Collapser

IDS = {known.id for known in SIGNATURES} | {text.id for text in ERROR_TEXTS}
LONGEST_ID = max(map(len, IDS))

fragments = st.sampled_from(
    [
        b"creds[123]: ",
        b"creds: ",
        *(known.start.encode() for known in SIGNATURES),
        *(part.encode() for text in ERROR_TEXTS for part in text.parts),
        b"ERROR:  ",
        b'connection to server at "h", port 1 failed: ',
        b"alice@example.org",
        b"\n",
        b'"',
        b"'",
        b"...",
    ]
)
noise = st.lists(fragments | st.binary(max_size=40), max_size=12).map(b"".join)


@settings(max_examples=200)
@given(st.lists(noise, max_size=8))
def test_any_bytes_become_readings_that_keep_their_promises(chunks):
    lines, classifier = StderrLines(), Classifier(memory=4)
    for chunk in chunks:
        for line in lines.feed(chunk):
            reading = classifier.read(line)
            assert isinstance(reading, Reading)
            assert reading.signature in IDS
            assert len(reading.text) <= MAX_TEXT
            assert reading.text.isprintable()
            assert len(reading.group) <= LONGEST_ID + 2 + max(MAX_GROUP, LONGEST_ID)
            assert len(classifier._readings) <= 4
    assert all(len(line) <= LINE_LIMIT for line in lines.flush())


@settings(max_examples=200)
@given(noise)
def test_reading_a_line_again_says_the_same(line):
    classifier = Classifier(memory=1)
    first = classifier.read(line)
    classifier.read(b"something else")
    assert classifier.read(line) == first


@settings(max_examples=200)
@given(noise, noise, st.binary(min_size=4, max_size=80).filter(lambda key: b"*" not in key))
def test_a_key_in_a_line_is_not_shown(before, after, key):
    line = (before + key + after).replace(b"\n", b"")
    reading = Classifier().read(line)
    assert printable(key).lower() not in scrub(reading.text, [key]).lower()


@given(st.lists(st.tuples(noise, st.floats(0.0, 30.0)), max_size=30))
def test_every_line_is_shown_or_told_of(flood):
    classifier, collapser = Classifier(), Collapser(60.0, max_signatures=3, max_lines=5)
    now, shown = 0.0, 0
    for line, pause in flood:
        now += pause
        collapser.due(now)
        reading = classifier.read(line)
        shown += collapser.admit(reading.group, reading.text, now) is not None
    assert shown + collapser.collapsed == collapser.seen == len(flood)
