import json
import sys

import pytest

from tablewatch.cli.report import MAX_LINES, Report
from tablewatch.protocol.messages import Answer, Operation, Verdict


@pytest.fixture
def make(capfdbinary):
    def make(operation=Operation.LOOKUP, *, as_json=False, many=False):
        return Report("table-x", operation, "credentials", as_json=as_json, many=many)

    return make


def answered(report, answer, key=b"k", cause=""):
    report.answered(key, answer, cause, "text", 0.25)


def test_a_value_is_printed_as_the_bytes_it_is(make, capfdbinary):
    answered(make(), Answer(Verdict.FOUND, b"\xff\x00 v"))
    assert capfdbinary.readouterr() == (b"\xff\x00 v\n", b"")


def test_a_value_can_do_nothing_to_a_terminal(make, capfdbinary, monkeypatch):
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)
    answered(make(many=True), Answer(Verdict.FOUND, b"\x1b]0;x\x07\xc5\x82\xff"), key=b"\x1b[2Jk")
    out = capfdbinary.readouterr().out.decode()
    assert out == "\\x1b[2Jk\t\\x1b]0;x\\x07\u0142\\xff\n"


def test_the_cause_follows_an_error_that_has_no_message(make, capfdbinary):
    answered(make(), Answer(Verdict.ERROR), cause="the columns are latin1")
    assert capfdbinary.readouterr().err == (
        b"tablewatch: k: backend answered error: the columns are latin1\n"
    )


def test_a_miss_among_many_is_silent(make, capfdbinary):
    answered(make(many=True), Answer(Verdict.NOT_FOUND))
    assert capfdbinary.readouterr() == (b"", b"")


def test_the_backends_own_password_is_not_shown(make, capfdbinary):
    make().heard(b"debug: url=ldap://x password=hunter2")
    err = capfdbinary.readouterr().err
    assert err.startswith(b"table-x: debug: ")
    assert b"hunter2" not in err


def test_json_holds_what_is_no_utf8_in_escaped_form(make, capfdbinary):
    report = make(as_json=True)
    report.heard(b"warn: \xff")
    answered(report, Answer(Verdict.FOUND, b"\xfe"), key=b"\xfd")
    answer = json.loads(capfdbinary.readouterr().out)
    assert (answer["key"], answer["value"], answer["log"]) == ("\\xfd", "\\xfe", ["warn: \\xff"])
    assert answer["seconds"] == 0.25


@pytest.mark.parametrize("as_json", [True, False])
def test_each_answer_has_its_own_lines_and_no_more_than_the_limit(make, capfdbinary, as_json):
    report = make(as_json=as_json)
    for _ in range(MAX_LINES + 3):
        report.heard(b"warn: again")
    report.failed(b"k", "no answer", "text", 1.0)
    answered(report, Answer(Verdict.FOUND, b"v"))
    out, err = capfdbinary.readouterr()
    if as_json:
        first, second = map(json.loads, out.splitlines())
        assert (len(first["log"]), first["log_left_out"]) == (MAX_LINES, 3)
        assert (second["log"], second["log_left_out"]) == ([], 0)
        assert err == b""
    else:
        assert err.count(b"warn: again\n") == MAX_LINES
        assert err.splitlines()[-2:] == [
            b"table-x: ... and 3 more lines",
            b"tablewatch: k: no answer",
        ]


def test_an_update_is_ok_and_not_found(make, capfdbinary):
    answered(make(Operation.UPDATE), Answer(Verdict.FOUND), key=None)
    assert capfdbinary.readouterr().out == b"ok\n"
