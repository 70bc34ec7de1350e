"""Targets: what is made of what a supervisor says, and of an incident's file."""

from __future__ import annotations

import atexit
import json
import math
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from tests.fuzz.target import Targets
from tests.fuzz.target import told as well_said
from tests.support.documents import HOSTILE, Document
from tests.support.incidents import kept, told
from tests.support.statuses import everything, host, report, well

from tablewatch.cli import incident_view, status_view
from tablewatch.cli.check.judgement import judge
from tablewatch.cli.check.options import Options
from tablewatch.cli.check.wording import details, output, summary
from tablewatch.cli.paper import Paper
from tablewatch.control.entries import QuarantineEntry
from tablewatch.control.incident import Kept
from tablewatch.control.incident_summary import summary as brief
from tablewatch.control.records import MAX_TEXT, from_plain, to_plain
from tablewatch.control.status import HostStatus, TableStatus
from tablewatch.control.wire import decode, encode
from tablewatch.daemon.exposition import Metrics
from tablewatch.daemon.incident_files import IncidentFiles
from tablewatch.daemon.web import api, incident_pages, page
from tablewatch.errors import ControlError

VIEWS = Targets()

LARGEST = (1 << 63) - 1
numbers = st.floats(allow_nan=False, allow_infinity=False, max_value=2.0**62, min_value=-(2.0**62))
texts = st.text(max_size=20) | st.sampled_from(
    ["\udcff", "\x00", "\x1b[2J", "x" * MAX_TEXT, HOSTILE, "critical", "active", "lookup"]
)


