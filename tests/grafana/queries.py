"""Every query of the dashboard, as Grafana would send it to Prometheus.

For a test that has a real Prometheus which scraped a real incident: run each, and demand an answer
of those that are not in MAY_BE_EMPTY. The incident: a table whose backend tells of its retries
serves good lookups, a poisoned key makes it loop, the key comes again and is refused.

Rates and increases above zero are only there while something happens: ask for a range
(``/api/v1/query_range``) that holds the whole incident, not for an instant after it; scrape at
least four times in `interval`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DASHBOARD = Path(__file__).parents[2] / "grafana" / "tablewatch.json"

_NOTHING_OF_IT = "nothing of the kind happens in a simple incident"
# (title of the panel or name of the annotation, refId) of what may rightly have no answer.
MAY_BE_EMPTY = {
    ("Late, broken or unfinished", "B"): _NOTHING_OF_IT,  # damage to the protocol
    ("Not done, or answered otherwise", "A"): "no table is in observe mode",
    ("Not done, or answered otherwise", "B"): "no service is listed in not_found",
    ("Not done, or answered otherwise", "C"): "no table is paused",
    ("Hits and evictions of the quarantine", "B"): _NOTHING_OF_IT,  # evictions
    ("Restarts of smtpd", ""): "smtpd was started more than two minutes before",
}


@dataclass(frozen=True, slots=True)
class Query:
    """One query; ``instant`` if Grafana asks for one moment instead of a range."""

    where: str  # title of the panel, or name of the annotation
    ref: str  # refId of the target, "" for an annotation
    expr: str
    instant: bool = False

    @property
    def may_be_empty(self) -> str:
        """Why it may have no answer in a simple incident, or ""."""
        return MAY_BE_EMPTY.get((self.where, self.ref), "")


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    read: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return read


def panels() -> list[dict[str, Any]]:
    """Return the panels that show something, in their order."""
    return [each for each in dashboard()["panels"] if each["type"] != "row"]


def templates() -> Iterator[Query]:
    """Give every query as it stands in the file, those of the annotations last."""
    for panel in panels():
        for target in panel["targets"]:
            instant = target.get("instant", False)
            yield Query(panel["title"], target["refId"], target["expr"], instant)
    for annotation in dashboard()["annotations"]["list"]:
        if "expr" in annotation:
            yield Query(annotation["name"], "", annotation["expr"])


def queries(
    job: str = ".+",
    instance: str = ".+",
    table: str = ".+",
    interval: str = "1m",
    span: str = "5m",
) -> Iterator[Query]:
    """Give every query with its variables replaced: regular expressions, and PromQL durations.

    `interval` is $__rate_interval, `span` the time range of the dashboard.
    """
    values = {
        "$__rate_interval": interval,
        "$__range": span,
        "$job": job,
        "$instance": instance,
        "$table": table,
    }
    for query in templates():
        expr = query.expr
        for name, value in values.items():
            expr = expr.replace(name, value)
        yield Query(query.where, query.ref, expr, query.instant)
