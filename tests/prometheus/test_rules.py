"""prometheus/: the alerts, their cases, and where they lead."""

import re
from pathlib import Path

import pytest
import yaml
from tests.prometheus.metrics import METRICS, mistakes, selectors
from tests.prometheus.promtool import promtool

ROOT = Path(__file__).parents[2]
RULES = ROOT / "prometheus" / "tablewatch.rules.yml"
CASES = ROOT / "prometheus" / "tablewatch.test.yml"
EXAMPLE = ROOT / "prometheus" / "prometheus.yml"
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
POLICY = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")

ALERTS = {
    rule["alert"]: rule
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}
TESTS = yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]
alerts = pytest.mark.parametrize("alert", ALERTS)


def asked(alert):
    """Return for each test that asks for `alert` whether it fires, in the order of time."""
    for test in TESTS:
        cases = [each for each in test["alert_rule_test"] if each["alertname"] == alert]
        if cases:
            yield [bool(each["exp_alerts"]) for each in cases]


def test_prometheus_takes_the_rules():
    status, said = promtool("check", "rules", "--lint=all", RULES)
    assert status == 0, said
    assert f"{len(ALERTS)} rules found" in said


def test_every_case_comes_out_as_it_should():
    status, said = promtool("test", "rules", CASES)
    assert status == 0, said


@alerts
def test_the_cases_notice_when_an_alert_never_fires(alert, tmp_path):
    broken = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for rule in broken["groups"][0]["rules"]:
        if rule["alert"] == alert:
            rule["expr"] = f"({rule['expr']}) and vector(0) > 1"
    (tmp_path / RULES.name).write_text(yaml.safe_dump(broken), encoding="utf-8")
    mine = {"rule_files": [RULES.name], "evaluation_interval": "1m", "tests": firing(alert)}
    (tmp_path / CASES.name).write_text(yaml.safe_dump(mine), encoding="utf-8")
    status, said = promtool("test", "rules", tmp_path / CASES.name)
    assert status != 0
    assert f"alertname: {alert}" in said


def firing(alert):
    """Return the first test in which `alert` fires."""
    for test in TESTS:
        cases = [each for each in test["alert_rule_test"] if each["alertname"] == alert]
        if any(each["exp_alerts"] for each in cases):
            return [{**test, "alert_rule_test": cases}]
    raise AssertionError(f"{alert} never fires")


@alerts
def test_each_alert_is_seen_to_fire_and_to_resolve(alert):
    assert any(shape(each) == [False, True, False] for each in asked(alert))


def shape(fires):
    """Return the changes in a list of booleans."""
    return [each for n, each in enumerate(fires) if n == 0 or fires[n - 1] != each]


@alerts
def test_each_alert_is_seen_to_stay_silent_when_something_like_it_happens(alert):
    assert any(len(each) > 1 and not any(each) for each in asked(alert))


@alerts
def test_each_alert_asks_for_what_there_is(alert):
    assert selectors(ALERTS[alert]["expr"])
    assert mistakes(ALERTS[alert]["expr"]) == []


def test_the_series_of_the_cases_are_series_there_are():
    for test in TESTS:
        for series in test["input_series"]:
            name, _, labels = series["series"].partition("{")
            given = set(re.findall(r"(\w+)=", labels))
            assert given == METRICS[name] | {"job", "instance"}, series["series"]


@alerts
def test_each_alert_is_named_and_graded_as_its_readers_expect(alert):
    rule = ALERTS[alert]
    assert re.fullmatch(r"Tablewatch([A-Z][a-z]+)+", alert)
    assert rule["labels"] == {"severity": rule["labels"]["severity"]}
    assert rule["labels"]["severity"] in ("critical", "warning", "info")


@alerts
def test_no_alert_fires_at_the_first_sign(alert):
    assert re.fullmatch(r"\d+m", ALERTS[alert]["for"])
    assert int(ALERTS[alert]["for"][:-1]) >= 2


@alerts
def test_each_summary_is_one_sentence_and_each_description_says_where(alert):
    annotations = ALERTS[alert]["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert re.fullmatch(r"[A-Z][^{}\n]+\.", annotations["summary"])
    assert len(annotations["summary"]) < 80
    assert "$labels.instance" in annotations["description"]
    by_table = any("table" in METRICS[name] for name, _ in selectors(ALERTS[alert]["expr"]))
    assert by_table == ("$labels.table" in annotations["description"])


def anchors(page):
    """Return the anchors of a page's headings, as GitHub and pandoc make them."""
    headings = re.findall(r"^#+ (.+)$", page, re.M)
    return [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings]


@alerts
def test_each_alert_leads_to_its_section_of_the_runbook(alert):
    assert ALERTS[alert]["annotations"]["runbook_url"] == f"docs/runbook.md#{alert.lower()}"
    assert anchors(RUNBOOK).count(alert.lower()) == 1


def test_the_runbook_explains_no_alert_that_does_not_exist():
    explained = re.findall(r"^## (Tablewatch\w+)$", RUNBOOK, re.M)
    assert explained == list(ALERTS)


@alerts
def test_each_section_of_the_runbook_tells_meaning_cause_repair_and_proof(alert):
    section = RUNBOOK.partition(f"## {alert}\n")[2].partition("\n## ")[0]
    told = re.findall(r"^\*\*(.+?)\.\*\*", section, re.M)
    assert told == ["Means", "Users see", "Find the cause", "Repair", "Verify"]


def test_links_within_the_runbook_lead_somewhere():
    links = re.findall(r"\]\(([^)]*)\)", RUNBOOK)
    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        page = (ROOT / "docs" / path).read_text(encoding="utf-8") if path else RUNBOOK
        assert not anchor or anchor in anchors(page), link


def test_log_lines_in_the_runbook_are_some_that_are_logged():
    quoted = re.findall(r"^```log\n(.*?)^```", RUNBOOK, re.M | re.S)
    assert quoted
    known = re.sub(r"\s+", " ", POLICY)
    for block in quoted:
        for line in re.sub(r"\n +", " ", block).splitlines():
            assert line in known


def test_the_documented_command_makes_every_link_one_that_can_be_followed(tmp_path):
    text = RULES.read_text(encoding="utf-8")
    old, new = re.search(r"# +sed -i 's\|(.*?)\|(.*?)\|' tablewatch\.rules\.yml", text).groups()
    rules = yaml.safe_load(text.replace(old, new))["groups"][0]["rules"]
    for rule in rules:
        url = rule["annotations"]["runbook_url"]
        assert url == f"https://wiki.example.org/tablewatch/runbook.md#{rule['alert'].lower()}"


def test_prometheus_takes_the_example_with_the_rules():
    status, said = promtool("check", "config", EXAMPLE)
    assert status == 0, said
    assert f"{len(ALERTS)} rules found" in said


def test_the_example_scrapes_the_job_that_the_alert_goes_by():
    (scrape,) = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["scrape_configs"]
    assert f'up{{job="{scrape["job_name"]}"}}' in ALERTS["TablewatchDown"]["expr"]
