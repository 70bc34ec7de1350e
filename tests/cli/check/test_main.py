"""The program by its contract: exit status, output on stdout, time, surroundings."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest
from tests.cli.check.scene import (
    FakeDaemon,
    FakeWeb,
    check,
    environment,
    place_for_everybody,
    reply,
    sends,
)
from tests.support.statuses import down, everything, host, report, troubled, well

from tablewatch import __version__
from tablewatch.cli.check import main as program
from tablewatch.control.records import to_plain
from tablewatch.control.wire import MAX_REPLY

MODULE = [sys.executable, "-m", "tablewatch.cli.check.main"]


@pytest.mark.parametrize(
    ("table", "exit_status", "text"),
    [
        (well(), 0, "TABLEWATCH OK: creds is well; last good answer just now"),
        (troubled(), 1, "TABLEWATCH WARNING: creds: the key has characters that"),
        (down(), 2, "TABLEWATCH CRITICAL: users: the database can't be reached (5m12s)"),
    ],
)
def test_the_exit_status_is_the_state(daemon, table, exit_status, text):
    daemon.says = reply(host(report(table)))
    said = check("-s", daemon.path)
    assert said.status == exit_status
    assert said.text.startswith(text)
    assert len(said.text) < 80
    assert said.perfdata.startswith("'ok'=")
    assert said.err == ""


def test_ok_to_critical_and_back(daemon):
    seen = []
    for table in (well(), down("creds"), well()):
        daemon.says = reply(host(report(table)))
        seen.append(check("-s", daemon.path).status)
    assert seen == [0, 2, 0]


def test_the_page_says_the_same(daemon):
    daemon.says = reply(everything())
    page = json.dumps(to_plain(everything())).encode()
    with FakeWeb(sends(page)) as web:
        over_http = check("-H", "127.0.0.1", "-p", web.port)
    assert over_http.out == check("-s", daemon.path).out
    assert over_http.status == 2


def test_verbose_says_more(daemon):
    daemon.says = reply(host(report(well())))
    lengths = [len(check("-s", daemon.path, *["-v"] * count).below) for count in range(4)]
    assert lengths == [0, 1, 3, 4]
    last = check("-s", daemon.path, "-vvv").below[-1]
    assert last.startswith(f"asked {daemon.path}, ")
    assert last.endswith("s; tablewatchd 0.1.0, pid 99, for 2h, 1 supervisor")


def test_a_daemon_that_does_not_run_is_critical(tmp_path):
    with FakeDaemon(tmp_path / "gone.sock") as left:
        path = left.path
    said = check("-s", path)
    assert (said.status, said.text) == (2, "TABLEWATCH CRITICAL: tablewatchd can't be reached")
    assert "start it with: rcctl start tablewatchd" in said.below[0]


def test_a_socket_that_nobody_serves_is_critical(tmp_path):
    with FakeDaemon(tmp_path / "left.sock") as left:
        os.link(left.path, tmp_path / "stale.sock")
    assert check("-s", tmp_path / "stale.sock").status == 2


@pytest.mark.parametrize(("state", "status"), [("", 3), (":CRITICAL", 2), (":1", 1), (":ok", 0)])
def test_silence_ends_with_the_state_that_was_asked_for(daemon, state, status):
    daemon.says = lambda _: daemon.until_the_end()
    said = check("-s", daemon.path, "-t", f"0.3{state}")
    assert said.status == status
    assert said.text.endswith(": no answer within 0.3 s")
    assert "look at the log of tablewatchd" in said.below[0]


def test_an_answer_that_comes_byte_by_byte_does_not_keep_us(daemon):
    def drip(connection):
        for byte in reply(everything()):
            if daemon.ending:
                return
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    daemon.says = drip
    said = check("-s", daemon.path, "-t", "0.5")
    assert (said.status, said.text) == (3, "TABLEWATCH UNKNOWN: no answer within 0.5 s")


def test_a_page_that_comes_byte_by_byte_does_not_keep_us():
    page = json.dumps(to_plain(everything())).encode()
    done = []

    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        for byte in page:
            if done:
                return
            handler.wfile.write(bytes([byte]))
            time.sleep(0.05)

    with FakeWeb(drip) as web:
        said = check("-u", web.url, "-t", "0.5")
        done.append(True)
    assert (said.status, said.text) == (3, "TABLEWATCH UNKNOWN: no answer within 0.5 s")


@pytest.mark.parametrize(
    ("says", "status", "text"),
    [
        (b"", 2, "tablewatchd can't be reached"),
        (b'{"ok": tr', 2, "tablewatchd can't be reached"),
        (b"220 mx.example.org ESMTP\n", 3, "a line that is no JSON"),
        (b"[]\n", 3, "a line that is no JSON object"),
        (b"{}\n", 3, "can't be understood"),
        (b'{"ok": true, "data": {}}\n', 3, "HostStatus is no object"),
        (b'{"ok": false, "text": "a|b\\nc"}\n', 3, "a/b c"),
        (b"[" * 100_000 + b"\n", 3, "a line that is no JSON"),
        (b"\x00\xff" * 100 + b"\n", 3, "a line that is no JSON"),
    ],
)
def test_garbage_has_a_state_and_a_line(daemon, says, status, text):
    daemon.says = says
    said = check("-s", daemon.path)
    assert said.status == status
    assert text in said.text
    assert said.text.startswith("TABLEWATCH ")
    assert "|" not in said.out
    assert said.err == ""


def test_too_much_is_not_read_to_its_end(daemon):
    sent = []

    def flood(connection):
        while not daemon.ending and sum(sent) < 100 * MAX_REPLY:
            sent.append(connection.send(b" " * 65536))

    daemon.says = flood
    said = check("-s", daemon.path, "-t", "120")
    assert (said.status, said.text) == (
        3,
        f"TABLEWATCH UNKNOWN: a line of more than {MAX_REPLY} bytes",
    )
    assert sum(sent) < 2 * MAX_REPLY


def test_a_hundred_tables_are_checked_at_once(daemon):
    daemon.says = reply(host(*(report(well(f"table-{each}")) for each in range(100))))
    said = check("-s", daemon.path)
    assert (said.status, said.text) == (0, "TABLEWATCH OK: 100 tables are well")
    assert len(said.out) < 8192


@pytest.mark.parametrize("option", ["-h", "--help", "-V", "--version"])
def test_help_and_version_exit_with_3_on_stdout(option):
    said = check(option)
    assert (said.status, said.err) == (3, "")
    if option in ("-V", "--version"):
        assert said.out == f"check_tablewatch v{__version__} (tablewatch {__version__})\n"
    else:
        assert said.out.startswith("usage: check_tablewatch ")
        assert max(map(len, said.out.splitlines())) <= 100


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["-w", "1"], ["-t", "x"], ["-u", "http://a:b@c"], ["-c"], ["x|y"]]
)
def test_a_wrong_command_line_is_unknown_on_stdout(arguments):
    said = check(*arguments)
    assert (said.status, said.err) == (3, "")
    assert said.first.startswith("TABLEWATCH UNKNOWN: ")
    assert "|" not in said.out


def test_whatever_is_unforeseen_is_unknown(daemon, monkeypatch, capsys):
    def fail(_):
        raise RuntimeError("a|b\nc")

    for name in ("status", "parse"):
        with monkeypatch.context() as patch:
            patch.setattr(program, name, fail)
            assert program.main(["-s", daemon.path]) == 3
        said = capsys.readouterr().out
        assert said.startswith("TABLEWATCH UNKNOWN: unforeseen RuntimeError: a/b c\n")


def test_an_interruption_is_unknown(monkeypatch, capsys):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "parse", interrupt)
    assert program.main([]) == 3
    assert capsys.readouterr().out == "TABLEWATCH UNKNOWN: interrupted\n"


def test_a_name_server_that_hangs_does_not_keep_us(monkeypatch, capsys):
    asked, end = threading.Event(), threading.Event()

    def resolve(*_):
        asked.set()
        end.wait()
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    try:
        assert program.main(["-H", "mx.example.org", "-t", "0.3:CRITICAL"]) == 2
        assert asked.wait(60)  # on a slow machine even later
    finally:
        end.set()
    assert capsys.readouterr().out.startswith("TABLEWATCH CRITICAL: no answer within 0.3 s\n")


def test_a_reader_that_left_does_not_change_the_state(daemon):
    daemon.says = reply(host(report(down())))
    for arguments, status in ((["-s", daemon.path], 2), (["--help"], 3)):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [*MODULE, *arguments],
            stdout=write,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
        os.close(write)
        assert (done.returncode, done.stderr) == (status, b"")


def test_a_full_disk_does_not_change_the_state(daemon):
    daemon.says = reply(host(report(down())))
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*MODULE, "-s", daemon.path],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, b"")


def test_no_standard_descriptor_is_needed(daemon):
    daemon.says = reply(host(report(down())))
    closed = ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *MODULE, "-s", daemon.path]
    assert subprocess.run(closed, env=environment(), check=False).returncode == 2
    # Nothing was written to the socket, which may have got the number of stdout.
    assert [each["command"] for each in daemon.questions] == ["status"]


@pytest.mark.parametrize("name", ["C", "POSIX", "C.UTF-8", "en_US.ISO-8859-1", "de_DE"])
def test_it_speaks_the_same_in_every_locale(daemon, name):
    daemon.says = reply(host(report(well("postfächer"))))
    said = check("-s", daemon.path, "--metric", "p99", env=environment(LC_ALL=name))
    assert said.status == 0
    assert said.perfdata == "'p99.postf_cher'=0.002492s;;;0"
    assert said.text in (
        "TABLEWATCH OK: postfächer p99 0.002492s",
        "TABLEWATCH OK: postf\\xe4cher p99 0.002492s",
    )


def test_ascii_is_enough(daemon):
    daemon.says = reply(host(report(well("postfächer"))))
    said = check("-s", daemon.path, env=environment(PYTHONIOENCODING="ascii", PYTHONUTF8="0"))
    assert said.text.startswith("TABLEWATCH OK: postf\\xe4cher is well")


def test_it_asks_the_configured_socket(tmp_path):
    config = tmp_path / "tablewatch.yml"
    config.write_text(f"daemon:\n  directory: {tmp_path}\n")
    config.chmod(0o644)
    with FakeDaemon(tmp_path / "control.sock", reply(host(report(well())))):
        said = check("-vvv", env=environment(TABLEWATCH_CONFIG=str(config)))
    assert said.status == 0
    assert said.below[-1].startswith(f"asked {tmp_path}/control.sock")


def test_only_what_is_needed_is_loaded(daemon):
    daemon.says = reply(host(report(well())))
    code = (
        "import sys; from tablewatch.cli.check.main import main; "
        "main(sys.argv[1:]); print(*sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "-s", daemon.path],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "tablewatch.control.client" in loaded
    heavy = {"yaml", "psutil", "prometheus_client", "ssl", "http.client", "urllib.request", "email"}
    assert loaded & {*heavy, "asyncio", "subprocess", "tablewatch.config.loader"} == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_user_nobody_may_check():
    with (
        place_for_everybody() as (place, user, group, python),
        FakeDaemon(place / "control.sock", reply(host(report(down())))) as daemon,
    ):
        alone = {**environment(), "PYTHONPATH": str(place / "src")}
        options = {"user": user, "group": group, "extra_groups": [], "cwd": "/", "env": alone}
        said = check("-s", daemon.path, python=python, **options)
        assert (said.status, said.err) == (2, "")
        assert said.text.startswith("TABLEWATCH CRITICAL: users: the database")
        os.chmod(daemon.path, 0o600)
        said = check("-s", daemon.path, python=python, **options)
    assert (said.status, said.err) == (3, "")
    assert "permission denied" in said.text
