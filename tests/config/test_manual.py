"""The manual page and the sample say what the schema says: every key, default and range."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tablewatch.config import loader
from tablewatch.config.daemon_settings import DaemonSettings
from tablewatch.config.reader import parse
from tablewatch.config.schema import entries, keys, value
from tablewatch.config.settings import BACKEND_PATHS, SERVICES, Config, TableSettings
from tablewatch.config.values import Count, Duration, Share, Size, Word

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "man" / "tablewatch.yml.5").read_text()
SAMPLE = ROOT / "docs" / "examples" / "tablewatch.yml"
DAEMON = "daemon."
KEYS = [
    *(pytest.param(key, kind, id=key) for key, kind in keys(TableSettings)),
    *(pytest.param(key, kind, id=key) for key, kind in keys(DaemonSettings, DAEMON)),
]


def default_of(key):
    if key.startswith(DAEMON):
        return value(DaemonSettings(), key.removeprefix(DAEMON))
    return value(TableSettings(), key)


def section(key):
    """Return the text of a key's item, searched for below the heading of its group."""
    group, _, name = key.rpartition(".")
    heading = f".Ss {group}\n" if group else ".Sh SETTINGS OF A TABLE\n"
    if key.startswith(DAEMON):
        heading = ".Sh SETTINGS OF THE DAEMON\n"
    below = re.split(r"^\.S[hs] ", MANUAL.partition(heading)[2], maxsplit=1, flags=re.M)[0]
    item = re.search(rf"^\.It Ic {name}\n(.*?)^\.(?:It|El)\b", below, re.M | re.S)
    assert item, f"{key} is not in the manual"
    return item[1].replace("\n", " ")


@pytest.mark.parametrize(("key", "kind"), KEYS)
def test_the_manual_has_each_key_with_default_and_range(key, kind):
    default = kind.write(default_of(key))
    if isinstance(kind, Duration | Count | Share | Size):
        assert f"Default {default}; {kind.right()}" in section(key)
    else:
        assert re.search(rf"Default {re.escape(default)}[.,]", section(key))
    if kind.at_most:
        assert f", and at most .Ic {kind.at_most} ." in section(key)


@pytest.mark.parametrize(("key", "kind"), KEYS)
def test_the_manual_has_every_word_that_may_be_written(key, kind):
    for word in kind.known if isinstance(kind, Word) else ():
        assert re.search(rf"\.Cm (?:\w+ , )*{word}\b", section(key)), word


def test_the_trap_of_not_found_is_explained_where_it_is_configured():
    for place in (section("quarantine.not_found"), SAMPLE.read_text().partition("not_found:")[0]):
        assert "deny list" in place.replace("\n  # ", " ")
        assert "trap" in place


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_finds_nothing_to_complain_about():
    command = ["mandoc", "-T", "lint", "-W", "style", str(ROOT / "man" / "tablewatch.yml.5")]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    # Which other manuals are installed is no matter of this one.
    assert [line for line in said.splitlines() if "referenced manual not found" not in line] == []


def test_the_manual_has_every_key_of_the_whole_file():
    for name in entries(Config):
        assert f".It Ic {name}\n" in MANUAL
    written = [key for key, _ in keys(Config) if not key.startswith("defaults.")]
    assert {each.values[0] for each in KEYS} > {key for key in written if key != "backend_path"}
    for path in BACKEND_PATHS:
        assert f".Pa {path} " in MANUAL


def test_the_manual_says_how_long_the_directory_of_the_sockets_may_be():
    longest = dict(keys(DaemonSettings))["directory"].longest
    assert f"At most {longest} bytes." in section("daemon.directory")


def test_the_manual_has_every_service():
    for service in SERVICES:
        assert re.search(rf"\b{service}\b", section("services"))


def test_the_examples_of_the_manual_are_valid():
    examples = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", MANUAL, re.M | re.S)
    files = [text for text in examples if text[0] not in "#$" and "patterns:" not in text]
    assert len(files) == 5
    for text in files:
        assert parse(text, "/x.yml").config() != Config(path="/x.yml")


def test_the_sample_equals_the_defaults():
    found = parse(SAMPLE.read_text(), "/x.yml").config()
    assert found == Config(path="/x.yml")


def test_the_sample_without_its_comment_signs_has_every_key_at_its_default():
    text = re.sub(r"^#(?=(?:  )*(?:[a-z]|- /))", "", SAMPLE.read_text(), flags=re.M)
    document = parse(text, "/x.yml")
    assert set(document.top) == {key for key, _ in keys(Config)}
    assert document.config() == Config(path="/x.yml")


def test_the_table_in_the_sample_is_valid():
    below = SAMPLE.read_text().partition("\ntables:\n")[2]
    table = re.sub(r"^  # ", "  ", below, flags=re.M)
    assert yaml.safe_load("tables:\n" + table)["tables"]["creds"]["deadline"] == "8s"
    assert parse("tables:\n" + table, "/x.yml").tables["creds"]


def test_the_sample_may_be_used_as_it_is_installed(tmp_path):
    copy = tmp_path / "tablewatch.yml"
    copy.write_bytes(SAMPLE.read_bytes())
    copy.chmod(0o644)
    assert loader.load(str(copy), required=True).tables == {}
