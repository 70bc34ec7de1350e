"""grafana/tablewatch.json: Grafana takes it, its linter has nothing to say, every query works.

The rules named ``..._rule`` are those of https://github.com/grafana/dashboard-linter, the fields
those of @grafana/schema; see schema.py for the whole of that.
"""

import itertools
import json
import re

import pytest
import yaml
from tests.grafana.queries import (
    DASHBOARD,
    MAY_BE_EMPTY,
    dashboard,
    panels,
    queries,
    templates,
)
from tests.prometheus.metrics import METRICS, mistakes, selectors
from tests.prometheus.promtool import promtool

from tablewatch.control.status import LATENCY_BUCKETS
from tablewatch.daemon.labels import WORDS

ALL = dashboard()
PANELS = panels()
ROWS = [each for each in ALL["panels"] if each["type"] == "row"]
VARIABLES = {each["name"]: each for each in ALL["templating"]["list"]}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Of those that the linter knows.
UNITS = {"bytes", "dateTimeFromNow", "ops", "percentunit", "reqps", "s", "short"}

every_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda each: each["title"])
every_query = pytest.mark.parametrize(
    "query", list(templates()), ids=lambda each: f"{each.where} {each.ref}".strip()
)


# --- the file -----------------------------------------------------------------------------------


def test_the_file_is_written_in_one_way_so_that_changes_can_be_read():
    written = json.dumps(ALL, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert DASHBOARD.read_text(encoding="utf-8") == written


def test_it_can_be_provisioned_and_found_again():
    assert ALL["id"] is None
    assert re.fullmatch(r"[a-zA-Z0-9_-]{8,40}", ALL["uid"])
    assert not {"__inputs", "__requires", "__elements"} & set(ALL)
    assert ALL["schemaVersion"] == 39
    assert ALL["title"]
    assert ALL["description"]


def test_the_provider_is_one_grafana_takes():
    snippet = yaml.safe_load((DASHBOARD.parent / "provisioning.yml").read_text(encoding="utf-8"))
    assert snippet["apiVersion"] == 1
    (provider,) = snippet["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"].startswith("/")


def test_it_is_not_drawn_anew_more_often_than_is_scraped():
    assert ALL["refresh"] == "1m"


def test_every_id_is_used_once():
    ids = [each["id"] for each in ALL["panels"]]
    assert len(set(ids)) == len(ids)
    assert all(isinstance(each, int) and each > 0 for each in ids)
    titles = [each["title"] for each in ALL["panels"]]
    assert len(set(titles)) == len(titles)
    for panel in PANELS:
        refs = [each["refId"] for each in panel["targets"]]
        assert len(set(refs)) == len(refs)


# --- the fields that Grafana's schema asks for --------------------------------------------------


def test_rows_have_what_the_schema_asks_for():
    for row in ROWS:
        assert set(row) == {"collapsed", "gridPos", "id", "panels", "title", "type"}
        assert row["panels"] == []
        assert row["collapsed"] is False


@every_panel
def test_each_panel_has_what_the_schema_asks_for(panel):
    required = {"datasource", "description", "fieldConfig", "gridPos", "id", "options", "targets"}
    assert set(panel) - {"transformations"} == {*required, "title", "type"}
    assert set(panel["fieldConfig"]) == {"defaults", "overrides"}
    for override in panel["fieldConfig"]["overrides"]:
        assert set(override) == {"matcher", "properties"}
        assert override["matcher"]["id"] == "byName"
        assert all(set(each) == {"id", "value"} for each in override["properties"])
    assert set(panel["options"]) >= {
        "stat": {"colorMode", "graphMode", "orientation", "reduceOptions", "textMode"},
        "timeseries": {"legend", "tooltip"},
        "state-timeline": {"legend", "rowHeight", "showValue", "tooltip"},
        "table": {"frameIndex", "showHeader"},
    }.get(panel["type"], {"no such kind of panel"})


def test_annotations_have_what_the_schema_asks_for():
    builtin, *ours = ALL["annotations"]["list"]
    assert builtin["builtIn"] == 1
    assert builtin["datasource"] == {"type": "grafana", "uid": "-- Grafana --"}
    assert [each["name"] for each in ours] == ["Incidents", "Incidents opened", "Restarts of smtpd"]
    for each in ours:
        assert each["datasource"] == DATASOURCE
        assert each["enable"] is True
        assert each["iconColor"]
        shown = set(re.findall(r"{{(\w+)}}", each["textFormat"]))
        assert shown <= set(each["tagKeys"].split(","))


# --- where things stand -------------------------------------------------------------------------


def cells(panel):
    grid = panel["gridPos"]
    across = range(grid["x"], grid["x"] + grid["w"])
    down = range(grid["y"], grid["y"] + grid["h"])
    return set(itertools.product(across, down))


def test_the_panels_fill_the_page_without_a_gap_or_an_overlap():
    taken = [cell for panel in ALL["panels"] for cell in cells(panel)]
    height = 1 + max(y for _, y in taken)
    assert len(taken) == len(set(taken))
    assert set(taken) == set(itertools.product(range(24), range(height)))


def test_panels_are_in_the_order_in_which_they_are_seen():
    places = [(each["gridPos"]["y"], each["gridPos"]["x"]) for each in ALL["panels"]]
    assert places == sorted(places)


def test_the_rows_are_an_administrators_questions():
    assert [each["title"] for each in ROWS] == [
        "Is mail being answered?",
        "Which table?",
        "Why?",
        "What did it cost the database?",
        "The backend processes",
        "tablewatch itself",
    ]
    assert ALL["panels"][0] is ROWS[0]


# --- the linter's rules -------------------------------------------------------------------------


def test_template_datasource_rule():
    assert [each["type"] for each in VARIABLES.values()].count("datasource") == 1
    datasource = VARIABLES["datasource"]
    assert datasource["type"] == "datasource"
    assert datasource["label"] == "Data source"
    assert datasource["query"] == "prometheus"


@pytest.mark.parametrize("name", ["job", "instance", "table"])
def test_template_job_rule_and_template_instance_rule(name):
    variable = VARIABLES[name]
    assert variable["type"] == "query"
    assert variable["datasource"] == DATASOURCE
    assert variable["label"] == name.title()
    assert variable["multi"] is True
    assert variable["includeAll"] is True
    assert variable["allValue"] == ".+"


@pytest.mark.parametrize("name", ["job", "instance", "table"])
def test_template_label_promql_rule(name):
    variable = VARIABLES[name]
    query = variable["query"]["query"]
    selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", query).groups()
    assert variable["definition"] == query
    assert label == name
    assert mistakes(selector) == []
    ((metric, _),) = selectors(selector)
    assert label in METRICS[metric] | {"job", "instance"}


@pytest.mark.parametrize("name", ["job", "instance", "table"])
def test_template_on_time_change_reload_rule(name):
    assert VARIABLES[name]["refresh"] == 2


@every_panel
def test_panel_datasource_rule(panel):
    assert panel["datasource"] == DATASOURCE
    assert all(each["datasource"] == DATASOURCE for each in panel["targets"])


@every_panel
def test_panel_title_description_rule(panel):
    assert panel["title"].strip()
    assert panel["description"].endswith(".")


@every_panel
def test_panel_units_rule(panel):
    units = [panel["fieldConfig"]["defaults"]["unit"]]
    units += [
        each["value"]
        for override in panel["fieldConfig"]["overrides"]
        for each in override["properties"]
        if each["id"] == "unit"
    ]
    assert set(units) <= UNITS


@every_panel
def test_panel_no_targets_rule(panel):
    assert panel["targets"]
    assert all(each["expr"].strip() for each in panel["targets"])


@every_query
def test_target_job_rule_and_target_instance_rule(query):
    assert selectors(query.expr)
    for name, _ in selectors(query.expr):
        chosen = ', table=~"$table"' if "table" in METRICS[name] else ""
        by_variables = f'{name}{{job=~"$job", instance=~"$instance"{chosen}'
        assert by_variables in query.expr


@every_query
def test_target_rate_interval_rule(query):
    for function, span in re.findall(r"(\w+)\([^()]*\[([^\]]+)\]\)", query.expr):
        assert function in ("rate", "increase")
        assert function != "rate" or span == "$__rate_interval"


@every_query
def test_target_counter_agg_rule(query):
    for name, _ in selectors(query.expr):
        if name.endswith("_total"):
            used = re.findall(rf"(\w+)\({name}{{[^}}]*}}\[", query.expr)
            assert len(used) == query.expr.count(name + "{")
            assert set(used) <= {"rate", "irate", "increase"}


def test_uneditable_rule():
    assert ALL["editable"] is False


# --- the queries --------------------------------------------------------------------------------


@every_query
def test_each_query_asks_for_what_there_is(query):
    assert mistakes(query.expr) == []


@every_panel
def test_what_a_legend_shows_is_left_by_the_query(panel):
    for target in panel["targets"]:
        shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        kept = re.findall(r"\bby \(([^)]*)\)", target["expr"])
        assert all(shown <= set(re.findall(r"\w+", each)) for each in kept)
        assert kept or not shown


@every_panel
def test_what_a_table_renames_is_there_to_be_renamed(panel):
    if panel["type"] != "table":
        return
    merge, organize = panel["transformations"]
    assert merge["id"] == "merge"
    assert organize["id"] == "organize"
    assert all(each["instant"] and each["format"] == "table" for each in panel["targets"])
    labels = {"Time"}
    for target in panel["targets"]:
        labels |= set(re.findall(r"\w+", re.search(r"by \(([^)]*)\)", target["expr"])[1]))
    columns = labels | {f"Value #{each['refId']}" for each in panel["targets"]}
    options = organize["options"]
    assert set(options["renameByName"]) | set(options["excludeByName"]) == columns - {"le"}
    assert set(options["indexByName"]) == set(options["renameByName"])
    shown = set(options["renameByName"].values())
    assert {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]} <= shown