def of(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of a field with this type hint."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return st.one_of(*(st.none() if each is NoneType else of(each) for each in arguments))
    if origin is list:
        return st.lists(of(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(texts, of(arguments[1]), max_size=3)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{each.name: of(hints[each.name]) for each in fields(hint)})
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: texts,
        int: st.integers(-LARGEST, LARGEST),
        float: numbers,
        bool: st.booleans(),
    }
    return simple[hint]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a JSON value, as a container and a key or index."""
    if isinstance(value, dict | list):
        for at in value if isinstance(value, dict) else range(len(value)):
            yield value, at
            yield from places(value[at])


@st.composite
def spoilt(draw: st.DrawFn, record: object) -> bytes:
    """Return a record as JSON has it, with a few values replaced or missing."""
    plain = json.loads(json.dumps(to_plain(record)))
    for _ in range(draw(st.integers(0, 3))):
        container, at = draw(st.sampled_from(list(places(plain))))
        if draw(st.booleans()) or isinstance(container, list):
            container[at] = draw(json_values)
        else:
            del container[at]
        if not list(places(plain)):
            break
    return json.dumps(plain).encode()


def near(record: type, example: object) -> st.SearchStrategy[bytes]:
    """Return JSON that is nearly a record."""
    anything = of(record).map(lambda made: json.dumps(to_plain(made)).encode())
    return spoilt(example) | anything | json_values.map(lambda value: json.dumps(value).encode())


def words(record: type) -> list[bytes]:
    """Return the names of all fields of a record and of those in it, and some values."""
    found: dict[bytes, None] = dict.fromkeys(
        [
            b":",
            b",",
            b"null",
            b"true",
            b"1e300",
            b"-1",
            b'""',
            b"{}",
            b"[]",
            b'"\\udcff"',
            b'"critical"',
        ]
    )
    for name, hint in get_type_hints(record).items():
        found[f'"{name}":'.encode()] = None
        for each in (hint, *get_args(hint)):
            if is_dataclass(each):
                found.update(dict.fromkeys(words(each)))  # type: ignore[arg-type]
    return list(found)


def finite(value: object) -> bool:
    """Tell whether every number in a JSON value is one."""
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


@VIEWS("records", near(HostStatus, everything()), words(HostStatus))
def records(data: bytes) -> None:
    """Whatever JSON comes, each kind of record is made of it or a ControlError says which field is
    wrong; a record that is made can be written, and is read as the same.
    """
    for record in (HostStatus, TableStatus, QuarantineEntry, Kept):
        try:
            made = from_plain(record, decode(data))
        except ControlError as error:
            well_said(error)
            continue
        line = encode(to_plain(made))
        assert line.count(b"\n") == 1
        assert finite(decode(line))
        assert from_plain(record, decode(line)) == made


def on_terminal(lines: list[str]) -> None:
    """Assert that lines can be shown on a terminal."""
    for line in lines:
        assert all(each.isprintable() for each in line.split("\n")), line


def safe(text: str, known: set[str]) -> None:
    """Assert that a page is proper, and has no elements but those it always has."""
    document = Document(text)
    assert {name for name, _ in document.elements} <= known
    for name, attributes in document.elements:
        assert not any(key.startswith("on") for key in attributes)
        if name == "a":
            assert re.match(r"[./#?]|[a-z0-9]+(/|\?|$)|https?://", attributes["href"]), attributes
    text.encode()


ELEMENTS = {
    *("html", "head", "meta", "title", "style", "link", "body", "header", "main", "footer", "div"),
    *(
        "h1",
        "h2",
        "h3",
        "p",
        "span",
        "strong",
        "a",
        "section",
        "article",
        "table",
        "thead",
        "tbody",
    ),
    *("tr", "th", "td", "dl", "dt", "dd", "ul", "ol", "li", "pre", "code", "details", "summary"),
    *("svg", "rect", "nav", "time", "em", "small", "caption", "g", "text"),
}


@VIEWS("views", near(TableStatus, well()), words(TableStatus))
def views(data: bytes) -> None:
    """Whatever a supervisor says of its table, every view can be made of it: the page has no markup
    of its making, metrics are what a parser of theirs reads, the terminal and Nagios get printable
    lines only; the tables beside it are shown as ever.
    """
    try:
        status = from_plain(TableStatus, decode(data))
    except ControlError:
        return
    if not status.table.isprintable() or not 0 < len(status.table) <= 256:
        return  # the hub refuses a supervisor of such a table
    both = host(report(well("honest")), report(status))
    assert both.level in ("ok", "warning", "critical", "unknown")
    safe(page.render(both, host="mx", incidents={}), ELEMENTS)
    safe(page.render(both, host="mx", table="honest", incidents={}), ELEMENTS)
    assert json.loads(api.encode(both))
    failures: list[Exception] = []
    body, _ = Metrics(lambda _: both, failures.append).render(None, 1.0)
    assert not failures, failures
    families = list(text_string_to_metric_families(body.decode()))
    assert any(each.labels.get("table") == "honest" for one in families for each in one.samples)
    on_terminal(status_view.lines(both, Paper(80)))
    judgement = judge(both, Options())
    said = output(judgement.state, summary(judgement), details(judgement, 2), judgement.perfdata)
    assert "\0" not in said
    on_terminal(said.splitlines())


_FOLDER = Path(tempfile.mkdtemp())
_FOLDER.chmod(0o755)
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_NAME = "k7f3-2"


@VIEWS(
    "incident-files",
    near(Kept, kept()) | st.binary(max_size=100),
    [*words(Kept), b'"k7f3-2"'],
)
def incident_files(data: bytes) -> None:
    """Whatever an incident's file holds, it is read or left alone with a reason, and the one beside
    it is read; every view of what was read can be made, and writing it gives the same.
    """
    beside = kept(told(3))
    (_FOLDER / f"{_NAME}.json").write_bytes(data)
    (_FOLDER / "k7f3-3.json").write_bytes(encode(to_plain(beside)))
    files = IncidentFiles(str(_FOLDER))
    with files.opened() as folder:
        found, strange = folder.read()
        assert found[-1] == beside
        assert len(found) + len(strange) == 2
        for why in strange:
            assert why.startswith(f"{_NAME}.json: left alone: ")
            assert len(why) < 1000
        if strange:
            return
        one = found[0]
        assert one.report.id == _NAME
        folder.write(_NAME, encode(to_plain(one)))
        assert folder.read() == (found, [])
    shown(one)


def shown(one: Kept) -> None:
    """Show an incident everywhere."""
    short = brief(one)
    safe(incident_pages.one(one, host="mx"), ELEMENTS)
    safe(incident_pages.every([short], host="mx"), ELEMENTS)
    assert json.loads(incident_pages.encode(one))
    for paper in (Paper(80), Paper()):
        on_terminal(incident_view.story(one, paper))
        on_terminal(incident_view.listing([short], paper))
