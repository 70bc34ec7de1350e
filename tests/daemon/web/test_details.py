import re
from dataclasses import fields, replace

import pytest
from tests.support import statuses

from tablewatch.control.status import Backend, Breaker, Event, Process, Quarantine, TableStatus
from tablewatch.daemon.web.details import details

NOW = 1_700_000_000.0

# Each field of a table's status set to something that can be found again.
SHOWN = {
    "backend": ("pgsql77", "table-pgsql77"),
    "pid": (98765, "98765"),
    "release": ("7.7.7", "7.7.7"),
    "age": (7_000_000.0, "81d"),
    "mode": ("observe", "mode observe"),
    "protocol": ("imsg", "protocol imsg"),
    "smtpd_version": ("6.8.0p2", "for smtpd 6.8.0p2"),
    "config": ("", "settings built in"),
    "waiting": (77, "waiting now 77"),
    "requests": ({"check": {"domain": 7700}}, "check domain 7,700"),
    "answers": ({"found": 7701}, "found 7,701"),
    "failures": ({"error": 7702}, "error 7,702"),
    "tempfails": ({"deadline": 7703}, "deadline 7,703"),
    "refusals": ({"quarantined": 7704}, "quarantined 7,704"),
    "observed": ({"paused": 7705}, "paused 7,705"),
    "latency": ({"fetch": statuses.latency(*[0.3] * 77)}, "fetch 77 300ms"),
    "retries": ({"unknown": 7706}, "retries, unknown 7,706"),
    "reconnects": ({"unknown": 7707}, "reconnects, unknown 7,707"),
    "restarts": ({"spin": 7708}, "spin 7,708"),
    "promotions": (7709, "a spare took over 7,709"),
    "deadline_misses": (7710, "not answered in time 7,710"),
    "damage": ({"malformed": 7711}, "malformed 7,711"),
    "throttled": (77.1, "throttled for 1m17s"),
    "breaker": (Breaker("half-open", "what77", 77.0, 7712), "why what77 next try in 1m17s"),
    "quarantine": (Quarantine(1, 2, 7713, 7714, ["kind77"]), "kind refused kind77"),
    "incidents": ([statuses.incident(cause="cause77", closed=77.0)], "over for 1m17s"),
    "incidents_opened": ({"configuration": 7715}, "configuration 7,715"),
    "backends": ([Backend("spare", "busy", 1, 7777, 77.0, True)], "spare busy, stopped 7777"),
    "stderr_lines": (7716, "lines on stderr 7,716"),
    "collapsed_lines": (7717, "of them collapsed 7,717"),
    "dropped_lines": (7718, "log lines lost 7,718"),
    "config_errors": (7719, "mistakes in settings 7,719"),
    "internal_errors": (7720, "errors of its own 7,720"),
    "dropped_events": (7721, "events lost 7,721"),
    "links": (7722, "connected here 7,722 times"),
    "process": (Process(77.2, 77 * 1024**2, 7723), "CPU 1m17s memory 77M descriptors 7,723"),
    "budget": (replace(statuses.well().budget, balance=-7.7), "retry budget, left -7.7"),
}
ON_THE_CARD = {"table", "condition", "pause", "last_good"}


def text(report):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", details(report, NOW, {})))


@pytest.mark.parametrize("name", [each.name for each in fields(TableStatus)])
def test_every_field_is_shown(name):
    if name in ON_THE_CARD:
        return
    value, said = SHOWN[name]
    assert said in text(statuses.report(statuses.well(**{name: value})))
    assert said not in text(statuses.report(statuses.well()))


def test_what_did_not_happen_takes_no_place():
    asked = {"lookup": {"alias": 0, "credentials": 1}}
    made = text(statuses.report(statuses.well(restarts={"retries": 0}, damage={}, requests=asked)))
    assert "lookup alias" not in made
    assert "lookup credentials 1" in made
    assert "Broken protocol" not in made
    assert "throttled" not in made


def test_errors_of_the_backend_are_told_apart_from_ours():
    status = statuses.well(failures={"error": 2, "retries": 3}, tempfails={"retries": 3})
    made = text(statuses.report(status))
    assert "Temporary errors by tablewatch retries 3 Errors by the backend itself error 2" in made


def test_figures_the_platform_can_not_tell_are_a_dash():
    made = text(statuses.report(statuses.well(process=Process())))
    assert "CPU - memory - descriptors -" in made


def test_open_incidents_come_first():
    incidents = [statuses.incident(cause="old", closed=5.0), statuses.incident(cause="new")]
    made = text(statuses.report(statuses.well(incidents=incidents)))
    assert made.index("new") < made.index("old")


def test_the_newest_log_line_comes_first():
    made = text(statuses.report(statuses.well(), events=[Event(9.0, 4, "one"), Event(1, 3, "two")]))
    assert made.index("error two") < made.index("warning one")


def test_without_a_backend_it_says_so():
    assert "None is running." in text(statuses.report(statuses.well(backends=[])))


def test_of_a_silent_table_there_are_its_last_lines():
    silent = replace(statuses.silent(), events=[Event(9.0, 4, "last words")])
    assert "warning last words" in text(silent)
    assert "Nothing is known of it." in text(statuses.silent())
