import json
import math

import pytest
from tests.support import incidents, statuses
from tests.support.documents import Document
from tests.support.incidents import store

from tablewatch.control.incident import Kept
from tablewatch.control.incident_summary import Summary
from tablewatch.control.records import from_plain
from tablewatch.daemon.exposition import PATHS
from tablewatch.daemon.web.request import Request
from tablewatch.daemon.web.routes import OTHER, SECURITY, Site


class World:
    def __init__(self):
        self.why = ""
        self.asked = []
        self.incidents = store(incidents.over(), incidents.told())
        self.site = Site(
            ask=self.ask,
            metrics=self.metrics,
            ready=lambda: self.why,
            incidents=self.incidents,
            timeout=5.0,
        )

    def ask(self, seconds):
        self.asked.append(seconds)
        return statuses.everything()

    def metrics(self, accept, seconds):
        self.asked.append((accept, seconds))
        return b"# EOF\n", "application/openmetrics-text"

    def get(self, path, query=None, headers=None, method="GET"):
        return self.site.answer(Request(method, path, query or {}, headers or {}))


@pytest.fixture
def world():
    return World()


def test_metrics_are_passed_on_with_their_type(world):
    answer = world.get("/metrics", headers={"accept": "a/b"})
    assert (answer.status, answer.body) == (200, b"# EOF\n")
    assert answer.content_type == "application/openmetrics-text"
    assert world.asked == [("a/b", 5.0)]


@pytest.mark.parametrize(
    ("told", "allowed"),
    [
        ("3", 2.5),
        ("10", 5.0),
        ("0.2", 0.1),
        ("0", 5.0),
        ("-1", 5.0),
        ("nan", 5.0),
        ("inf", 5.0),
        ("soon", 5.0),
    ],
)
def test_prometheus_is_answered_before_it_gives_up(world, told, allowed):
    world.get("/metrics", headers={"x-prometheus-scrape-timeout-seconds": told})
    assert world.asked == [(None, allowed)]
    assert math.isfinite(allowed)


def test_status_is_json(world):
    answer = world.get("/api/v1/status")
    assert answer.content_type == "application/json"
    assert len(json.loads(answer.body)["tables"]) == 4


def test_status_of_some_tables(world):
    answer = world.get("/api/v1/status", {"table": ["creds", "aliases"]})
    data = json.loads(answer.body)
    assert [each["table"] for each in data["tables"]] == ["aliases", "creds"]
    assert data["level"] == "warning"


def test_an_unknown_table_is_told(world):
    answer = world.get("/api/v1/status", {"table": ["creds", "<x>"]})
    assert answer.status == 404
    assert json.loads(answer.body) == {"error": "no such table: <x>"}
    assert world.get("/", {"table": ["<x>"]}).status == 404


def test_the_page_is_html(world):
    answer = world.get("/")
    assert answer.content_type == "text/html; charset=utf-8"
    assert b"CRITICAL 1 of 4 tables" in answer.body
    assert b'http-equiv="refresh"' in answer.body
    assert b'http-equiv="refresh"' not in world.get("/", {"refresh": ["off"]}).body


def test_healthy_asks_nobody(world):
    assert world.get("/-/healthy").status == 200
    assert world.asked == []


def test_ready_says_why_not(world):
    assert world.get("/-/ready").status == 200
    world.why = "still starting"
    answer = world.get("/-/ready")
    assert (answer.status, answer.body) == (503, b"not ready: still starting\n")


@pytest.mark.parametrize("path", ["/x", "/metrics/", "/-/", "//", "/METRICS", "/favicon.ico"])
def test_other_paths_are_told_what_there_is(world, path):
    answer = world.get(path)
    assert answer.status == 404
    assert b"/metrics" in answer.body
    assert world.site.label(path) == OTHER


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "DELETE", "get"])
def test_only_looking_is_possible(world, method):
    answer = world.get("/metrics", method=method)
    assert answer.status == 405
    assert ("Allow", "GET, HEAD") in answer.headers
    assert world.asked == []


def test_paths_are_counted_by_few_names(world):
    labels = {world.site.label(each) for each in ("/", "/metrics", "/a", "/b", "/-/ready")}
    assert labels == {"/", "/metrics", "/-/ready", OTHER}


def test_browsers_are_told_to_load_and_keep_nothing():
    policy = dict(SECURITY)["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "script" not in policy
    assert dict(SECURITY)["Cache-Control"] == "no-store"


def test_the_time_can_be_changed(world):
    world.site.timeout = 1.5
    world.get("/")
    assert world.asked == [1.5]


def test_the_page_of_a_table_that_hangs_is_a_page(world):
    answer = world.get("/", {"table": ["virtual"]})
    assert answer.status == 200
    assert b"no answer within 5 s" in answer.body


# --- incidents ------------------------------------------------------------------------------------


def test_incidents_are_listed_with_links(world):
    answer = world.get("/incidents")
    assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
    document = Document(answer.body.decode())
    links = [each["href"] for each in document.all("a")]
    assert links == ["incidents/k7f3-2", "incidents/k7f3-1", "./", "api/v1/incidents"]
    assert "1 open of 2 incidents" in document.text
    assert world.asked == []  # no supervisor is waited for


def test_without_incidents_the_list_says_so(world):
    world.incidents.keep(0)
    assert b"So far nothing went wrong." in world.get("/incidents").body
    assert json.loads(world.get("/api/v1/incidents").body) == {"incidents": []}


def test_an_incident_is_a_page_whose_links_lead_back(world):
    answer = world.get("/incidents/k7f3-2")
    assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
    document = Document(answer.body.decode())
    links = [each["href"] for each in document.all("a")]
    assert links[1:] == ["../", "../incidents", "../api/v1/incidents/k7f3-2"]
    assert incidents.ALTER in document.text
    assert document.all("script") == []


def test_incidents_are_json_that_reads_back(world):
    answer = world.get("/api/v1/incidents")
    assert answer.content_type == "application/json"
    listed = [from_plain(Summary, each) for each in json.loads(answer.body)["incidents"]]
    assert listed == world.incidents.briefs()
    one = json.loads(world.get("/api/v1/incidents/k7f3-2").body)
    assert from_plain(Kept, one) == incidents.kept()


@pytest.mark.parametrize("name", ["k7f3-9", "k7f3", "", "ID", "last", "k7f3-2/", "%2e%2e", "<x>"])
def test_an_incident_that_is_not_there_is_404(world, name):
    assert world.get(f"/incidents/{name}").status == 404
    answer = world.get(f"/api/v1/incidents/{name}")
    assert answer.status == 404
    assert b"<x>" not in answer.body


def test_all_incidents_are_counted_by_one_name(world):
    assert {world.site.label(f"/incidents/a-{number}") for number in range(9)} == {"/incidents/ID"}
    assert world.site.label("/api/v1/incidents/a-1") == "/api/v1/incidents/ID"
    for strange in ("/incidents/a/b", "/a-1", "/api/v1/a-1", "//", "/-/a-1"):
        assert world.site.label(strange) == OTHER
    assert set(world.site._routes) == PATHS  # and so do the metrics


def test_the_page_of_a_table_leads_to_its_incidents(world):
    body = world.get("/", {"table": ["creds"]}).body
    assert b'<a href="incidents/k7f3-2">' in body
    world.incidents.left(incidents.SUPERVISOR)
    assert b'<a href="incidents/k7f3-2">' not in world.get("/", {"table": ["creds"]}).body
