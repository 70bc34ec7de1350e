from tests.cli.fake_daemon import tables_reply

from tablewatch.cli.main import main


def test_a_reset_has_no_arguments(daemon, capsys):
    daemon.answers["reset"] = tables_reply(creds=(True, "all keys released, breaker closed"))
    assert main(["reset", "creds", "--socket", daemon.path]) == 0
    assert daemon.questions == [
        {"version": 1, "command": "reset", "table": "creds", "arguments": {}}
    ]
    assert capsys.readouterr().out == "creds: all keys released, breaker closed\n"
