import socket

import pytest
import yaml

from tablewatch.config.daemon_settings import CONTROL_SOCKET, LINK_SOCKET, DaemonSettings
from tablewatch.config.places import split_address
from tablewatch.config.reader import parse
from tablewatch.config.schema import keys, value
from tablewatch.config.settings import Config
from tablewatch.config.values import Count, Duration, Several
from tablewatch.errors import ConfigError

ALL = list(keys(DaemonSettings))


@pytest.mark.parametrize(("key", "kind"), ALL, ids=[key for key, _ in ALL])
def test_every_default_is_valid_and_survives_being_written(key, kind):
    default = value(DaemonSettings(), key)
    written = yaml.load(kind.write(default), yaml.BaseLoader)
    if isinstance(kind, Several):
        assert tuple(kind.item.read(one) for one in written) == default
    else:
        assert kind.read(written) == default


@pytest.mark.parametrize(("key", "kind"), ALL, ids=[key for key, _ in ALL])
def test_every_range_has_a_reason(key, kind):
    if isinstance(kind, Duration | Count):
        assert kind.low < kind.high
        assert len(kind.why) > 20


def test_only_this_host_may_look_unless_somebody_says_otherwise():
    assert [split_address(one)[0] for one in DaemonSettings().listen] == ["127.0.0.1"]


def test_nobody_but_root_may_change_anything_unless_somebody_says_otherwise():
    assert DaemonSettings().operators == ()


def test_the_daemon_is_configured_in_a_group_of_its_own():
    text = "daemon: {listen: [':10099', '[::1]:9'], operators: alice, timeout: 250ms}"
    expected = DaemonSettings(listen=(":10099", "[::1]:9"), operators=("alice",), timeout=0.25)
    assert parse(text, "/x.yml").config() == Config(path="/x.yml", daemon=expected)


def test_it_may_listen_nowhere():
    assert parse("daemon: {listen: []}", "/x.yml").config().daemon.listen == ()


def test_tables_have_no_daemon_of_their_own():
    with pytest.raises(ConfigError, match="belongs under daemon: at the left margin"):
        parse("tables: {creds: {forget_after: 1h}}", "/x.yml")
    with pytest.raises(ConfigError, match="daemon: stands at the left margin"):
        parse("tables: {creds: {daemon: {timeout: 1s}}}", "/x.yml")


def test_the_longest_directory_leaves_room_for_the_names_of_the_sockets(tmp_path):
    kind = dict(ALL)["directory"]
    longest = "/" + "x" * (kind.longest - 1)
    assert kind.read(longest) == longest
    assert len(f"{longest}/{max(CONTROL_SOCKET, LINK_SOCKET, key=len)}\0") == 104
    # The system agrees that such a path can be one (which is not there).
    with socket.socket(socket.AF_UNIX) as connection, pytest.raises(FileNotFoundError):
        connection.connect(f"{longest}/{CONTROL_SOCKET}")
    with pytest.raises(ValueError, match="too long"):
        kind.read(longest + "x")
