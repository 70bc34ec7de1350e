"""A time series as a line of the text that Prometheus scrapes.

The line is the same in the plain format and in OpenMetrics. prometheus_client could write it, as it
writes all else; but a host's tables have tens of thousands, whose names and labels are the same in
every scrape, and are put together only once here.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from prometheus_client.utils import floatToGoString

# Up to here Go writes a whole number as Python does, without an exponent.
_PLAIN = 1_000_000


# What stands before and after the value of one label in a line.
Around = tuple[str, str]


def around(metric: str, source: str, names: tuple[str, ...], values: tuple[str, ...]) -> Around:
    """Return what stands around the value of the label `source` in a series' line.

    The other labels are `names`, with `values`. Without a `source` all stands before.
    """
    pairs = sorted(zip(names, values, strict=True))
    before = [f'{name}="{escape(value)}"' for name, value in pairs if name < source]
    after = [f'{name}="{escape(value)}"' for name, value in pairs if name > source]
    if not source:
        labels = ",".join(after)
        return f"{metric}{{{labels}}} " if labels else f"{metric} ", ""
    start = ",".join([*before, f'{source}="'])
    return f"{metric}{{{start}", ",".join(['"', *after]) + "} "


def number(value: float) -> str:
    """Return a sample's value."""
    if type(value) is int and -_PLAIN < value < _PLAIN:
        return f"{value}.0"
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def escape(value: str) -> str:
    """Return a label's value as it stands between the quotation marks."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
