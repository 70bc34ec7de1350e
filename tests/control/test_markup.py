from hypothesis import given
from hypothesis import strategies as st

from tablewatch.control.markup import Html, clean, escape, join, tag


def test_text_is_escaped_and_markup_is_not():
    made = tag("p", "<b>", Html("<i>"), [None, ["&"]], title='"', hidden=True, lang=None, id=False)
    assert made == '<p title="&quot;" hidden>&lt;b&gt;<i>&amp;</p>'


def test_names_of_attributes_are_those_of_python():
    assert tag("meta", class_="a", http_equiv="b") == '<meta class="a" http-equiv="b">'


def test_shapes_are_closed():
    assert tag("rect", x=1) == '<rect x="1"/>'


def test_what_can_not_be_seen_is_written_out():
    assert clean("a\u202eb\x00\n") == "a\\u202eb\\x00\\n"
    assert clean("łukasz") == "łukasz"


@given(st.text())
def test_no_text_makes_markup(text):
    made = escape(text)
    assert not set(made) & set("<>\"'")
    assert made.isprintable()


@given(st.text())
def test_what_is_joined_is_escaped_once(text):
    assert join(escape(text)) == escape(text)
