"""What a child reads of the configuration arrives whole, or is read again."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.config.patterns import Pattern, PatternStep
from tablewatch.config.ranges import KINDS
from tablewatch.config.settings import Config, TableSettings
from tablewatch.record import Record, names_of
from tablewatch.supervisor.apart import from_plain, read_apart, to_plain

OWN = Config(defaults=TableSettings(deadline=1.0))


def anything_like(value):
    """Strategies for values of the same sort."""
    if isinstance(value, Record):
        fields = {name: anything_like(getattr(value, name)) for name in names_of(type(value))}
        return st.builds(type(value), **fields)
    sorts = {bool: st.booleans(), int: st.integers(), float: st.floats(allow_nan=False)}
    texts = st.text(max_size=5)
    return {**sorts, str: texts, tuple: st.lists(texts, max_size=2).map(tuple)}.get(
        type(value), st.just(value)
    )


STEPS = st.lists(st.builds(PatternStep, *[st.text(max_size=5)] * 3), max_size=2).map(tuple)
PATTERNS = st.lists(st.builds(Pattern, name=st.text(max_size=5), steps=STEPS), max_size=2)
TABLES = st.dictionaries(st.text(max_size=5), anything_like(TableSettings()), max_size=2)
CONFIGS = st.builds(
    Config,
    path=st.text(),
    defaults=anything_like(TableSettings()),
    daemon=anything_like(Config().daemon),
    backend_path=anything_like(Config().backend_path),
    tables=TABLES,
    patterns=PATTERNS.map(tuple),
)


@given(CONFIGS)
def test_every_configuration_comes_back_as_it_was(config):
    found = from_plain(to_plain(config))
    assert found == config
    assert repr(found) == repr(config)


def test_every_group_of_settings_is_one():
    """A group that came back as a tuple would be no group any more."""
    found = from_plain(to_plain(Config(tables={"creds": TableSettings()})))
    for group in KINDS:
        holders = (found, found.defaults, found.tables["creds"], found.daemon)
        assert any(type(each) is group for each in holders) or any(
            type(getattr(found.tables["creds"], name)) is group for name in names_of(TableSettings)
        ), group


def test_a_child_reads(tmp_path):
    def read():
        (tmp_path / "reader").write_text(str(os.getpid()))
        return OWN, ["a problem"]

    assert read_apart(read)() == (OWN, ["a problem"])
    assert (tmp_path / "reader").read_text() != str(os.getpid())


def test_the_child_is_gone_afterwards():
    before = set(psutil.Process().children())  # of other tests
    read_apart(lambda: (OWN, []))()
    assert set(psutil.Process().children()) <= before


def test_more_than_a_pipe_holds_arrives():
    problems = ["x" * 1000] * 1000
    assert read_apart(lambda: (OWN, problems))() == (OWN, problems)


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def defective():
    raise ZeroDivisionError


def stopped_halfway():
    os._exit(1)


@pytest.mark.parametrize("end", [killed, defective, stopped_halfway])
def test_after_a_child_that_tells_nothing_we_read_it_ourselves(end):
    mine = os.getpid()

    def read():
        if os.getpid() != mine:
            end()
        return OWN, []

    assert read_apart(read)() == (OWN, [])


@pytest.mark.parametrize("lacking", ["pipe", "fork"])
def test_without_a_child_we_read_it_ourselves(monkeypatch, lacking):
    def fails():
        raise BlockingIOError

    before = len(os.listdir("/dev/fd"))
    monkeypatch.setattr(os, lacking, fails)
    assert read_apart(lambda: (OWN, []))() == (OWN, [])
    assert len(os.listdir("/dev/fd")) == before


def test_who_ignores_its_children_is_told_all_the_same():
    code = (
        "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "from tablewatch.supervisor.apart import read_apart\n"
        "from tablewatch.config.settings import Config\n"
        "assert read_apart(lambda: (Config(path='x'), []))()[0].path == 'x'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_reads_yaml_stays_with_the_child(tmp_path):
    file = tmp_path / "tablewatch.yml"
    file.write_text("defaults: {deadline: 1s}\n")
    code = (
        "import sys\nfrom tablewatch.supervisor.apart import read_apart\n"
        "config, problems = read_apart()()\n"
        "assert (config.defaults.deadline, problems) == (1.0, []), problems\n"
        "sys.exit('yaml' in sys.modules)"
    )
    environment = {**os.environ, "TABLEWATCH_CONFIG": str(file)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
