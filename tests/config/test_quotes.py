from hypothesis import given
from hypothesis import strategies as st

from tablewatch.config.quotes import bare, nearest, shown


@given(st.text())
def test_text_in_messages_is_short_and_printable_anywhere(text):
    for said in (shown(text), bare(text)):
        assert said.isascii()
        assert said.isprintable() or said == ""
        assert len(said) <= 62


def test_only_something_similar_is_near():
    assert nearest("dedline", ["deadline", "burst"]) == "deadline"
    assert nearest("x", ["deadline", "burst"]) == ""
