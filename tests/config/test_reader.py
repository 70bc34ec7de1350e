import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablewatch.config.document import Written, overlay
from tablewatch.config.reader import MAX_PROBLEMS, parse
from tablewatch.config.schema import keys, value
from tablewatch.config.settings import Config, TableSettings
from tablewatch.config.values import Count, Duration, Probe, Several, Share, Size, Switch, Word
from tablewatch.errors import ConfigError


def config(text):
    return parse(text, "/x.yml").config()


def problems(text):
    with pytest.raises(ConfigError) as error:
        parse(text, "/x.yml")
    return [(problem.line, problem.key, problem.message) for problem in error.value.problems]


def only(text):
    (found,) = problems(text)
    return found


def test_tables_lie_over_defaults_field_by_field():
    found = config(
        "defaults:\n  deadline: 3s\n  restart: {burst: 1}\n"
        "tables:\n  creds:\n    restart:\n      max_delay: 10s\n"
    )
    creds = found.tables["creds"]
    assert (creds.deadline, creds.restart.burst, creds.restart.max_delay) == (3.0, 1, 10.0)
    assert found.defaults.restart.max_delay == 60.0


def test_values_keep_their_lines():
    document = parse("defaults:\n  deadline: 3s\ntables:\n  a:\n    log:\n      syslog: no\n", "/x")
    assert document.top == {"defaults.deadline": Written(3.0, 2)}
    assert document.tables == {"a": {"log.syslog": Written(False, 6)}}


@pytest.mark.parametrize("text", ["", "# nothing\n", "tables:\n", "defaults:\n  restart:\n", "~\n"])
def test_what_is_left_empty_is_as_built_in(text):
    assert config(text) == Config(path="/x.yml")


def test_a_table_left_empty_is_known_all_the_same():
    assert config("tables:\n  creds:\n").tables == {"creds": TableSettings()}


def test_the_backend_path_is_one_directory_or_several():
    assert config("backend_path: /a\n").backend_path == ("/a",)
    assert config("backend_path: [/a, /b]\n").backend_path == ("/a", "/b")
    assert config("backend_path:\n  - /a\n  - /b\n").backend_path == ("/a", "/b")


def test_an_empty_list_of_a_table_lies_over_the_defaults():
    found = config("defaults: {services: [alias]}\ntables: {a: {services: []}}\n")
    assert found.defaults.services == ("alias",)
    assert found.tables["a"].services == ()


@pytest.mark.parametrize("name", ["on", "123", "null", "1e3", "2026-01-01", "a.b", "ż"])
def test_the_name_of_a_table_is_text_whatever_yaml_makes_of_it(name):
    assert list(config(f"tables:\n  {name}:\n    deadline: 1s\n").tables) == [name]


def test_an_alias_stands_for_what_it_names():
    found = config("tables:\n  a: &sql {deadline: 2s}\n  b: *sql\n")
    assert found.tables["b"].deadline == 2.0


def test_windows_line_ends_do_no_harm():
    assert config("defaults:\r\n  deadline: 4s\r\n").defaults.deadline == 4.0


def test_every_problem_is_listed_in_the_order_of_lines():
    found = problems(
        "defaults:\n  dedline: 5s\n  deadline: 5\ntables:\n  creds:\n    max_retries: many\n"
        "    services: [auth, domian]\nbackend_paht: /a\n"
    )
    assert [line for line, _, _ in found] == [2, 3, 6, 7, 7, 8]
    assert [key for _, key, _ in found] == [
        "defaults.dedline",
        "defaults.deadline",
        "tables.creds.max_retries",
        "tables.creds.services",
        "tables.creds.services",
        "backend_paht",
    ]
    remedies = ("deadline", "5s, or 5ms", "0 to 100", "leave it out", '"domain"', "backend_path")
    for (_, _, message), remedy in zip(found, remedies, strict=True):
        assert remedy in message


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ("tables: {creds: {dedline: 5s}}", "tables.creds.dedline", 'did you mean "deadline"?'),
        ("deadline: 5s", "deadline", "deadline belongs under defaults:"),
        ("burts: 5", "burts", "burst belongs under defaults: restart:"),
        ("defaults: {burst: 5}", "defaults.burst", "burst belongs under restart:"),
        ("defaults: {log: {deadline: 5s}}", "defaults.log.deadline", "one level up, beside log:"),
        ("defaults: {tables: {}}", "defaults.tables", "tables: stands at the left margin"),
        ("listen: ':1'", "listen", "listen belongs under daemon:"),
        ("daemn: {}", "daemn", 'did you mean "daemon"?'),
        ("daemon: {listn: ':1'}", "daemon.listn", 'did you mean "listen"?'),
        ("daemon: {mode: observe}", "daemon.mode", "under defaults: at the left margin"),
        ("daemon: {burst: 5}", "daemon.burst", "under defaults: restart: at the left margin"),
        ("daemon: {tables: {}}", "daemon.tables", "tables: stands at the left margin"),
        ("defaults: {listen: x}", "defaults.listen", "under daemon: at the left margin"),
        ("defaults: {log: {listen: x}}", "defaults.log.listen", "under daemon: at the left margin"),
        ("defaults: {restart: {zzz: 1}}", "defaults.restart.zzz", "burst, min_delay, max_delay"),
        ("defaults: {<<: {deadline: 5s}}", "defaults.<<", "put what tables share under defaults:"),
    ],
)
def test_an_unknown_key_is_told_its_right_name_or_place(text, key, remedy):
    line, at, message = only(text)
    assert (line, at) == (1, key)
    assert remedy in message


