import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.knowledge.classify import MAX_TEXT, Classifier, fits
from tablewatch.knowledge.groups import MAX_GROUP
from tablewatch.knowledge.keys import printable
from tablewatch.knowledge.records import ErrorClass, ErrorText, Own, OwnLine, Sign, Signature
from tablewatch.knowledge.signatures import ERROR_TEXTS, SIGNATURES

COLLATIONS = (
    b"warn: trying to reconnect after error: Illegal mix of collations "
    b"(latin1_swedish_ci,IMPLICIT) and (utf8mb4_general_ci,COERCIBLE) for operation '='"
)


@pytest.fixture
def classifier():
    return Classifier()


def test_the_name_and_pid_are_not_part_of_the_text(classifier):
    assert classifier.read(b"creds[28]: debug: connected").text == "debug: connected"


def test_another_process_is_read_alike(classifier):
    assert classifier.read(b"creds[1]: " + COLLATIONS) == classifier.read(
        b"x[22222]: " + COLLATIONS
    )


def test_a_line_without_name_and_pid_is_read_too(classifier):
    assert classifier.read(COLLATIONS).signature == "mysql-illegal-mix-of-collations"


def test_what_looks_like_a_name_and_pid_later_in_the_line_stays(classifier):
    line = b"LINE 1: select a[1]: b"
    assert classifier.read(line).text == line.decode()


def test_bytes_that_are_not_utf8_are_escaped(classifier):
    assert classifier.read(b"creds[1]: warn: \xff\xfe").text == r"warn: \xff\xfe"


def test_control_characters_are_escaped(classifier):
    line = "creds[1]: warn: a\r\x1b[31m\x00b\u2028c\u202ed".encode()
    assert classifier.read(line).text == r"warn: a\r\x1b[31m\x00b\u2028c\u202ed"


def test_printable_characters_stay_as_they_are(classifier):
    assert classifier.read("creds[1]: warn: ałé".encode()).text == "warn: ałé"


def test_a_long_line_is_cut_and_says_so(classifier):
    reading = classifier.read(b"creds[1]: warn: " + b"x" * 2000)
    assert len(reading.text) == MAX_TEXT
    assert reading.text.endswith("xxx...")


def test_a_query_error_while_preparing_blames_no_key(classifier):
    reading = classifier.read(b"t[1]: warn: mysql_stmt_prepare: Illegal mix of collations")
    assert reading.error_class is ErrorClass.CONFIGURATION
    assert reading.signature == "mysql-illegal-mix-of-collations"
    assert "key" not in reading.cause


def test_the_same_error_while_looking_up_blames_the_key(classifier):
    reading = classifier.read(b"t[1]: warn: mysql_stmt_execute: Illegal mix of collations")
    assert reading.error_class is ErrorClass.QUERY


@pytest.mark.parametrize(
    "line",
    [
        b"t[1]: warn: mysql_stmt_execute: Truncated incorrect DOUBLE value: '%s'",
        b'creds[1]: warn: key too long: "%s"',
        b'creds[1]: warn: PQexecPrepared: ERROR:  invalid input syntax for type integer: "%s"',
        b'creds[1]: req "%s" returned more then one attr "uid"',
    ],
)
def test_a_key_that_looks_like_an_error_changes_nothing(classifier, line):
    reading = classifier.read(line % b"Server has gone away")
    assert reading.error_class is ErrorClass.QUERY
    assert reading._replace(text="") == classifier.read(line % b"Too many")._replace(text="")


@pytest.mark.parametrize("repeated", [b"Illegal mix of collations", b"Deadlock found"])
def test_a_line_that_is_no_error_stays_none_whatever_it_repeats(classifier, repeated):
    reading = classifier.read(b"creds[1]: debug: " + repeated)
    assert (reading.sign, reading.error_class) == (Sign.OTHER, None)


def test_a_line_about_the_key_is_not_searched_for_other_errors():
    about_the_key = Signature("long", Sign.ERROR, ErrorClass.QUERY, "key too long: ", "too long")
    reading = Classifier([about_the_key]).read(b"key too long: Server has gone away")
    assert (reading.error_class, reading.signature) == (ErrorClass.QUERY, "long")


