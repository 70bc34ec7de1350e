"""check-config and the patterns in the directory beside the file."""

import json
import os

import pytest

from tablewatch.cli import access, check_config, host
from tablewatch.cli.main import main

GOOD = """\
patterns:
  quota:
    line: 'warn: quota of * exceeded'
    class: configuration
    cause: no quota
    repair: give it a quota
    steps: [{sql: 'UPDATE quota SET x = 1;'}]
  maintenance: {message: 'Maintenance until *', class: connection, cause: being worked on}
  dials: {line: dial, sign: reconnect}
"""


@pytest.fixture(autouse=True)
def nothing_of_this_host(monkeypatch):
    monkeypatch.delenv("TABLEWATCH_CONFIG", raising=False)
    monkeypatch.setattr(host, "smtpd_conf", lambda: None)
    monkeypatch.setattr(access, "account", lambda names: None)


@pytest.fixture
def config(tmp_path):
    """A configuration file with a directory beside it."""
    path = tmp_path / "tablewatch.yml"
    path.write_text("defaults: {deadline: 4s}\n")
    path.chmod(0o644)
    (tmp_path / "tablewatch.d").mkdir(mode=0o755)
    (tmp_path / "tablewatch.d").chmod(0o755)
    return path


def write(config, text):
    path = config.with_suffix(".d") / "local.yml"
    path.write_text(text)
    path.chmod(0o644)
    return path


def test_they_are_listed_with_signature_class_and_place(config, capsys):
    write(config, GOOD)
    assert main(["check-config", str(config)]) == 0
    section = capsys.readouterr().out.partition("\npatterns of your own, from ")[2]
    assert section.splitlines() == [
        str(config.with_suffix(".d")),
        "  local-quota, configuration (local.yml line 2)",
        "    warn: quota of * exceeded",
        "  local-maintenance, connection (local.yml line 8)",
        "    ... Maintenance until *",
        "  local-dials, no error (local.yml line 9)",
        "    dial",
    ]
    assert max(map(len, section.splitlines()[1:])) <= 80


def test_without_any_nothing_is_said(config, capsys):
    assert main(["check-config", str(config)]) == 0
    assert "patterns" not in capsys.readouterr().out


def test_json_has_them_with_all_they_say(config, capsys):
    path = write(config, GOOD)
    assert main(["check-config", "--json", str(config)]) == 0
    quota, maintenance, _ = json.loads(capsys.readouterr().out)["patterns"]
    assert quota["name"] == "local-quota"
    assert quota["steps"] == [{"medium": "sql", "text": "UPDATE quota SET x = 1;", "file": ""}]
    assert (quota["file"], quota["line_number"]) == (str(path), 2)
    assert maintenance["messages"] == ["Maintenance until *"]


def test_json_of_none_has_an_empty_list(config, capsys):
    main(["check-config", "--json", str(config)])
    assert json.loads(capsys.readouterr().out)["patterns"] == []


def test_a_broken_one_is_told_with_what_it_means(config, capsys):
    path = write(config, GOOD.replace("connection", "conection"))
    assert main(["check-config", str(config)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f'{path}:8: patterns.maintenance.class: "conection" is not known; did you mean' in err
    assert "runs without\npatterns of your own" in err
    assert "built-in" not in err


def test_a_broken_one_is_told_in_json(config, capsys):
    write(config, "patterns: {a: {}}\n")
    assert main(["check-config", "--json", str(config)]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert found["problems"][0]["key"] == "patterns.a"


def test_a_file_that_smtpds_user_can_not_read_is_noted(config, capsys, monkeypatch):
    path = write(config, GOOD)
    path.chmod(0o600)
    nobody = access.Account("_smtpd", os.geteuid() + 12345, frozenset())
    monkeypatch.setattr(access, "account", lambda names: nobody)
    monkeypatch.setattr(check_config.loader, "file_trouble", lambda path, reader: "")
    assert main(["check-config", str(config)]) == 0
    notes = capsys.readouterr().out
    assert f"smtpd runs its tables as _smtpd, which can't read {path}:" in notes
