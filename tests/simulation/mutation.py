"""Deliberate bugs: a piece of the source of one function replaced while a simulation runs."""

import __future__

import contextlib
import importlib
import inspect
import textwrap
from typing import NamedTuple

from tests.simulation.many import broken
from tests.simulation.plots import script_of


class Mutant(NamedTuple):
    """`sentence`: what is wrong with it. `place`: module:function, below ``tablewatch``.

    `old` stands in the function's source exactly once and becomes `new`.
    """

    sentence: str
    place: str
    old: str
    new: str


@contextlib.contextmanager
def applied(mutant):
    """Have the bug in the code meanwhile. ValueError where the source has changed."""
    function = _function(mutant.place)
    source = textwrap.dedent(inspect.getsource(function))
    source = source[source.index("def ") :]  # without decorators
    if source.count(mutant.old) != 1:
        raise ValueError(f"{mutant.place} no longer has {mutant.old!r} once: write the mutant anew")
    source = source.replace(mutant.old, mutant.new)
    future = __future__.annotations.compiler_flag
    made = dict(function.__globals__)
    exec(compile(source, f"<{mutant.sentence}>", "exec", flags=future, dont_inherit=True), made)
    sound = function.__code__
    function.__code__ = made[function.__name__].__code__
    try:
        yield
    finally:
        function.__code__ = sound


def finds(mutant, seed):
    """Return what the simulation says to the mutant with this seed; empty if it notices nothing."""
    with applied(mutant):
        return broken(script_of(seed), compare="question" in mutant.sentence)


def _function(place):
    module, _, path = place.partition(":")
    thing = importlib.import_module(f"tablewatch.{module}")
    for name in path.split("."):
        thing = inspect.getattr_static(thing, name)
    if isinstance(thing, property):
        thing = thing.fget
    return getattr(thing, "__func__", thing)