def test_what_may_be_empty_are_queries_there_are():
    assert set(MAY_BE_EMPTY) <= {(each.where, each.ref) for each in templates()}


def test_no_variable_is_left_after_they_are_replaced():
    assert [each.expr for each in queries() if "$" in each.expr] == []


def series():
    """Give a series for each metric with each word its labels can have, all of them counting up."""
    words = {label: sorted(each) for label, each in WORDS.items()}
    words["le"] = [*map(str, LATENCY_BUCKETS), "+Inf"]
    for name, labels in METRICS.items():
        for values in itertools.product(*(words.get(each, ["creds"]) for each in sorted(labels))):
            given = dict(zip(sorted(labels), values, strict=True))
            target = {"job": "tablewatch", "instance": "mx1:10099"}
            shown = ", ".join(f'{key}="{value}"' for key, value in {**target, **given}.items())
            yield {"series": f"{name}{{{shown}}}", "values": "1+1x20"}


def outcome(tmp_path, asked, found):
    """Have promtool put `asked` to Prometheus with every series there is; expect `found` of each.

    Each query is made an alert that fires if it has an answer.
    """
    rules = [
        {"alert": f"Q{number}", "expr": f"count({query.expr}) > 0"}
        for number, query in enumerate(asked)
    ]
    (tmp_path / "rules.yml").write_text(
        json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8"
    )
    expected = [
        {
            "eval_time": "90s",
            "alertname": f"Q{number}",
            "exp_alerts": [{"exp_labels": {}}] if found else [],
        }
        for number, _ in enumerate(asked)
    ]
    test = {"interval": "15s", "input_series": list(series()), "alert_rule_test": expected}
    whole = {"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": [test]}
    (tmp_path / "test.yml").write_text(json.dumps(whole), encoding="utf-8")
    status, said = promtool("test", "rules", tmp_path / "test.yml")
    silent = [asked[int(number)] for number in re.findall(r"alertname: Q(\d+)", said)]
    return status, silent or said


def test_prometheus_understands_every_query_and_has_an_answer_to_it(tmp_path):
    status, said = outcome(tmp_path, list(queries()), found=True)
    assert status == 0, said


def test_of_another_table_no_query_about_tables_has_an_answer(tmp_path):
    asked = [each for each in queries(table="other") if "table=~" in each.expr]
    assert len(asked) > 50
    status, said = outcome(tmp_path, asked, found=False)
    assert status == 0, said
