"""One line, letter by letter as prometheus_client writes it."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.utils import floatToGoString

from tablewatch.daemon.series import around, escape, number

NAMES = ("class", "kind", "operation", "verdict")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=10)
LABELS = st.dictionaries(st.sampled_from(NAMES), TEXTS)


def by_library(labels, value):
    """The one line of one series."""
    metric = GaugeMetricFamily("metric", "What.", labels=tuple(labels))
    metric.add_metric(tuple(labels.values()), value)

    class Collector:
        def collect(self):
            return [metric]

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    return generate_latest(registry).decode().split("\n", 2)[2]


@given(LABELS, TEXTS, st.integers() | st.floats(allow_nan=False))
def test_a_line_is_the_library_s(labels, table, value):
    before, after = around("metric", "table", tuple(labels), tuple(labels.values()))
    ours = f"{before}{escape(table)}{after}{number(float(value))}\n"
    assert ours == by_library({**labels, "table": table}, value)


@given(LABELS)
def test_so_is_one_of_no_table(labels):
    before, after = around("metric", "", tuple(labels), tuple(labels.values()))
    assert f"{before}{after}1.0\n" == by_library(labels, 1)


@given(st.integers(-(1 << 63), 1 << 63) | st.integers(-2_000_000, 2_000_000) | st.floats())
def test_a_number_is_written_as_go_writes_it(value):
    assert number(value) == floatToGoString(value)


def test_a_flag_is_a_number():
    assert (number(True), number(False)) == ("1.0", "0.0")
