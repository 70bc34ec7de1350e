"""The drawings."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from .chart import WIDTH, Mark, Panel, chart, columns, lines, steps

SPACE = "{http://www.w3.org/2000/svg}"


def drawn(panel: Panel) -> ET.Element:
    marks = [Mark(60, 90, 0, (0, 1), "a <fault>"), Mark(100, 100, 1, (1,), "another")]
    return ET.fromstring(chart("A & B", [("one", "l0")], [panel], ["x", "y"], marks, 600))


def test_lines_are_within_the_drawing() -> None:
    series = [[(0.0, 0.0), (300.0, 10.0), (600.0, 5.0)], [(0.0, 3.0), (600.0, 3.0)]]
    (first, _) = drawn(Panel("imsg", lines(series), 10, [(60, 90)])).iter(f"{SPACE}polyline")
    places = [tuple(map(float, each.split(","))) for each in first.attrib["points"].split()]
    assert len(places) == 3
    assert all(0 <= x <= WIDTH for x, _ in places)
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert places[1][1] < places[2][1] < places[0][1]  # the larger, the higher


def test_columns_stand_on_each_other() -> None:
    root = drawn(Panel("imsg", columns([[1.0, 0.0], [2.0, 3.0]], 300), 4, []))
    first, second = (
        each.attrib["d"] for each in root.iter(f"{SPACE}path") if "f" in each.attrib["class"][:1]
    )
    assert first.count("M") == 1
    assert second.count("M") == 2
    top = first.split("V")[1].split("H")[0]
    assert f" {top}V" in second


def test_faults_are_marked_and_named() -> None:
    root = drawn(Panel("imsg", lines([]), 1, []))
    marks = [each for each in root.iter(f"{SPACE}rect") if each.get("class") == "mark"]
    assert [each.findtext(f"{SPACE}title") for each in marks] == ["a <fault>", "another"]
    assert all(float(each.attrib["width"]) >= 1 for each in marks)


@pytest.mark.parametrize("highest", [0.3, 1, 7, 44.5, 600, 12_345])
def test_steps_are_few_and_reach_as_far_as_is_needed(highest: float) -> None:
    found = steps(highest)
    assert found[0] == 0
    assert found[-1] >= highest
    assert 2 <= len(found) <= 7
