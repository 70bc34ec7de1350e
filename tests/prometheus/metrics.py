"""Which metrics there are, with which labels, and which of them a PromQL expression uses."""

import re

from tablewatch.daemon.families import HOST, REPORTS, STATUSES

# What Prometheus adds to every series that it scrapes.
TARGET = {"job", "instance"}

_OF_TABLES = {each.name: {"table", *each.labels} for each in (*REPORTS, *STATUSES)}
_OF_THE_HOST = {each.name: set(each.labels) for each in HOST}
_OF_THE_DAEMON = {
    "up": set(),  # Prometheus' own
    "tablewatch_build_info": {"version", "python_version"},
    "tablewatch_daemon_collect_duration_seconds": set(),
    "tablewatch_daemon_collect_failures_total": set(),
    "tablewatch_daemon_http_requests_total": {"path", "code"},
    "process_cpu_seconds_total": set(),
    "process_resident_memory_bytes": set(),
    "process_open_fds": set(),
    "process_start_time_seconds": set(),
}
_HISTOGRAM = "tablewatch_request_duration_seconds"

METRICS = {
    **_OF_TABLES,
    **_OF_THE_HOST,
    **_OF_THE_DAEMON,
    f"{_HISTOGRAM}_bucket": {*_OF_TABLES[_HISTOGRAM], "le"},
    f"{_HISTOGRAM}_count": _OF_TABLES[_HISTOGRAM],
    f"{_HISTOGRAM}_sum": _OF_TABLES[_HISTOGRAM],
}
del METRICS[_HISTOGRAM]

_STRING = re.compile(r'"[^"]*"')
_METRIC = re.compile(r"\b(?:up|(?:tablewatch|process)_\w+)\b(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


def selectors(expression):
    """Return each metric of an expression with the labels it is selected by."""
    bare = _STRING.sub('""', expression)
    return [
        (match[0].partition("{")[0], set(_MATCHER.findall(match[1] or "")))
        for match in _METRIC.finditer(bare)
    ]


def groupings(expression):
    """Return every label that an expression groups or matches by."""
    bare = _STRING.sub('""', expression)
    return {
        label.strip() for match in _GROUPING.finditer(bare) for label in match[1].split(",")
    } - {""}


def mistakes(expression):
    """Return what an expression names that does not exist."""
    used = selectors(expression)
    found = [f"no metric {name}" for name, _ in used if name not in METRICS]
    found += [
        f"{name} has no label {label}"
        for name, labels in used
        for label in labels - METRICS.get(name, labels) - TARGET
    ]
    known = TARGET.union(*(METRICS.get(name, set()) for name, _ in used))
    return found + [f"nothing here has a label {label}" for label in groupings(expression) - known]
