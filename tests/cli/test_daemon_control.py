import argparse
import json

import pytest
from tests.cli.fake_daemon import FakeDaemon, refusal, status_reply, tables_reply
from tests.support import statuses

from tablewatch.cli import daemon_control
from tablewatch.cli.main import main
from tablewatch.config.daemon_settings import DaemonSettings

ORDERS = ["reset", "pause", "resume", "reload"]


@pytest.fixture
def order(daemon, capsys):
    """Run a command; return its exit status, stdout and stderr."""

    def order(*arguments):
        code = main([*arguments, "--socket", daemon.path])
        return code, *capsys.readouterr()

    return order


@pytest.mark.parametrize("command", ORDERS)
def test_what_was_done_is_told_and_0(order, daemon, command):
    daemon.answers[command] = tables_reply(creds=(True, "as you wish"))
    code, out, err = order(command, "creds")
    assert (code, err) == (0, "")
    assert out.startswith("creds: as you wish")
    (question,) = daemon.questions
    assert (question["command"], question["table"]) == (command, "creds")


@pytest.mark.parametrize("command", ORDERS)
def test_all_tables_is_said_by_no_name_on_the_wire(order, daemon, command):
    daemon.answers[command] = tables_reply(b=(True, ""), a=(True, ""))
    code, out, _ = order(command, "--all")
    assert code == 0
    assert out.startswith("a, b: done")
    assert daemon.questions[0]["table"] == ""


def test_one_table_that_failed_is_1_and_told_on_stderr(order, daemon):
    daemon.answers["reset"] = tables_reply(
        a=(True, "reset"), b=(False, "its supervisor does not answer")
    )
    assert order("reset", "--all") == (
        1,
        "a: reset\n",
        "tablewatch: b: its supervisor does not answer\n",
    )


def test_a_refusal_of_the_whole_is_1(order, daemon):
    daemon.answers["reset"] = refusal("reset is for root")
    daemon.answers["status"] = status_reply(statuses.everything())
    assert order("reset", "creds") == (1, "", "tablewatch: reset is for root\n")


def test_a_table_that_is_not_there_is_told_with_the_nearest(order, daemon):
    daemon.answers["reset"] = refusal("no such table")
    daemon.answers["status"] = status_reply(statuses.everything())
    assert order("reset", "crds") == (1, "", "tablewatch: no table crds; did you mean creds?\n")


def test_nothing_done_is_not_0(order, daemon):
    daemon.answers["reset"] = tables_reply()
    code, _, err = order("reset", "--all")
    assert (code, err) == (1, "tablewatch: no table is connected; nothing was done\n")


def test_without_a_daemon_it_is_3(order, daemon):
    daemon.stop()
    code, out, err = order("reset", "creds")
    assert (code, out) == (3, "")
    assert "start it with" in err


@pytest.fixture
def usual(daemon, monkeypatch, tmp_path):
    """Let the daemon be where it is by default, and return what writes a configuration."""
    monkeypatch.setattr(daemon_control, "DaemonSettings", lambda: DaemonSettings(str(tmp_path)))
    file = tmp_path / "tablewatch.yml"
    monkeypatch.setenv("TABLEWATCH_CONFIG", str(file))

    def write(text):
        file.write_text(text, encoding="utf-8")
        file.chmod(0o644)
        return str(file)

    return write


def test_of_a_broken_file_only_the_supervisors_speak_where_the_usual_socket_is(
    daemon, usual, capsys
):
    file = usual("deadlin: 5s\n")
    daemon.answers["reload"] = tables_reply(creds=(False, f"{file}:1: deadlin: unknown key"))
    assert main(["reload"]) == 1
    assert capsys.readouterr() == ("", f"tablewatch: creds: {file}:1: deadlin: unknown key\n")


@pytest.mark.parametrize("command", ["reload", "status"])
def test_a_broken_file_that_may_name_another_socket_is_told_once_and_what_to_do(
    daemon, usual, capsys, tmp_path, command
):
    file = usual(f"daemon:\n  directory: {tmp_path}/elsewhere\ndeadlin: 5s\n")
    daemon.stop()
    (tmp_path / "control.sock").unlink()
    assert main([command]) == 3
    said = capsys.readouterr().err
    assert said.count(f"{file}:3") == 1
    assert f"\nso {tmp_path}/control.sock is tried; name another with --socket\n" in said
    assert said.count("is tablewatchd running?") == 1


def test_the_socket_is_in_the_configured_directory(usual, tmp_path):
    usual(f"daemon:\n  directory: {tmp_path}/elsewhere\n")
    (tmp_path / "elsewhere").mkdir()
    moved = FakeDaemon(tmp_path / "elsewhere" / "control.sock").start()
    moved.answers["reset"] = tables_reply(creds=(True, "as you wish"))
    try:
        assert main(["reset", "creds"]) == 0
    finally:
        moved.stop()


@pytest.mark.parametrize("tables", [[], {"a": {"ok": "yes"}}, {"a": 1}])
def test_an_answer_that_is_none_is_3(order, daemon, tables):
    daemon.answers["reset"] = {"ok": True, "text": "", "data": {"tables": tables}}
    code, _, err = order("reset", "a")
    assert code == 3
    assert err.startswith("tablewatch: ")


@pytest.mark.parametrize(
    ("answer", "code", "ok"),
    [
        (tables_reply(creds=(True, "done")), 0, True),
        (tables_reply(creds=(False, "no")), 1, False),
        (refusal("not for you"), 1, False),
        ({"ok": True, "data": {"tables": 7}}, 3, False),
    ],
)
def test_json_says_the_same_to_a_program_and_nothing_else(order, daemon, answer, code, ok):
    daemon.answers["reset"] = answer
    daemon.answers["status"] = status_reply(statuses.everything())
    found, out, err = order("reset", "creds", "--json")
    said = json.loads(out)
    assert (found, said["ok"], err) == (code, ok, "")
    assert set(said) == {"ok", "text", "tables"}
    if code == 1 and answer["ok"]:
        assert said["tables"] == {"creds": {"ok": False, "text": "no"}}
    else:
        assert said["text"] or ok


def test_what_a_supervisor_says_can_do_nothing_to_the_terminal(order, daemon):
    daemon.answers["reset"] = tables_reply(**{"a\n\x1b": (True, "two\nlines\x1b[2J")})
    assert order("reset", "--all")[1] == "a\\n\\x1b: two\nlines\\x1b[2J\n"


@pytest.mark.parametrize("command", ["reset", "pause", "resume"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [([], "required"), (["creds", "--all"], "not allowed with"), ([""], "can't be empty")],
)
def test_one_table_or_all_has_to_be_said_and_an_empty_name_is_not_all(
    daemon, capsys, command, arguments, said
):
    with pytest.raises(SystemExit) as raised:
        main([command, *arguments, "--socket", daemon.path])
    assert raised.value.code == 64
    assert said in capsys.readouterr().err
    assert daemon.questions == []


def test_a_term_is_a_duration_and_more_than_nothing():
    assert daemon_control.term("1h30m") == 5400.0
    for text, said in (("0", "more than 0"), ("5", "5s"), ("soon", "no duration")):
        with pytest.raises(argparse.ArgumentTypeError, match=said):
            daemon_control.term(text)