def test_the_parts_of_a_text_come_one_after_the_other():
    texts = [ErrorText("twice", ErrorClass.CONNECTION, "", "", ("no ", "no "))]
    classifier = Classifier(error_texts=texts)
    assert classifier.read(b"warn: no way").signature == "warning"
    assert classifier.read(b"warn: no and no way").signature == "twice"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'warn: no luck with "alice", try 7', b'warn: no luck with "bob", try 12345'),
        (b"warn: user alice@example.org at 0x7f00", b"warn: user bob@example.com at 0x12ab"),
        (
            b"debug: ldap_query: filter=(uid=alice), ret=1",
            b"debug: ldap_query: filter=(uid=b), ret=0",
        ),
        (b'warn: key too long: "aaa"', b'warn: key too long: "bbbb'),
        (b"warn: can't use 'a'", b"warn: can't use 'b'"),
    ],
)
def test_lines_that_say_the_same_are_of_one_group(classifier, one, other):
    assert classifier.read(b"t[1]: " + one).group == classifier.read(b"t[2]: " + other).group


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"warn: no luck", b"warn: bad luck"),
        (b"warn: no luck", b"fatal: no luck"),
        (b"warn: mysql_stmt_execute: Deadlock found", b"warn: mysql_stmt_fetch: Deadlock found"),
        (b"Traceback (most recent call last):", b"ValueError: x"),
    ],
)
def test_lines_that_say_something_else_are_of_another_group(classifier, one, other):
    assert classifier.read(one).group != classifier.read(other).group


