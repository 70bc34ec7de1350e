"""Invariant: whatever bytes a configuration file holds, loading it gives a Config or a ConfigError.

Nothing else may be raised, because a supervisor reads the file before it can answer smtpd. A Config
has every value within its range and of its type; a ConfigError lists at least one and at most a
bounded number of problems, each in one printable line that names the file. Reading the same bytes
again gives the same.
"""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tablewatch.config import loader
from tablewatch.config.reader import MAX_PROBLEMS, parse
from tablewatch.config.schema import keys, value
from tablewatch.config.settings import Config, TableSettings
from tablewatch.config.values import Count, Duration, Probe, Several, Share, Size, Word
from tablewatch.errors import ConfigError

WORDS = [
    *(name for key, _ in keys(Config) for name in key.split(".")),
    *("tables", "creds", "deadlin", "<<", "&a", "*a", "!!binary", "!x", "%YAML 1.1", "---", "..."),
    *("20%", "512M", "1%", "enforce", "throttle", "credentials a@example.org", "not_found"),
    *("5s", "5", "0", "1h30m", "yes", "no", "~", "", "/usr/lib", "auth", "alias", "1e999", "0x1f"),
    *(
        ":",
        ": ",
        "- ",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "#",
        '"',
        "'",
        "|",
        ">",
        "\\u0000",
        "@",
        "`",
    ),
    *("\n", "\n  ", "\n    ", "\t", "\r\n", "\x85", "\u2028", "\ufeff", "\x00", "ż", "😀"),
]
NEARLY = st.lists(st.sampled_from(WORDS), max_size=60).map("".join)

SCALARS = st.sampled_from(
    ["5s", "5", "1", "5%", "64M", "yes", "alias", "auth", "/a", "~", "''", "*a", "&a x", "observe"]
)
NAMES = st.sampled_from([word for word in WORDS if word.isidentifier()] + ["<<", "1", "on", "''"])
FLOW = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: "[" + ", ".join(items) + "]"),
        st.lists(st.tuples(NAMES, inner), max_size=5).map(
            lambda pairs: "{" + ", ".join(f"{name}: {item}" for name, item in pairs) + "}"
        ),
    ),
    max_leaves=30,
)
FILES = st.tuples(FLOW, FLOW, NAMES).map(
    lambda parts: f"defaults: {parts[0]}\ntables: {{{parts[2]}: {parts[1]}}}\n"
)


def outcome(text):
    try:
        return parse(text, "/x.yml").config()
    except ConfigError as error:
        problems = error.problems
    assert 1 <= len(problems) <= MAX_PROBLEMS + 1
    for problem in problems:
        assert problem.file == "/x.yml"
        assert problem.message
        assert str(problem).isprintable(), str(problem)
        assert len(str(problem)) < 2000
    return problems


def check_settings(settings):
    assert isinstance(settings, TableSettings)
    for key, kind in keys(TableSettings):
        found = value(settings, key)
        assert type(found) is type(value(TableSettings(), key)), key
        if isinstance(kind, Duration | Count | Share | Size):
            no_limit = found == 0 and (isinstance(kind, Size) or getattr(kind, "or_none", False))
            assert no_limit or kind.low <= found <= kind.high, key
        if isinstance(kind, Word | Probe):
            assert kind.read(found) == found
        if isinstance(kind, Several):
            assert all(kind.read(item) == item for item in found)
        if kind.at_most:
            group = key.rpartition(".")[0]
            assert found <= value(settings, f"{group}.{kind.at_most}"), key


def check(text):
    first = outcome(text)
    assert outcome(text) == first
    if isinstance(first, Config):
        check_settings(first.defaults)
        for name, settings in first.tables.items():
            assert name.isprintable()
            check_settings(settings)


@settings(deadline=None)
@given(NEARLY)
@example('a: "\\UFFFFFFFF"')
@example("? [&a [*a]]\n: *a")
@example("tables: &t {t: *t}")
@example("[" * 5000)
def test_text_like_yaml_gives_a_config_or_a_config_error(text):
    check(text)


@settings(deadline=None)
@given(FILES)
def test_groups_of_any_shape_give_a_config_or_a_config_error(text):
    check(text)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_a_config_or_a_config_error(text):
    check(text)


@settings(deadline=None)
@given(data=st.binary(max_size=300) | NEARLY.map(lambda text: text.encode("utf-8")))
def test_any_bytes_in_a_file_give_a_config_or_a_config_error(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "fuzzed.yml"
    path.write_bytes(data)
    path.chmod(0o644)
    problems = None
    try:
        found = loader.load(str(path), required=True)
    except ConfigError as error:
        problems = error.problems
    assert problems or found.path == str(path)
