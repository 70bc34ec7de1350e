import json
import time

import pytest
from tests.cli.fake_daemon import refusal, status_reply
from tests.support import statuses

from tablewatch.cli.main import main
from tablewatch.control import client
from tablewatch.control.records import from_plain
from tablewatch.control.status import HostStatus


@pytest.fixture
def status(daemon, capsys):
    """Run `tablewatch status`; return exit status, stdout and stderr."""

    def status(*arguments, host=None):
        if host is not None:
            daemon.answers["status"] = status_reply(host)
        code = main(["status", "--socket", daemon.path, *arguments])
        return code, *capsys.readouterr()

    return status


@pytest.mark.parametrize(
    ("reports", "code"),
    [
        ([statuses.report(statuses.well())], 0),
        ([statuses.report(statuses.well("a")), statuses.report(statuses.troubled())], 1),
        ([statuses.report(statuses.troubled()), statuses.report(statuses.down())], 2),
        ([statuses.report(statuses.troubled()), statuses.silent()], 3),
        ([statuses.report(statuses.down()), statuses.gone()], 2),
        ([], 3),
    ],
)
def test_the_exit_status_is_the_worst_level(status, reports, code):
    found, out, err = status(host=statuses.host(*reports))
    assert (found, err) == (code, "")
    assert out.startswith("tablewatchd 0.1.0, up 2h: ")


def test_what_is_no_terminal_gets_no_colour_and_whole_lines(status):
    name = "customers-of-the-northern-branch-" * 3
    _, out, _ = status(host=statuses.host(statuses.report(statuses.well(name))))
    assert "\x1b" not in out
    assert f"\n{name}  ok" in out


def test_only_the_named_tables_are_shown_and_count(status):
    code, out, _ = status("aliases", "creds", host=statuses.everything())
    assert code == 1
    assert "users" not in out
    assert "creds: warning" in out


def test_a_table_that_is_not_there_is_told_with_the_nearest(status):
    code, out, err = status("crds", host=statuses.everything())
    assert (code, out, err) == (3, "", "tablewatch: no table crds; did you mean creds?\n")


def test_json_is_the_whole_record_and_its_level(status):
    host = statuses.everything()
    code, out, _ = status("--json", host=host)
    data = json.loads(out)
    assert (code, data["level"]) == (2, "critical")
    assert from_plain(HostStatus, data) == host


def test_json_can_be_of_some_tables(status):
    code, out, _ = status("--json", "creds", host=statuses.everything())
    data = json.loads(out)
    assert (code, data["level"]) == (1, "warning")
    assert [each["table"] for each in data["tables"]] == ["creds"]


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_without_a_daemon_it_is_unknown_and_says_what_to_do(status, daemon, as_json):
    daemon.stop()
    code, out, err = status(*as_json)
    said = json.loads(out)["error"] if as_json else err
    assert code == 3
    assert "is tablewatchd running? start it with" in said
    if as_json:
        assert json.loads(out)["level"] == "unknown"
        assert err == ""


def test_a_daemon_that_refuses_or_talks_nonsense_is_unknown(status, daemon):
    daemon.answers["status"] = refusal("busy\x1b")
    assert status()[::2] == (3, "tablewatch: busy\\x1b\n")
    daemon.answers["status"] = {"ok": True, "data": {"status": {"time": "noon"}}}
    assert status()[::2] == (3, "tablewatch: HostStatus.time is no float\n")


def test_a_daemon_that_hangs_is_unknown_after_a_while(status, monkeypatch):
    real = client.Control.__init__
    monkeypatch.setattr(client.Control, "__init__", lambda self, path, _: real(self, path, 0.2))
    began = time.monotonic()
    code, _, err = status()
    assert code == 3
    assert "no answer within 0.2 s" in err
    assert time.monotonic() - began < 60


def test_the_socket_is_found_by_the_configuration(daemon, tmp_path, capsys, monkeypatch):
    config = tmp_path / "tablewatch.yml"
    config.write_text(f"daemon: {{directory: {tmp_path}}}\n", encoding="utf-8")
    config.chmod(0o644)
    monkeypatch.setenv("TABLEWATCH_CONFIG", str(config))
    daemon.answers["status"] = status_reply(statuses.everything())
    assert main(["status"]) == 2
    assert "4 tables" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--watch", "0"], "write 0.1 to 3600 seconds"),
        (["--watch", "2 s"], "write 2s"),
        (["--watch", "2h"], "write 0.1 to 3600 seconds"),
        (["--watch", "1.5x"], "1.5x"),
        ([""], "can't be empty"),
        (["--jsn"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_is_64_and_asks_nothing(daemon, capsys, arguments, said):
    with pytest.raises(SystemExit) as raised:
        main(["status", "--socket", daemon.path, *arguments])
    assert raised.value.code == 64
    assert said in capsys.readouterr().err
    assert daemon.questions == []


def test_an_empty_path_is_no_socket(capsys):
    with pytest.raises(SystemExit) as raised:
        main(["status", "--socket", ""])
    assert raised.value.code == 64


@pytest.mark.parametrize(
    ("arguments", "names", "interval"),
    [
        (["--watch"], [], 2.0),
        (["--watch", "5"], [], 5.0),
        (["--watch", "0.5", "creds"], ["creds"], 0.5),
        (["creds", "--watch", "500ms"], ["creds"], 0.5),
        (["--watch", "creds"], ["creds"], 2.0),
        (["users", "--watch", "creds"], ["users", "creds"], 2.0),
    ],
)
def test_how_often_is_said_in_seconds_or_as_in_the_configuration(
    monkeypatch, daemon, arguments, names, interval
):
    seen = []
    monkeypatch.setattr(
        "tablewatch.cli.watch.follow",
        lambda ask, names, interval, as_json: seen.append((names, interval, as_json)) or 0,
    )
    main(["status", "--socket", daemon.path, *arguments])
    assert seen == [(names, interval, False)]
