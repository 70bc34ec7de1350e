"""Asking the control socket: the given one, the usual one, the configured one."""

import pytest
from tests.cli.check.scene import FakeDaemon, reply
from tests.support.statuses import everything, host, report, well

from tablewatch.cli.check import sources
from tablewatch.cli.check.options import Options
from tablewatch.control.wire import VERSION
from tablewatch.errors import ControlError, DaemonAbsent, DaemonSilent


@pytest.fixture
def usual(tmp_path, monkeypatch):
    """Where the socket is by default, and the configuration."""
    config = tmp_path / "tablewatch.yml"
    monkeypatch.setattr(sources, "SOCKET", str(tmp_path / "usual.sock"))
    monkeypatch.setenv("TABLEWATCH_CONFIG", str(config))

    def configure(text, mode=0o644):
        config.write_text(text)
        config.chmod(mode)

    return configure


def test_the_status_is_what_the_daemon_says(daemon):
    daemon.says = reply(everything())
    assert sources.status(Options(socket=daemon.path)) == (everything(), daemon.path)
    assert daemon.questions == [
        {"version": VERSION, "command": "status", "table": "", "arguments": {}}
    ]


def test_a_refusal_is_told(daemon):
    daemon.says = b'{"ok": false, "text": "of another release"}\n'
    with pytest.raises(ControlError, match="of another release"):
        sources.status(Options(socket=daemon.path))


def test_silence_is_not_absence(daemon):
    daemon.says = lambda _: daemon.until_the_end()
    with pytest.raises(DaemonSilent):
        sources.status(Options(socket=daemon.path, seconds=0.2))
    with pytest.raises(DaemonAbsent):
        sources.status(Options(socket=daemon.path + "x"))


def test_the_usual_socket_is_asked_without_a_look_at_the_configuration(tmp_path, usual):
    usual("never: looked at\n")
    with FakeDaemon(tmp_path / "usual.sock", reply(everything())) as daemon:
        assert sources.status(Options()) == (everything(), daemon.path)


def test_where_nobody_listens_the_configuration_names_the_directory(tmp_path, usual):
    moved = tmp_path / "moved"
    moved.mkdir()
    usual(f"daemon:\n  directory: {moved}\n")
    only = host(report(well()))
    with FakeDaemon(moved / "control.sock", reply(only)) as daemon:
        assert sources.status(Options()) == (only, daemon.path)


@pytest.mark.parametrize(
    ("text", "more"),
    [("defaults: {}\n", "$"), ("broken: [\n", r"; or name its socket with -s, .*tablewatch\.yml:")],
)
def test_a_configuration_that_does_not_help_does_not_hurt(usual, text, more):
    usual(text)
    with pytest.raises(DaemonAbsent, match=f"is tablewatchd running.*systemctl.*{more}"):
        sources.status(Options())


def test_a_socket_that_was_named_is_the_only_one(tmp_path, usual):
    with (
        FakeDaemon(tmp_path / "usual.sock", reply(everything())),
        pytest.raises(DaemonAbsent, match=r"other\.sock"),
    ):
        sources.status(Options(socket=str(tmp_path / "other.sock")))
