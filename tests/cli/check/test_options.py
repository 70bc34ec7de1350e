"""The command line of the plugin."""

import pytest

from tablewatch.cli.check.metrics import METRICS
from tablewatch.cli.check.options import PORT, SOCKET, Options, UsageError, parse
from tablewatch.cli.check.ranges import parse_range
from tablewatch.cli.check.states import State
from tablewatch.config.daemon_settings import CONTROL_SOCKET, DaemonSettings
from tablewatch.config.places import split_address


def refusal(*arguments):
    with pytest.raises(UsageError) as raised:
        parse(list(arguments))
    return str(raised.value)


def test_nothing_needs_to_be_said():
    assert parse([]) == Options()
    assert Options().seconds == 10
    assert Options().late is State.UNKNOWN


def test_the_defaults_are_those_of_the_daemon():
    assert f"{DaemonSettings().directory}/{CONTROL_SOCKET}" == SOCKET
    assert {split_address(each)[1] for each in DaemonSettings().listen} == {PORT}


@pytest.mark.parametrize(
    ("text", "seconds", "state"),
    [
        ("8", 8, State.UNKNOWN),
        ("8:CRITICAL", 8, State.CRITICAL),
        ("0.5:warning", 0.5, State.WARNING),
        ("20:0", 20, State.OK),
    ],
)
def test_the_timeout_has_seconds_and_a_state(text, seconds, state):
    options = parse(["-t", text])
    assert (options.seconds, options.late) == (seconds, state)


@pytest.mark.parametrize("text", ["0", "", "x", "-1", "3601", "nan", "1e3", "10:", "10:BAD", ":OK"])
def test_no_other_timeout_is_taken(text):
    assert "write" in refusal(f"--timeout={text}")


def test_the_host_and_its_port_make_an_address():
    assert parse(["-H", "mx.example.org"]).url == f"http://mx.example.org:{PORT}"
    assert parse(["-H", "2001:db8::25", "-p", "80"]).url == "http://[2001:db8::25]:80"


@pytest.mark.parametrize("port", ["0", "65536", "x", "", "-1"])
def test_no_other_port_is_taken(port):
    assert "a number from 1 to 65535" in refusal("-H", "mx", f"--port={port}")


@pytest.mark.parametrize("host", ["mx/../x", "user@mx", "a b", "mx?x", "mx#"])
def test_a_host_is_a_name_or_an_address(host):
    assert "no name or address" in refusal("-H", host)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-p", "80"], "goes with --hostname"),
        (["-u", "http://mx", "-p", "80"], "goes with --hostname"),
        (["--credentials", "/x"], "go with --url"),
        (["--ca-file", "/x", "-s", "/y"], "go with --url"),
        (["-u", "http://mx", "-s", "/y"], "not allowed with"),
        (["-H", "mx", "-s", "/y"], "not allowed with"),
        (["positional"], "unrecognized arguments"),
        (["--verb"], "unrecognized arguments"),
        (["-w"], "expected one argument"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, said):
    assert said in refusal(*arguments)


def test_there_is_no_option_for_a_password():
    for option in ("-a", "--password", "--user", "--authorization"):
        assert "unrecognized arguments" in refusal("-u", "http://mx", option, "x")


def test_a_range_without_a_name_is_for_the_one_metric():
    options = parse(["--metric", "p99", "-w", "0.5", "-c", "2"])
    assert options.metrics == (METRICS["p99"],)
    assert options.warnings == {"p99": parse_range("0.5")}
    assert options.criticals == {"p99": parse_range("2")}


def test_a_range_with_a_name_asks_for_the_metric():
    options = parse(["-w", "budget=-5:", "-c", "p99=@~:2", "--metric", "memory"])
    assert [each.name for each in options.metrics] == ["memory", "budget", "p99"]
    assert options.warnings["budget"].start == -5
    assert options.criticals["p99"].inside


def test_repeated_names_count_once():
    options = parse(["--table", "b", "--table", "a", "--table", "b", "--metric", "p50", "-w", "1"])
    assert options.tables == ("b", "a")
    assert len(options.metrics) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-w", "5"], "a range needs a metric; write it like --warning p99=5"),
        (["-c", "5"], "--critical p99=5"),
        (["--metric", "p99", "--metric", "p50", "-w", "5"], "of which metric?"),
        (["-w", "p99=1", "-w", "p99=2"], "two ranges for p99"),
        (["--metric", "p9"], "did you mean p99?"),
        (["--metric", "whatever"], "there is p50, p95, p99, last-good"),
        (["-w", "latency=3"], "no metric 'latency'"),
        (["-w", "p99=2:1"], "--warning: '2:1' ends before it starts"),
        (["-w", "p99=500ms"], "is no range"),
        (["-w", "p99="], "is no range"),
        (["-w", "=5"], "no metric ''"),
    ],
)
def test_every_refusal_says_what_to_write(arguments, said):
    assert said in refusal(*arguments)


def test_the_help_names_every_metric_and_its_unit(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    said = capsys.readouterr().out
    for metric in METRICS.values():
        assert f"  {metric.name:<12} {metric.unit:<2} {metric.what}\n" in said
