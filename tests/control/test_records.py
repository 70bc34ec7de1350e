"""Records and JSON values: the same there and back, and nothing is taken on trust."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.views import of
from tests.support.statuses import everything, well

from tablewatch.control.entries import QuarantineEntry
from tablewatch.control.incident import Kept
from tablewatch.control.records import MAX_ITEMS, MAX_TEXT, from_plain, to_plain
from tablewatch.control.status import HostStatus, TableStatus
from tablewatch.errors import ControlError
from tablewatch.record import Record, field, names_of


class Inner(Record):
    number: float
    names: list[str] = field(default_factory=list)


class Outer(Record):
    inner: Inner
    count: int = 0
    flag: bool = False
    perhaps: float | None = None
    text: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    by_name: dict[str, Inner] = field(default_factory=dict)
    many: list[Inner] = field(default_factory=list)


WHOLE = Outer(Inner(1.5, ["a"]), 3, True, 0.5, "x", {"a": 1}, {"b": Inner(2.0)}, [Inner(3.0)])


def test_everything_comes_back_as_it_was():
    assert from_plain(Outer, to_plain(WHOLE)) == WHOLE


def test_a_hosts_status_survives_json():
    status = everything()
    assert from_plain(HostStatus, json.loads(json.dumps(to_plain(status)))) == status


def by_reflection(value):
    """What to_plain() gives, found out anew for each value."""
    if isinstance(value, Record):
        return {name: by_reflection(getattr(value, name)) for name in names_of(type(value))}
    if isinstance(value, list):
        return [by_reflection(each) for each in value]
    if isinstance(value, dict):
        return {key: by_reflection(each) for key, each in value.items()}
    return value


@given(st.one_of(*map(of, (Outer, HostStatus, Kept, QuarantineEntry))))
@settings(max_examples=50)
def test_any_record_is_told_as_looking_through_it_would(record):
    plain = to_plain(record)
    assert plain == by_reflection(record)
    assert list(plain) == list(by_reflection(record))
    assert from_plain(type(record), json.loads(json.dumps(plain))) == record
    assert to_plain([record]) == [plain]


def test_what_was_told_does_not_change_with_what_it_was_told_of():
    record = Outer(Inner(1.0, ["a"]), counts={"a": 1}, many=[Inner(2.0)])
    plain = to_plain(record)
    record.inner.names.append("b")
    record.counts["b"] = 2
    record.many.append(Inner(3.0))
    assert plain == to_plain(Outer(Inner(1.0, ["a"]), counts={"a": 1}, many=[Inner(2.0)]))


def test_every_sample_is_written_without_what_only_python_knows():
    text = json.dumps(to_plain(everything()), allow_nan=False)
    assert '"table": "aliases"' in text


def test_what_is_unknown_is_ignored():
    plain = {"inner": {"number": 1, "later": [1]}, "later": {"x": None}}
    assert from_plain(Outer, plain) == Outer(Inner(1.0))


def test_what_is_missing_takes_its_default():
    assert from_plain(Outer, {"inner": {"number": 0.5}}) == Outer(Inner(0.5))


def test_what_has_no_default_may_not_be_missing():
    with pytest.raises(ControlError, match=r"^Outer\.inner\.number is missing$"):
        from_plain(Outer, {"inner": {}})


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"inner": None}, "Outer.inner is no object"),
        ({"inner": [1]}, "Outer.inner is no object"),
        ({"inner": {"number": "1"}}, "Outer.inner.number is no float"),
        ({"inner": {"number": True}}, "Outer.inner.number is no float"),
        ({"inner": {"number": 1 << 63}}, "Outer.inner.number is no float"),
        ({"inner": {"number": float("nan")}}, "Outer.inner.number is not finite"),
        ({"inner": {"number": float("inf")}}, "Outer.inner.number is not finite"),
        ({"count": 1.0}, "Outer.count is no int"),
        ({"count": True}, "Outer.count is no int"),
        ({"count": None}, "Outer.count is no int"),
        ({"count": 1 << 63}, "Outer.count is too large"),
        ({"count": -(1 << 63)}, "Outer.count is too large"),
        ({"flag": 1}, "Outer.flag is no bool"),
        ({"perhaps": "x"}, "Outer.perhaps is no float"),
        ({"text": 5}, "Outer.text is no str"),
        ({"text": "x" * (MAX_TEXT + 1)}, f"Outer.text has more than {MAX_TEXT} characters"),
        ({"counts": [1]}, "Outer.counts is no object"),
        ({"counts": {"a": "b"}}, "Outer.counts.a is no int"),
        ({"counts": {"a" * 4001: 1}}, f"Outer.counts has more than {MAX_TEXT} characters"),
        ({"counts": {str(n): n for n in range(MAX_ITEMS + 1)}}, "Outer.counts has more than"),
        ({"by_name": {"b": 1}}, "Outer.by_name.b is no object"),
        ({"many": {"0": 1}}, "Outer.many is no list"),
        ({"many": [{}]}, "Outer.many.number is missing"),
        ({"many": [{"number": 1}] * (MAX_ITEMS + 1)}, "Outer.many has more than"),
    ],
)
def test_what_is_of_another_kind_is_refused_by_name(change, wrong):
    with pytest.raises(ControlError) as caught:
        from_plain(Outer, {**to_plain(WHOLE), **change})
    assert str(caught.value).startswith(wrong)


@pytest.mark.parametrize("value", [None, 1, "x", [], [{}]])
def test_what_is_no_object_is_no_record(value):
    with pytest.raises(ControlError, match="TableStatus is no object"):
        from_plain(TableStatus, value)


def test_a_whole_number_is_a_float_where_one_is_wanted():
    plain = to_plain(well(age=5.0)) | {"age": 5}
    assert from_plain(TableStatus, plain).age == 5.0


def test_a_long_name_does_not_make_a_long_message():
    with pytest.raises(ControlError) as caught:
        from_plain(Outer, {**to_plain(WHOLE), "counts": {"a" * 3000: "b"}})
    assert len(str(caught.value)) < 100
