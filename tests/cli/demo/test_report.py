"""The last page of the demo."""

import io

from tests.cli.demo.runs import bare_run, good_run

from tablewatch.cli.demo import report
from tablewatch.cli.demo.account import WIDTH, Account


def test_both_runs_stand_side_by_side_within_a_terminal():
    lines = report.side_by_side(bare_run(), good_run())
    assert max(map(len, lines)) <= WIDTH
    text = "\n".join(lines)
    others = len(good_run().others())
    assert f"0 of {others} answered" in text
    assert f"{others} of {others} answered" in text
    assert "no answer in" in text


def test_a_run_that_ended_early_can_be_reported():
    run = good_run()
    run.visits = run.visits[:2]
    assert "never came" in "\n".join(report.side_by_side(run, run))


def test_the_verdict_is_good_only_if_both_runs_went_as_they_should():
    account = Account(io.StringIO())
    assert report.verdict(bare_run(), good_run(), account)
    assert not report.verdict(bare_run(), bare_run(), account)
    assert not report.verdict(good_run(), good_run(), account)


def test_a_bad_verdict_is_explained():
    stream = io.StringIO()
    report.verdict(bare_run(), bare_run(), Account(stream))
    assert "tablewatch did not do what it promises" in stream.getvalue()
    assert "1 processes were left running" in stream.getvalue()


def test_the_next_steps_name_the_commands_and_the_word_to_change():
    stream = io.StringIO()
    report.show_next_steps(Account(stream))
    for words in ("tablewatch install mysql", "watch-mysql:/etc", "smtpd -n", "tablewatch query"):
        assert words in stream.getvalue()
