"""Records are what dataclasses would make of the same classes."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.record import Record, field, is_required, names_of, replace


class Point(Record):
    """Two numbers and what is said about them."""

    x: int
    y: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def total(self):
        return self.x + self.y


class Counted(Record, frozen=False):
    hits: int = 0


class Nothing(Record):
    pass


@dataclasses.dataclass(frozen=True, slots=True)
class Twin:
    x: int
    y: int = 0
    notes: list[str] = dataclasses.field(default_factory=list)


def made(kind, values, named):
    """What comes of making one: the values of its fields, or that it is refused."""
    try:
        one = kind(*values, **named)
    except TypeError:
        return None
    return [getattr(one, name) for name in ("x", "y", "notes")]


NAMES = st.sampled_from(["x", "y", "notes", "z"])


@given(st.lists(st.integers(), max_size=4), st.dictionaries(NAMES, st.integers()))
def test_it_takes_what_a_dataclass_takes(values, named):
    assert made(Point, values, named) == made(Twin, values, named)


@given(st.integers(), st.integers(), st.integers(), st.integers())
def test_those_with_equal_fields_are_equal(x, y, v, w):
    assert (Point(x, y) == Point(v, w)) == (Twin(x, y) == Twin(v, w))
    assert hash(Point(x, y, ())) == hash(Point(x, y, ()))


def test_one_is_not_equal_to_anything_else():
    assert Point(1) != Twin(1)
    assert Point(1) != (1, 0, [])
    assert Nothing() == Nothing()


def test_it_looks_like_what_makes_it():
    assert repr(Point(1, notes=["a"])) == "Point(x=1, y=0, notes=['a'])"
    assert eval(repr(Point(1, 2))) == Point(1, 2)


@pytest.mark.parametrize(
    ("values", "named", "said"),
    [
        ((), {}, "lacks x"),
        ((1,), {"x": 2}, "twice"),
        ((1, 2, [], 4), {}, "more than it has"),
        ((1,), {"z": 2}, "got z"),
    ],
)
def test_what_is_wrong_with_the_values_is_said(values, named, said):
    with pytest.raises(TypeError, match=rf"Point\(\).*{said}"):
        Point(*values, **named)


def test_a_default_that_can_be_changed_is_each_ones_own():
    one = Point(1)
    one.notes.append("a")
    assert Point(1).notes == []


def test_it_cannot_be_changed():
    with pytest.raises(AttributeError, match="a Point can't be changed: x"):
        Point(1).x = 2
    with pytest.raises(AttributeError, match="a Point can't be changed: x"):
        del Point(1).x


def test_it_can_be_changed_where_its_class_says_so():
    one = Counted()
    one.hits += 1
    assert one == Counted(1)
    with pytest.raises(AttributeError):
        one.hist = 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_one_like_another_differs_in_what_is_named():
    one = Point(1, 2, ["a"])
    assert replace(one, y=3) == Point(1, 3, ["a"])
    assert one == Point(1, 2, ["a"])
    with pytest.raises(TypeError, match="got z"):
        replace(one, z=3)


def test_its_class_tells_of_its_fields():
    assert names_of(Point) == ("x", "y", "notes")
    assert [is_required(Point, name) for name in names_of(Point)] == [True, False, False]
    assert names_of(Nothing) == ()
    assert get_type_hints(Point)["notes"] == list[str]


def test_it_matches_by_position():
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_it_has_no_dictionary():
    assert not hasattr(Point(1), "__dict__")
    assert Point(1, 2).total == 3


def test_a_copy_is_equal():
    one = Point(1, 2, ["a"])
    for other in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert other == one
    assert copy.deepcopy(one).notes is not one.notes


def test_dataclasses_takes_it_for_one_of_its_own():
    one = Point(1, notes=["a"])
    assert dataclasses.is_dataclass(one)
    assert dataclasses.asdict(one) == {"x": 1, "y": 0, "notes": ["a"]}
    assert dataclasses.replace(one, y=2) == Point(1, 2, ["a"])
    mine, its = dataclasses.fields(Point), dataclasses.fields(Twin)
    told = [[(f.name, f.default, f.default_factory) for f in each] for each in (mine, its)]
    assert told[0] == told[1]


def test_it_loads_no_dataclasses():
    code = (
        "import sys\nfrom tablewatch.record import Record, replace\n"
        "class A(Record):\n    x: int = 0\n"
        "assert replace(A(), x=1) == A(1)\nassert repr(A())\n"
        "sys.exit(bool({'dataclasses', 'inspect'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