def test_a_group_is_of_limited_length(classifier):
    line = b"warn: " + b" ".join(b"%c%c" % (97 + n % 26, 97 + n // 26) for n in range(600))
    assert len(classifier.read(line).group) <= MAX_GROUP + 40


def test_a_line_read_before_is_not_read_again(classifier):
    assert classifier.read(COLLATIONS) is classifier.read(bytes(COLLATIONS))


def test_only_so_many_lines_are_remembered():
    classifier = Classifier(memory=3)
    first = classifier.read(b"line a")
    for other in b"bcd":
        classifier.read(b"line %c" % other)
        classifier.chatter(b"debug: %c" % other)
        classifier.chatter(b"debug: %c%c" % (other, other))
        classifier.read(b"warn: %c" % other)
        assert len(classifier._readings) <= 3
        assert len(classifier._chatter) <= 3
    assert classifier.read(b"line a") == first


def test_other_tables_can_be_given():
    classifier = Classifier(
        [Signature("mine", Sign.ERROR, ErrorClass.UNKNOWN, "oops: ")],
        [ErrorText("mine-full", ErrorClass.QUERY, "too much", "", ("full of ", "!"))],
    )
    assert classifier.read(b"oops: full of it!").cause == "too much"
    assert classifier.read(b"oops: full of it").signature == "mine"
    assert classifier.read(COLLATIONS).signature == "other"


def test_the_text_with_the_most_fixed_characters_counts_whatever_the_order():
    texts = [
        ErrorText("vague", ErrorClass.QUERY, "", "", ("Bad ",)),
        ErrorText("exact", ErrorClass.CONNECTION, "", "", ("Bad ", " day")),
    ]
    line = b"t[1]: warn: mysql_stmt_execute: Bad hair day"
    for order in (texts, texts[::-1]):
        assert Classifier(error_texts=order).read(line).signature == "exact"


# --- the short ways to an answer lead to that of the long one

PREFIX = re.compile(
    rb"[^:\[\]]{1,128}\[\d{1,10}\]: "
    rb"|[^:]{1,128}: (?=unknown service |unknown action |unexpected config line: |malformed line"
    rb"|unsupported protocol version: |no (?:update|check|lookup|fetch) handler registered)"
)
ENVELOPE = re.compile(
    r"(?:(?:connection to server )?(?:at|on socket) .*? failed: )?(?:(?:ERROR|FATAL|PANIC): +)?"
)
OWN = Own(
    (
        OwnLine("local-chat", Sign.OTHER, None, ("debug: row ", "7"), "", None),
        OwnLine("local-spin", Sign.RETRY, ErrorClass.QUERY, ("info: again ", "!"), "again", None),
        OwnLine("local-code", Sign.ERROR, ErrorClass.UNKNOWN, ("E42",), "forty-two", None),
    ),
    (ErrorText("local-full", ErrorClass.QUERY, "full", "", ("Too many ", " in here")),),
)
PARTS = (
    *dict.fromkeys(known.start for known in SIGNATURES),
    *dict.fromkeys(part for text in ERROR_TEXTS for part in text.parts),
    *dict.fromkeys(part for own in (*OWN.lines, *OWN.messages) for part in own.parts),
    *("connection to server at ", " failed: ", "ERROR:  ", "FATAL:  ", "creds: ", "0x1f", "'"),
)
text_of_a_line = st.lists(st.sampled_from(PARTS) | st.text(max_size=5), max_size=6).map("".join)
some_lines = st.builds(
    lambda name, text: (name + text).replace("\n", "").encode("utf-8", "surrogatepass"),
    st.sampled_from(["", "creds[7]: ", "creds[4711]: ", "a b[1]: ", "creds: "]),
    text_of_a_line,
)


def plainly(line, own):
    """Sign, class, id and text of a line by going through everything that is known, in order."""
    prefix = PREFIX.match(line)
    text = printable(line[prefix.end() :] if prefix else line)
    shown = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."
    for each in own.lines:
        if fits(each.parts, text):
            return each.sign, each.error_class, each.id, shown
    longest_first = sorted(SIGNATURES, key=lambda known: -len(known.start))
    known = next(known for known in longest_first if text.startswith(known.start))
    rest = text[len(known.start) :]
    if rest and known.error_class not in (None, ErrorClass.QUERY):
        message = rest[ENVELOPE.match(rest).end() :]
        exact_first = sorted(ERROR_TEXTS, key=lambda error: -sum(map(len, error.parts)))
        for error in (*own.messages, *exact_first):
            if fits(error.parts, message):
                query = error.error_class is ErrorClass.QUERY
                judge = known if query and known.error_class is not ErrorClass.UNKNOWN else error
                return known.sign, judge.error_class, error.id, shown
    return known.sign, known.error_class, known.id, shown


@given(st.lists(some_lines, max_size=8), st.sampled_from([Own(), OWN]))
def test_every_line_is_read_as_by_going_through_everything(lines, own):
    classifier = Classifier(memory=4, own=own)
    for line in lines:
        reading = classifier.read(line)
        found = (reading.sign, reading.error_class, reading.signature, reading.text)
        assert found == plainly(line, own)


HOLES = (b'"', b"'", b"=", b" ", b"0", b"17", b"0x", b"\\x", b"\xff", b"\t", b"#", b"a", b"")
alike_lines = st.builds(
    lambda start, parts, end: start + b"".join(parts) + end.encode("utf-8", "surrogatepass"),
    st.sampled_from([b"", b"creds[7]: ", b"creds[7]: debug: row ", b"debug: row ", b"info: "]),
    st.lists(st.sampled_from(HOLES), max_size=4),
    text_of_a_line | st.just(""),
).map(lambda line: line.replace(b"\n", b""))


@given(st.lists(some_lines | alike_lines, max_size=12), st.sampled_from([Own(), OWN]))
def test_what_is_chatter_and_of_which_group_is_what_reading_it_says(lines, own):
    classifier = Classifier(memory=8, own=own)
    for line in lines:
        reading = Classifier(own=own).read(line)
        assert classifier.chatter(line) == (reading.group if reading.is_chatter else None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"creds[7]: debug: row 12 of 99", b"creds[8]: debug: row 34 of 56"),
        (b"creds[7]: debug: filter=(uid=alice), ret=1", b"creds[7]: debug: filter=(uid=b), ret=0"),
        (b'creds[7]: info: no "alice" here', b'creds[7]: info: no "bob" here'),
    ],
)
def test_chatter_of_a_shape_seen_before_is_not_read_again(classifier, one, other):
    found = classifier.chatter(one)
    classifier._read = None
    assert found is not None
    assert classifier.chatter(other) == found


def test_what_shapes_do_not_tell_apart_makes_a_difference():
    classifier = Classifier(own=OWN)
    assert classifier.chatter(b"debug: row 1 of 8") == "debug: debug: row # of #"
    assert classifier.chatter(b"debug: row 1 of 7") == "local-chat"
    assert classifier.chatter(b"E41") == "other: #"
    assert classifier.chatter(b"E42") is None
    assert classifier.chatter(b"7 rows") == "other: # rows"
    assert classifier.chatter(b"\t rows") == "postgres-detail: # rows"
    assert classifier.chatter(b"ret 1") == "other: ret #"
    assert classifier.chatter(b"ret1") == "other: ret#"
    assert classifier.chatter(b"ret=1") == "debug: ret#"


def test_a_blank_line_is_chatter_without_a_group(classifier):
    assert classifier.chatter(b"") == classifier.chatter(b"creds[7]: ") == ""


@pytest.mark.parametrize("line", [COLLATIONS, b"debug: (re)connecting", b"fatal: no", b"warn: x"])
def test_what_a_decision_may_depend_on_is_no_chatter(classifier, line):
    assert not classifier.read(line).is_chatter
    for _ in range(2):
        assert classifier.chatter(b"creds[7]: " + line) is None
