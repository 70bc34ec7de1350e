"""What the API says, and that docs/api.md tells it field by field."""

import json
import re
import types
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import pytest
from tests.support import statuses

from tablewatch.control.incident import Kept
from tablewatch.control.incident_summary import Summary
from tablewatch.control.records import from_plain
from tablewatch.control.status import LATENCY_BUCKETS, HostStatus, TableReport
from tablewatch.daemon.web import api, routes
from tablewatch.daemon.web.web_config import load

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")

WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}
# What is in the JSON beyond the records.
DERIVED = {HostStatus: [("level", "text")], TableReport: [("condition", "Condition")]}


def in_words(hint):
    if hint in WORDS:
        return WORDS[hint]
    if isinstance(hint, types.UnionType):
        inner, none = get_args(hint)
        assert none is types.NoneType
        return f"{in_words(inner)} or null"
    if get_origin(hint) in (list, dict):
        inner = in_words(get_args(hint)[-1])
        several = f"{inner}s" if inner in WORDS.values() else inner
        return f"{'list' if get_origin(hint) is list else 'object'} of {several}"
    return hint.__name__


def records(root):
    """Yield `root` and every record in it."""
    hints = get_type_hints(root)
    yield root
    for each in fields(root):
        stack = [hints[each.name]]
        while stack:
            hint = stack.pop()
            stack += get_args(hint)
            if is_dataclass(hint):
                yield from records(hint)


RECORDS = {each.__name__: each for root in (HostStatus, Summary, Kept) for each in records(root)}


def told(name):
    section = PAGE.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
    return re.findall(r"^\| `(\w+)` \| ([^|]*) \|", section, re.M)


@pytest.mark.parametrize("name", RECORDS)
def test_each_record_is_told_field_by_field(name):
    record = RECORDS[name]
    hints = get_type_hints(record)
    expected = [(each.name, in_words(hints[each.name])) for each in fields(record)]
    assert told(name) == DERIVED.get(record, []) + expected


def test_no_record_is_told_of_that_does_not_exist():
    assert set(re.findall(r"^### (\w+)$", PAGE, re.M)) == set(RECORDS)


def test_the_buckets_are_told():
    assert f"within {', '.join(f'{each:g}' for each in LATENCY_BUCKETS)} s and" in PAGE


def test_every_path_is_told():
    site = routes.Site(ask=None, metrics=None, ready=None, incidents=None, timeout=1.0)
    paths = re.findall(r"^\| `(/[^`]*)` \|", PAGE, re.M)
    assert [site.label(each) for each in paths] == paths
    assert len(paths) == len(site._routes)


def test_the_web_configuration_in_the_text_is_understood(tmp_path):
    example = re.search(r"(    tls_server_config:\n(?:    .*\n)+)", PAGE)[1]
    text = re.sub("^    ", "", example, flags=re.M).replace("$2y$10$...", "$2y$10$" + "x" * 53)
    path = tmp_path / "web.yml"
    path.write_text(text)
    path.chmod(0o600)
    config = load(str(path))
    assert config.tls.min_version == "TLS12"
    assert list(config.users) == ["prometheus"]


def test_what_is_written_is_what_is_known():
    line = api.encode(statuses.everything())
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert from_plain(HostStatus, json.loads(line)) == statuses.everything()


def test_levels_and_conditions_are_worked_out():
    data = json.loads(api.encode(statuses.everything()))
    assert data["level"] == "critical"
    assert [each["condition"]["level"] for each in data["tables"]] == [
        "ok", "warning", "critical", "unknown",
    ]  # fmt: skip
    assert data["tables"][3]["status"] is None


def test_of_one_table_the_level_is_its_own():
    data = json.loads(api.encode(statuses.everything(), ["creds"]))
    assert (data["level"], len(data["tables"])) == ("warning", 1)


def test_without_tables_nothing_is_known():
    assert json.loads(api.encode(statuses.host()))["level"] == "unknown"


def test_every_field_that_is_told_of_is_there():
    data = json.loads(api.encode(statuses.everything()))
    assert list(data) == [name for name, _ in told("HostStatus")]
    assert list(data["tables"][0]) == [name for name, _ in told("TableReport")]
    assert list(data["tables"][0]["status"]) == [name for name, _ in told("TableStatus")]
