import pytest
from tests.cli.fake_daemon import tables_reply

from tablewatch.cli.main import main


@pytest.mark.parametrize(
    ("options", "seconds", "term"),
    [([], 3600.0, "1h"), (["--for", "90s"], 90.0, "1m30s"), (["--for", "1d"], 86_400.0, "1d")],
)
def test_a_pause_ends_by_itself_after_an_hour_or_as_said(daemon, capsys, options, seconds, term):
    daemon.answers["pause"] = tables_reply(creds=(True, "paused"))
    assert main(["pause", "creds", *options, "--socket", daemon.path]) == 0
    assert daemon.questions[0]["arguments"] == {"seconds": seconds}
    assert capsys.readouterr().out == f"creds: paused for {term}\n"


def test_a_pause_that_is_refused_does_not_say_for_how_long(daemon, capsys):
    daemon.answers["pause"] = tables_reply(creds=(False, "its mode is observe"))
    assert main(["pause", "creds", "--socket", daemon.path]) == 1
    assert capsys.readouterr().err == "tablewatch: creds: its mode is observe\n"


@pytest.mark.parametrize("term", ["5", "0", "-1s", "forever"])
def test_a_time_that_is_none_is_64(daemon, capsys, term):
    with pytest.raises(SystemExit) as raised:
        main(["pause", "creds", f"--for={term}", "--socket", daemon.path])
    assert raised.value.code == 64
    assert daemon.questions == []
