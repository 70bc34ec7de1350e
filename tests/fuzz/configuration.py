"""Targets: the files an administrator writes."""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hypothesis import strategies as st
from tests.fuzz.target import Targets

from tablewatch.config import loader, pattern_reader, reader
from tablewatch.config.pattern_kinds import KEYS, LONGEST_TEXT
from tablewatch.config.patterns import ERROR_SIGNS, MEDIA, Pattern
from tablewatch.config.reader import MAX_PROBLEMS
from tablewatch.config.schema import keys, value
from tablewatch.config.settings import Config, TableSettings
from tablewatch.config.values import Count, Duration, Probe, Several, Share, Size, Word
from tablewatch.daemon.web import web_config
from tablewatch.daemon.web.passwords import hash_trouble
from tablewatch.errors import ConfigError, Problem
from tablewatch.knowledge.catalogue import entries
from tablewatch.knowledge.classify import Classifier
from tablewatch.knowledge.own import PREFIX, own

CONFIGURATION = Targets()

T = TypeVar("T")

FILE = "/x.yml"
HASH = "$2y$10$" + "Nq0qBgD1bqkbkRR0KXbOxu" + "3jDnUPZKAqZpNkUxpzPYgJwFJQvmqyK"


def outcome(read: Callable[[], T], file: str = FILE, most: int = MAX_PROBLEMS + 1) -> T | None:
    """Return what `read` returns; None if it is a ConfigError, which is looked at."""
    try:
        return read()
    except ConfigError as error:
        problems = error.problems
    assert 1 <= len(problems) <= most
    for problem in problems:
        well_said(problem, file)
    return None


def well_said(problem: Problem, file: str) -> None:
    """Assert that a problem names its file, and fits a line of a terminal or a log."""
    assert problem.file == file
    assert problem.line >= 0
    assert problem.message
    assert str(problem).isprintable(), str(problem)
    assert len(str(problem)) < 2000
    assert not _SECRET.search(str(problem)), str(problem)


# The beginning of a hash of a password, as far as it could be guessed from.
_SECRET = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{20}")
_FOLDER = tempfile.mkdtemp()
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)


def written(data: bytes, mode: int) -> str:
    """Return the path of a file that holds `data`."""
    path = Path(_FOLDER) / "fuzzed.yml"
    path.write_bytes(data)
    path.chmod(mode)
    return str(path)


# -- inputs that come close

YAML_WORDS = (
    *(":", ": ", "- ", "? ", "[", "]", "{", "}", ", ", "#", '"', "'", "|", ">", "\\u0000", "@"),
    *("\n", "\n  ", "\n    ", "\t", "\r\n", "\x85", "\u2028", "\ufeff", "\x00", "ż", "😀", "`"),
    *("<<", "&a", "*a", "!!binary", "!x", "%YAML 1.1", "---", "...", "~", "", "yes", "no", "on"),
)
CONFIG_WORDS = (
    *YAML_WORDS,
    *dict.fromkeys(name for key, _ in keys(Config) for name in key.split(".")),
    *("tables", "creds", "deadlin", "20%", "512M", "1%", "enforce", "throttle", "not_found"),
    *("credentials a@example.org", "5s", "5", "0", "1h30m", "/usr/lib", "auth", "alias", "1e999"),
    *("127.0.0.1:10099", "0x1f"),
)
PATTERN_WORDS = (
    *YAML_WORDS,
    *("patterns:", "\n  a:", "\n  b-c:", "\n    ", "\n    - ", "*"),
    *(f"{key}: " for key in (*KEYS, "steps", "lines", *MEDIA)),
    *("warn: x*y", "abcd", "query", "connection", "error", "other", "reconnect"),
)
WEB_WORDS = (
    *YAML_WORDS,
    *("tls_server_config:", "basic_auth_users:", "\n  cert_file: a.crt", "\n  key_file: a.key"),
    *("\n  client_auth_type: ", "RequireAndVerifyClientCert", "NoClientCert", "RequestClientCert"),
    *("\n  min_version: ", "TLS12", "TLS10", "\n  client_ca_file: ca.pem", "cert", HASH, "alice"),
)


def as_bytes(words: tuple[str, ...]) -> tuple[bytes, ...]:
    """Return `words` as they stand in a file."""
    return tuple(word.encode() for word in words if word)


def near(words: tuple[str, ...]) -> st.SearchStrategy[bytes]:
    """Return texts put together from `words`, and any text."""
    texts = st.lists(st.sampled_from(words), max_size=60).map("".join) | st.text(max_size=300)
    return texts.map(str.encode) | st.binary(max_size=100)


