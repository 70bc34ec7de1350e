from hypothesis import given
from hypothesis import strategies as st

from tablewatch.knowledge.starts import Starts

few_letters = st.text("ab", max_size=6)


def test_the_longest_start_is_found_however_many_others_stand_between():
    starts = Starts(["debug: ", "debug: connected", "debug: connected to", "warn: ", ""])
    assert starts.longest("debug: fetched") == "debug: "
    assert starts.longest("debug: connected!") == "debug: connected"
    assert starts.longest("nothing") == ""


def test_where_no_start_fits_there_is_none():
    assert Starts(["b", "c"]).longest("a") is None
    assert Starts(["b", "c"]).longest("d") is None
    assert Starts([]).all("x") == []


@given(st.lists(few_letters, max_size=12), few_letters)
def test_it_finds_what_looking_at_each_finds(starts, text):
    fitting = sorted({each for each in starts if text.startswith(each)}, key=len, reverse=True)
    assert Starts(starts).all(text) == fitting
    assert Starts(starts).longest(text) == (fitting[0] if fitting else None)