@pytest.mark.parametrize(
    ("text", "key", "first"),
    [
        ("defaults:\n  deadline: 1s\n  deadline: 2s\n", "defaults.deadline", 2),
        ("tables:\n  a: {}\n  a: {}\n", "tables.a", 2),
        ('defaults: {}\n\n"defaults": {}\n', "defaults", 1),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_both_lines(text, key, first):
    line, at, message = only(text)
    assert (line, at) == (3, key)
    assert f"first in line {first}; keep one of them" in message


@pytest.mark.parametrize(
    ("text", "found", "remedy"),
    [
        ("defaults: {deadline: [5s]}", "a list stands here", "write 10ms to 5m"),
        ("defaults: {deadline: {}}", "a group of keys stands here", "write 10ms to 5m"),
        ("defaults: {deadline: }", "has no value", "or leave the key out"),
        ("defaults: {log: yes}", '"yes" stands here', "syslog and stderr"),
        ("defaults: []", "a list stands here", "deadline"),
        ("tables: [creds]", "a list stands here", "the names of tables"),
        ("tables: {creds: 5s}", '"5s" stands here', "deadline"),
        ("- a", "a list stands here", "backend_path and daemon"),
        ("word", '"word" stands here', "backend_path and daemon"),
        ("? [a]\n: 1", "a list can't be a key", "write a plain word"),
        ("backend_path: [[/a]]", "a list stands here", "a path that begins with /"),
        ("backend_path: [/a, b]", '"b" is not absolute', "a path that begins with /"),
        ("backend_path: [/a, /a]", '"/a" stands twice', "write it once"),
        ("defaults: {deadline: !!python/name:os.system 5s}", "the YAML tag", "10ms to 5m"),
        ("backend_path: !x [/a]", "the YAML tag", "a path that begins with /"),
        ("!x {defaults: {}}", "the YAML tag", "backend_path and daemon"),
        ("defaults: {!x deadline: 5s}", "the YAML tag", "write a plain word"),
        ('tables: {"": {}}', "no name of a table", "the name it has in smtpd.conf"),
        ('tables: {"a\\nb": {}}', "no name of a table", "the name it has in smtpd.conf"),
    ],
)
def test_a_wrong_shape_is_told_the_right_one(text, found, remedy):
    _, _, message = only(text)
    assert found in message
    assert remedy in message


def test_a_wrong_shape_has_its_line():
    assert only("\ndefaults:\n  - deadline\n")[0] == 3


@given(st.lists(st.text(st.characters(categories=["L", "P", "S", "Zs"])), unique=True))
def test_any_printable_path_is_read_as_it_was_written(names):
    paths = tuple("/" + name for name in names if name.isprintable())
    written = dict(keys(Config))["backend_path"].write(paths)
    assert config(f"backend_path: {written}\n").backend_path == paths


def test_items_of_a_list_have_lines_of_their_own():
    found = problems("backend_path:\n  - a\n  - /b\n  - c\n")
    assert [line for line, _, _ in found] == [2, 4]


def test_values_that_contradict_each_other_are_refused_where_they_were_written():
    assert only("defaults: {restart: {min_delay: 2m}}")[1] == "defaults.restart.min_delay"
    line, key, message = only(
        "defaults: {restart: {max_delay: 2s}}\ntables:\n  a: {restart: {min_delay: 3s}}\n"
    )
    assert (line, key) == (3, "tables.a.restart.min_delay")
    assert "3s is more than restart.max_delay (2s); write both" in message


def test_a_contradiction_is_found_from_either_side():
    line, key, _ = only("defaults:\n  restart:\n    max_delay: 100ms\n")
    assert (line, key) == (3, "defaults.restart.min_delay")


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("breaker: {min_open: 2m}", "breaker.min_open", "2m is more than breaker.max_open (1m)"),
        ("quarantine: {duration: 2d}", "quarantine.duration", "quarantine.max_duration (1d)"),
        ("runaway: {cpu_limit: 10%}", "runaway.throttle_cpu", "20% is more than runaway.cpu_limit"),
    ],
)
def test_each_pair_of_limits_is_compared(text, key, message):
    _, found, said = only(f"defaults: {{{text}}}")
    assert found == f"defaults.{key}"
    assert message in said
    assert "the larger one" in said


