"""The two clocks, and the figures of an incident in words."""

import pytest
from tests.support import incidents

from tablewatch.control import moments
from tablewatch.control.incident import Cost
from tablewatch.control.incident_words import after, at, cost, facts, headline, lasted

DAY = 86_400.0


def test_seconds_are_counted_from_the_opening():
    report = incidents.told()
    assert [after(report, each.age) for each in report.steps[:4]] == [
        "+0.000", "+0.001", "+0.002", "+0.003",
    ]  # fmt: skip
    assert after(report, 0.0) == "+95.000"


def test_the_wall_clock_is_that_of_the_moment_it_was_told():
    kept = incidents.kept()
    assert at(kept, 4.0) == moments.short(incidents.TOLD - 4.0, incidents.TOLD)
    assert len(at(kept, 4.0)) == len("22:13:16")


def test_another_day_than_that_of_the_opening_has_its_date():
    kept = incidents.kept(incidents.told(opened=3 * DAY))
    assert at(kept, 0.0)[:10] == moments.moment(incidents.TOLD)[:10]


def test_it_lasted_until_its_end_or_until_it_was_told_of():
    assert lasted(incidents.told()) == 95.0
    assert lasted(incidents.over()) == 500.0
    assert headline(incidents.kept(incidents.over())) == "over after 8m20s"
    assert headline(incidents.kept()).startswith("open for 1m35s, as of 2023-11-1")


def test_an_end_before_the_beginning_is_no_time_at_all():
    assert lasted(incidents.told(opened=5.0, closed=9.0)) == 0.0


@pytest.mark.parametrize(
    ("spent", "said"),
    [
        (Cost(), "nothing"),
        (Cost(retries=1, reconnects=1, tempfails=1, restarts=1),
         "1 retry, 1 reconnect, 1 temporary error, 1 backend replaced"),
        (Cost(retries=2000, throttled=61.0), "2,000 retries, slowed down for 1m1s"),
    ],
)  # fmt: skip
def test_the_cost_is_what_was_spent(spent, said):
    assert cost(spent) == said


def test_facts_leave_out_what_nobody_knows():
    names = [name for name, _ in facts(incidents.kept())]
    assert "over" not in names
    assert "over" in [name for name, _ in facts(incidents.kept(incidents.over()))]
    bare = dict(facts(incidents.kept(incidents.told(smtpd_version="", protocol="", program=""))))
    assert "smtpd" not in bare
    assert bare["backend"] == "table-mysql"


def test_facts_name_versions_class_and_signature():
    told = dict(facts(incidents.kept()))
    assert told["smtpd"] == "6.8.0p2, imsg protocol"
    assert told["supervisor"] == "tablewatch 0.1.0, mode enforce"
    assert told["kind"] == "query: mysql-illegal-mix-of-collations"
    assert told["last sign"].endswith("+91.000 s; 3 times")
