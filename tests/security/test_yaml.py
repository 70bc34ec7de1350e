"""Anchors that grow when they are followed (the "billion laughs") are not followed."""

import pytest

from tablewatch.config import pattern_reader, reader
from tablewatch.errors import ConfigError

DEEP = 18  # at nine to the power of that, to follow them all would take for ever


def bomb(text, *, groups):
    lines = ["x0: &x0 " + ("{a: b}" if groups else "[a, b]")]
    for level in range(1, DEEP):
        below = [f"*x{level - 1}"] * 9
        keys = ", ".join(f"k{number}: {each}" for number, each in enumerate(below))
        written = f"{{{keys}}}" if groups else f"[{', '.join(below)}]"
        lines.append(f"x{level}: &x{level} {written}")
    return "\n".join([*lines, text.format(f"*x{DEEP - 1}")]) + "\n"


@pytest.mark.parametrize("groups", [False, True])
@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (reader.parse, "backend_path: {}"),
        (reader.parse, "daemon: {{listen: {}}}"),
        (reader.parse, "defaults: {{services: {}}}"),
        (reader.parse, "defaults: {{quarantine: {}}}"),
        (reader.parse, "tables: {}"),
        (reader.parse, "tables: {{creds: {}}}"),
        (pattern_reader.parse, "patterns: {}"),
        (pattern_reader.parse, "patterns: {{a: {{line: {}}}}}"),
        (pattern_reader.parse, "patterns: {{a: {{steps: {}}}}}"),
    ],
)
def test_anchors_within_anchors_are_a_mistake_like_any_other(parse, text, groups):
    with pytest.raises(ConfigError) as caught:
        parse(bomb(text, groups=groups), "/etc/tablewatch.yml")
    assert 1 < len(caught.value.problems) < 200
