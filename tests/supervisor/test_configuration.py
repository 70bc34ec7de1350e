"""What can be used of a configuration is used, and what is wrong with the rest is said."""

import pytest

from tablewatch.config.settings import Config
from tablewatch.supervisor import configuration as module
from tablewatch.supervisor.configuration import configuration, first_configuration

PATTERN = "patterns: {full: {line: 'quota exceeded', class: connection, cause: It is full.}}\n"


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "tablewatch.yml"
    monkeypatch.setenv("TABLEWATCH_CONFIG", str(path))
    (tmp_path / "tablewatch.d").mkdir()
    return path


def test_the_file_and_the_patterns_beside_it_are_read(file):
    file.write_text("defaults: {deadline: 1s}\n")
    file.with_suffix(".d").joinpath("own.yml").write_text(PATTERN)
    config, problems = first_configuration()
    assert problems == []
    assert config.defaults.deadline == 1.0
    assert [each.name for each in config.patterns] == ["full"]
    assert configuration() == (config, [])


def test_without_a_file_the_defaults_are_in_force(tmp_path, monkeypatch):
    monkeypatch.delenv("TABLEWATCH_CONFIG", raising=False)
    monkeypatch.setattr(module, "DEFAULT_CONFIG", str(tmp_path / "none.yml"))
    assert first_configuration() == (Config(), [])


def test_a_file_that_is_named_must_be_there(file):
    config, problems = configuration()
    assert config is None
    assert "no such file" in problems[0]
    assert "check-config" in problems[-1]


def test_a_broken_file_leaves_the_defaults(file):
    file.write_text("defaults: {dedline: 1s}\n")
    config, problems = first_configuration()
    assert config == Config()
    assert 'did you mean "deadline"?' in problems[0]
    assert problems[-1] == "running on built-in defaults"


def test_broken_patterns_cost_nothing_but_the_patterns(file):
    file.write_text("defaults: {deadline: 1s}\n")
    file.with_suffix(".d").joinpath("own.yml").write_text("patterns: 1\n")
    config, problems = first_configuration()
    assert config.defaults.deadline == 1.0
    assert config.patterns == ()
    assert problems[-1] == "running without the patterns in its directory"


def test_a_defect_of_our_own_is_no_end_and_shows_nothing_of_the_file(file, monkeypatch):
    def defective(*_, **__):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(module, "load", defective)
    config, problems = first_configuration()
    assert config == Config()
    assert problems[0] == "configuration not used: ZeroDivisionError in reading it"
    assert "secret" not in "".join(problems)