def test_a_value_already_refused_is_not_refused_again_for_a_contradiction():
    _, _, message = only("defaults: {restart: {max_delay: 100ms, min_delay: 2}}")
    assert "no unit" in message


def test_a_flood_of_problems_is_cut_off_and_says_so():
    found = problems("".join(f"key{number}: 1\n" for number in range(1000)))
    assert len(found) == MAX_PROBLEMS + 1
    assert f"the first {MAX_PROBLEMS} problems" in found[-1][2]


def test_aliases_that_multiply_without_end_cost_nothing():
    levels = "abcdefghijklmnopqrstuvwxyz"
    text = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for below, level in pairwise(levels):
        text += f"{level}: &{level} [{', '.join(['*' + below] * 9)}]\n"
    assert len(problems(text + "? *z\n: 1\n")) == len(levels) + 1


def test_an_alias_to_itself_ends():
    assert only("tables: &t\n  a: *t\n")[1] == "tables.a.a"
    assert "a list stands here" in only("backend_path: &p [*p]\n")[2]


def test_a_thousand_tables_that_share_a_mistake_are_cut_off_too():
    text = "tables:\n  a: &x {dedline: 1s}\n" + "".join(f"  b{n}: *x\n" for n in range(1000))
    assert len(problems(text)) == MAX_PROBLEMS + 1


def values(kind):
    if isinstance(kind, Duration):
        low, high = round(kind.low * 1000), round(kind.high * 1000)
        return st.integers(low, high).map(lambda milliseconds: milliseconds / 1000)
    if isinstance(kind, Count):
        none = st.just(0) if kind.or_none else st.nothing()
        return none | st.integers(kind.low, kind.high)
    if isinstance(kind, Share):
        low, high = round(kind.low * 100), round(kind.high * 100)
        return st.integers(low, high).map(lambda percent: percent / 100)
    if isinstance(kind, Size):
        low, high = kind.low // 1024, kind.high // 1024
        return st.just(0) | st.integers(low, min(high, 999_999_999)).map(lambda k: k * 1024)
    if isinstance(kind, Probe):
        keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=99)
        asked = st.tuples(st.sampled_from(kind.services), keys)
        return st.just("") | asked.map(" ".join)
    if isinstance(kind, Switch):
        return st.booleans()
    if isinstance(kind, Word):
        return st.sampled_from(kind.known)
    assert isinstance(kind, Several)
    assert isinstance(kind.item, Word)
    return st.lists(st.sampled_from(kind.item.known), unique=True).map(tuple)


KINDS = dict(keys(TableSettings))
LIMITED = {
    key: f"{key.rpartition('.')[0]}.{kind.at_most}" for key, kind in KINDS.items() if kind.at_most
}


def without_contradictions(layer):
    """Take both values of a pair out where one is more than the other allows."""
    settings = overlay(TableSettings(), layer)
    wrong = {key for key, most in LIMITED.items() if value(settings, key) > value(settings, most)}
    wrong |= {LIMITED[key] for key in wrong}
    return {key: found for key, found in layer.items() if key not in wrong}


LAYERS = st.fixed_dictionaries({}, optional={key: values(kind) for key, kind in KINDS.items()}).map(
    without_contradictions
)


def flow(layer):
    nested = {}
    for key, found in layer.items():
        group, _, name = key.rpartition(".")
        nested.setdefault(group, []).append(f"{name}: {KINDS[key].write(found)}")
    groups = [f"{group}: {{{', '.join(nested[group])}}}" for group in nested if group]
    return "{" + ", ".join(nested.get("", []) + groups) + "}"


@settings(deadline=None)
@given(LAYERS, st.text(alphabet=st.characters(categories=["L", "N", "P"]), min_size=1))
def test_whatever_is_valid_is_read_as_it_was_written(layer, name):
    found = config(f"tables: {{{json.dumps(name, ensure_ascii=False)}: {flow(layer)}}}\n")
    assert found.tables == {name: overlay(TableSettings(), layer)}
    assert config(f"defaults: {flow(layer)}\n").defaults == overlay(TableSettings(), layer)
