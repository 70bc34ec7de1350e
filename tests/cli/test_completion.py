import pytest
from tests.cli.fake_daemon import status_reply
from tests.support import statuses

from tablewatch.cli.completion import SHELLS
from tablewatch.cli.main import COMMANDS, main


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_for_each_shell_knows_every_command_and_says_what_made_it(capsys, shell):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"made by: tablewatch completion {shell}\n" in script
    assert all(name in script for name in COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["csh"], ["bash", "--tables"]])
def test_another_shell_is_64(capsys, arguments):
    with pytest.raises(SystemExit) as raised:
        main(["completion", *arguments])
    assert raised.value.code == 64


@pytest.fixture
def configured(daemon, tmp_path, monkeypatch):
    config = tmp_path / "tablewatch.yml"
    config.write_text(f"daemon: {{directory: {tmp_path}}}\n", encoding="utf-8")
    config.chmod(0o644)
    monkeypatch.setenv("TABLEWATCH_CONFIG", str(config))
    return daemon


def test_names_that_a_shell_could_take_for_something_else_are_left_out(configured, capsys):
    names = ["creds", "a_b-c.d", "$(id)", "-rf", "two words", "x;y", "\u0142"]
    reports = [statuses.report(statuses.well(name)) for name in names]
    configured.answers["status"] = status_reply(statuses.host(*reports))
    assert main(["completion", "--tables"]) == 0
    assert capsys.readouterr().out.splitlines() == ["a_b-c.d", "creds"]


def test_without_a_daemon_nothing_is_said(configured, capsys):
    configured.stop()
    assert main(["completion", "--tables"]) == 3
    assert capsys.readouterr() == ("", "")