SCALARS = st.sampled_from(
    ["5s", "5", "1", "5%", "64M", "yes", "alias", "auth", "/a", "~", "''", "*a", "&a x", "observe"]
)
NAMES = st.sampled_from([*filter(str.isidentifier, CONFIG_WORDS), "<<", "1", "on", "''"])
FLOW = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(NAMES, inner), max_size=5).map(
            lambda pairs: "{" + ", ".join(f"{name}: {item}" for name, item in pairs) + "}"
        ),
    ),
    max_leaves=30,
)
FILES = st.builds("defaults: {}\ntables: {{{}: {}}}\n".format, FLOW, NAMES, FLOW).map(str.encode)


# -- targets


def within_range(settings: TableSettings) -> None:
    """Assert that every value is of its type and in its range."""
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


@CONFIGURATION("config", FILES | near(CONFIG_WORDS), as_bytes(CONFIG_WORDS))
def config(data: bytes) -> None:
    """Whatever tablewatch.yml holds, loading it gives a Config with every value of its type and in
    its range, or a ConfigError with a bounded number of printable problems that name file and line:
    the supervisor reads it before it can answer smtpd. Reading it again gives the same.
    """
    path = written(data, 0o644)
    found = outcome(lambda: loader.load(path, required=True), path)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        assert found is None, "a file that is no text was read"
        return
    again = outcome(lambda: reader.parse(text, path).config(), path)
    if found is None:
        # backend_path is looked at on the disk
        assert again is None or again.backend_path != Config().backend_path
        return
    assert found == again
    within_range(found.defaults)
    for name, settings in found.tables.items():
        assert name.isprintable()
        within_range(settings)


@CONFIGURATION("patterns", near(PATTERN_WORDS), as_bytes(PATTERN_WORDS))
def patterns(data: bytes) -> None:
    """Whatever a file of tablewatch.d holds, it gives patterns or a ConfigError as above. Whatever
    the patterns are, any line is read; only one that fits is read otherwise than without them.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    found = outcome(lambda: pattern_reader.parse(text, FILE))
    assert outcome(lambda: pattern_reader.parse(text, FILE)) == found
    if found is not None:
        for pattern in found:
            well_made(pattern)
        read_with(found, text)


def well_made(pattern: Pattern) -> None:
    """Assert that `pattern` can be used."""
    assert pattern.lines or pattern.messages
    assert all(len(text.partition("*")[0]) >= 4 for text in (*pattern.lines, *pattern.messages))
    assert len(pattern.cause) <= LONGEST_TEXT
    assert len(pattern.steps) <= pattern_reader.MAX_STEPS
    assert bool(pattern.error_class) is (pattern.sign in ERROR_SIGNS)


def read_with(found: tuple[Pattern, ...], text: str) -> None:
    """Have a classifier with these patterns read the lines they mean, and the file itself."""
    classifier, plain = Classifier(own=own(found)), Classifier()
    known = {*entries(), *(PREFIX + each.name for each in found)}
    fitting = [glob.replace("*", "alice@example.org") for each in found for glob in each.lines]
    for line in (*fitting, *text.splitlines()[:20]):
        raw = line.encode().replace(b"\n", b"")
        reading = classifier.read(raw)
        assert reading.signature in known
        assert reading.text.isprintable()
        assert reading.signature.startswith(PREFIX) or reading == plain.read(raw)
        assert "alice" not in reading.signature
        assert line not in fitting or reading.signature.startswith(PREFIX), line
        if reading.signature.startswith(PREFIX):
            assert reading.group.removeprefix("retry: ").count(" ") <= 1


@CONFIGURATION("web-config", near(WEB_WORDS), as_bytes(WEB_WORDS))
def web(data: bytes) -> None:
    """Whatever the web configuration holds, it gives a WebConfig with paths that are absolute and
    hashes that can be compared with, or a ConfigError with printable problems that name the file;
    never is anything told that is, or was meant to be, the hash of a password.
    """
    path = written(data, 0o600)
    found = outcome(lambda: web_config.load(path), path, len(data) + 1)
    if found is None:
        return
    assert not any(map(hash_trouble, found.users.values()))
    assert all(name.isprintable() and ":" not in name for name in found.users)
    if found.tls is not None:
        assert found.tls.cert_file.startswith("/")
        assert found.tls.key_file.startswith("/")
        assert found.tls.min_version in ("TLS12", "TLS13")
        verified = found.tls.client_auth_type != web_config.NO_CLIENT
        assert verified is bool(found.tls.client_ca_file)
