"""Invariants of the knowledge base with patterns of anybody's own.

Whatever bytes a file of patterns holds, reading it gives patterns or a ConfigError whose problems
are printable lines, a bounded number of them. Whatever the patterns are, and whatever a backend
writes, a line is read; nothing of it gets into an id or a group, and a repair named for a table is
as good as before.
"""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tablewatch.config.pattern_kinds import KEYS, LONGEST_TEXT
from tablewatch.config.pattern_reader import MAX_STEPS, parse
from tablewatch.config.patterns import ERROR_SIGNS, MEDIA, OTHER_SIGNS, Pattern, PatternStep
from tablewatch.config.reader import MAX_PROBLEMS
from tablewatch.errors import ConfigError
from tablewatch.knowledge.catalogue import entries
from tablewatch.knowledge.classify import Classifier
from tablewatch.knowledge.own import PREFIX, own
from tablewatch.knowledge.repairs.silent import SILENT
from tablewatch.knowledge.signatures import ERROR_TEXTS, SIGNATURES

WORDS = [
    *("patterns:", "\n  a:", "\n  b-c:", "\n    ", "\n    - ", "\n  ", "\n", ": ", "- ", "[", "]"),
    *("{", "}", ", ", "'", '"', "*", "|", "&a ", "*a", "!!binary ", "<<: ", "~", "#", "\t", "\x85"),
    *(f"{key}: " for key in (*KEYS, "steps", "lines", *MEDIA)),
    *("warn: x*y", "abcd", "query", "connection", "error", "other", "reconnect", "ł", "😀", "\0"),
]
NEARLY = st.lists(st.sampled_from(WORDS), max_size=60).map("".join)

printable = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=30)
globs = st.tuples(st.text("abcd: ", min_size=4, max_size=8), st.text("*ab ", max_size=10)).map(
    "".join
)
names = st.from_regex(r"[a-z]{1,6}(-[a-z0-9]{1,6}){0,2}", fullmatch=True)


@st.composite
def patterns(draw):
    sign = draw(st.sampled_from([*ERROR_SIGNS, *OTHER_SIGNS]))
    is_error = sign in ERROR_SIGNS
    classes = ["query", "connection", "configuration", "unknown"]
    return Pattern(
        draw(names),
        lines=tuple(draw(st.lists(globs, max_size=2))),
        messages=tuple(draw(st.lists(globs, max_size=2))) if is_error else (),
        error_class=draw(st.sampled_from(classes)) if is_error else "",
        sign=sign,
        cause=draw(printable),
        repair=draw(printable),
        steps=tuple(
            PatternStep(draw(st.sampled_from(MEDIA)), draw(printable))
            for _ in range(draw(st.integers(0, 2)))
        ),
    )


fragments = st.sampled_from(
    [
        b"creds[1]: ",
        *(known.start.encode() for known in SIGNATURES),
        *(text.parts[0].encode() for text in ERROR_TEXTS),
        *(b"abcd", b": ", b"a", b"alice@example.org"),
    ]
)
written = st.lists(fragments | st.binary(max_size=20), max_size=8).map(b"".join)


def outcome(text):
    try:
        return parse(text, "/x.yml")
    except ConfigError as error:
        problems = error.problems
    assert 1 <= len(problems) <= MAX_PROBLEMS + 1
    for problem in problems:
        assert problem.file == "/x.yml"
        assert str(problem).isprintable()
        assert len(str(problem)) < 2000
    return problems


def check(text):
    first = outcome(text)
    assert outcome(text) == first
    if isinstance(first, tuple):
        for pattern in first:
            assert pattern.lines or pattern.messages
            assert len(pattern.cause) <= LONGEST_TEXT
            assert len(pattern.steps) <= MAX_STEPS
            assert bool(pattern.error_class) is (pattern.sign in ERROR_SIGNS)
        Classifier(own=own(first)).read(b"warn: anything")


@settings(deadline=None)
@given(NEARLY)
@example("patterns: &a {a: *a}")
@example("[" * 5000)
@example('patterns: {a: {line: "\\UFFFFFFFF"}}')
@example("patterns: {a: {line: [[abcd]]}}")
@example("patterns: {? [a] : {}}")
def test_text_like_yaml_gives_patterns_or_a_config_error(text):
    check(text)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_patterns_or_a_config_error(text):
    check(text)


@settings(max_examples=200)
@given(st.lists(patterns(), max_size=4), written)
def test_any_line_is_read_with_any_patterns(own_patterns, line):
    classifier = Classifier(own=own(own_patterns))
    reading = classifier.read(line.replace(b"\n", b""))
    known = {*entries(), *(PREFIX + each.name for each in own_patterns)}
    assert reading.signature in known
    assert reading.text.isprintable()
    if reading.signature.startswith(PREFIX):
        assert reading.group.removeprefix("retry: ").count(" ") <= 1


@settings(max_examples=200)
@given(st.lists(patterns(), min_size=1, max_size=4), written)
def test_a_pattern_never_changes_what_it_does_not_fit(own_patterns, line):
    line = line.replace(b"\n", b"")
    plain, reading = Classifier().read(line), Classifier(own=own(own_patterns)).read(line)
    assert reading.signature.startswith(PREFIX) or reading == plain


@given(st.text(max_size=40), st.sampled_from(sorted(SILENT)))
def test_a_repair_named_for_any_table_keeps_its_steps(table, signature):
    repair = SILENT[signature]
    named = repair.for_table(table)
    assert [step.medium for step in named.steps] == [step.medium for step in repair.steps]
    assert named.references == repair.references
