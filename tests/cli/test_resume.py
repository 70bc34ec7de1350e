from tests.cli.fake_daemon import tables_reply

from tablewatch.cli.main import main


def test_a_table_that_was_not_paused_says_so(daemon, capsys):
    daemon.answers["resume"] = tables_reply(a=(True, "resumed"), b=(True, "was not paused"))
    assert main(["resume", "--all", "--socket", daemon.path]) == 0
    assert capsys.readouterr().out == "a: resumed\nb: was not paused\n"
