"""docs/metrics.md: it lists what a scrape shows, and nothing else."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.daemon.scraped import OPENMETRICS, Scraped, busy
from tests.support.statuses import host, report

from tablewatch.config.daemon_settings import DaemonSettings
from tablewatch.daemon.exposition import Metrics
from tablewatch.daemon.labels import WORDS

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\| (.+) \|$", re.MULTILINE)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What a kind of metric adds to its name, and to its labels.
SUFFIXES = re.compile("(_bucket|_count|_sum)$")


def documented():
    rows = {
        name: (kind, set(re.findall(r"`(\w+)`", labels)), meaning)
        for name, kind, labels, meaning in ROW.findall(PAGE)
    }
    assert len(rows) == len(ROW.findall(PAGE)), "a metric is listed twice"
    return rows


def rendered():
    """Name to kind, labels and meaning, as OpenMetrics tells them."""
    metrics = Metrics(lambda seconds: host(report(busy())))
    metrics.count_request("/metrics", 200)
    found = {}
    for family in Scraped(metrics.render(OPENMETRICS, 1.0)[0], openmetrics=True).families:
        names = {
            SUFFIXES.sub("", each.name) if family.type == "histogram" else each.name
            for each in family.samples
        }
        (name,) = names
        labels = {label for each in family.samples for label in each.labels}
        found[name] = (family.type, labels - {"le"}, family.documentation)
    return found


def test_every_metric_is_listed_with_its_type_labels_and_meaning():
    listed, found = documented(), rendered()
    # A system without a limit of open files has no such metric.
    found.setdefault("process_max_fds", listed["process_max_fds"])
    assert listed == found


def test_every_word_of_a_label_is_listed():
    listed = {
        label: set(re.findall(r"`([\w-]+)`", words))
        for label, words in re.findall(r"^\| `(\w+)` \| (`[^|]+) \|$", PAGE, re.MULTILINE)
    }
    assert listed == {label: set(words) for label, words in WORDS.items()}


def test_every_metric_named_in_passing_exists():
    names = documented()
    passing = set(re.findall(r"\b(?:tablewatch|process)_\w+", PAGE))
    assert {SUFFIXES.sub("", each) for each in passing} == set(names)


def test_every_setting_named_is_one():
    named = set(re.findall(r"`daemon\.(\w+)`", PAGE))
    assert named
    assert named <= set(DaemonSettings.__dataclass_fields__)


def test_the_address_is_the_default_one():
    addresses = set(re.findall(r"127\.0\.0\.1:\d+", PAGE))
    assert addresses == set(DaemonSettings().listen)


def test_prometheus_takes_the_configuration(tmp_path):
    (block,) = blocks("yaml")
    path = tmp_path / "prometheus.yml"
    path.write_text(block)
    promtool("check", "config", "--syntax-only", str(path))


def test_prometheus_takes_the_expressions(tmp_path):
    rules = ["groups:", "- name: docs", "  rules:"]
    for number, block in enumerate(blocks("promql")):
        rules += [f"  - record: docs:expression:{number}", "    expr: |2"]
        rules += [f"      {line}" for line in block.splitlines()]
    path = tmp_path / "rules.yml"
    path.write_text("\n".join(rules) + "\n")
    promtool("check", "rules", str(path))


def blocks(language):
    found = [text for kind, text in BLOCK.findall(PAGE) if kind == language]
    assert found
    return found


def promtool(*arguments):
    program = shutil.which("promtool")
    if program is None:
        lacking = "promtool (Debian package prometheus) is missing"
        pytest.fail(lacking) if os.environ.get("CI") else pytest.skip(lacking)
    told = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
