import pytest
import yaml

from tablewatch.config.syntax import compose
from tablewatch.errors import ConfigError


def problem(text):
    with pytest.raises(ConfigError) as error:
        compose(text, "/x.yml")
    (found,) = error.value.problems
    return found


@pytest.mark.parametrize(
    ("text", "line", "meaning"),
    [
        ("a: 1\nb: c: d\n", 2, "column 5: a second ':' in one line"),
        ("defaults:\n\tdeadline: 5s\n", 2, "column 1: a tab stands here"),
        ("defaults:\n  deadline:\t5s\n  restart:\n  \tburst: 3\n", 2, "column 12: a tab"),
        ("defaults:\n  deadline: 5s\n \trestart:\n", 3, "a tab stands"),
        ('a: 1\nb: "abc\nc: 1\n', 2, "column 4: a quote is opened here"),
        ("a: 1\nb: [1, 2\nc: 3\n", 2, "column 4: a bracket is opened here"),
        ("a: {b: 1\n", 1, "column 4: a bracket is opened here"),
        ("a:\n  b: 5s\n c:\n", 3, "column 2: this line is indented like no line above"),
        ("a: *x\n", 1, "column 4: no anchor of this name"),
        ("a: &x 1\nb: &x 2\n", 2, "column 4: a second anchor of this name"),
        ("a: 1\n---\nb: 2\n", 2, "a second '---'"),
        ("a:\n  b 5\n  c: 1\n", 3, "a ':' missing in the line above"),
        ("a: 1\nb\nc: 1\n", 2, "no ':' behind its key"),
        ("&a &b x\n", 1, "this can't stand where a key begins"),
        ("a: 1\nb\n", 2, "no ':' behind its key"),
        ("a: @x\n", 1, "column 4: a value can't begin like this"),
        ('a: "\\q"\n', 1, "column 6: an unknown \\ code"),
        ("a: 1\nb: \x01\n", 2, "an invisible character (U+0001); remove it"),
    ],
)
def test_a_mistake_is_placed_and_put_in_plain_words(text, line, meaning):
    found = problem(text)
    assert found.file == "/x.yml"
    assert found.line == line
    assert meaning in found.message


@pytest.mark.parametrize("text", ['a: "\\Uffffffff"\n', f"%YAML 1.{'1' * 5000}\n--- a\n"])
def test_what_pyyaml_stumbles_over_is_a_mistake_like_any_other(text):
    assert "not readable as YAML" in problem(text).message


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000])
def test_nesting_beyond_measure_is_refused(text):
    assert "nested far too deeply" in problem(text).message


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n..."])
def test_a_file_that_says_nothing_has_no_keys(text):
    root = compose(text, "/x.yml")
    assert root is None or root.tag == "tag:yaml.org,2002:null"


def test_nodes_know_their_lines():
    root = compose("a: 1\nb: 2\n", "/x.yml")
    assert isinstance(root, yaml.MappingNode)
    assert [key.start_mark.line for key, _ in root.value] == [0, 1]
