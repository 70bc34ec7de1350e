"""tablewatchd as it is started: the real program with its real sockets, in a process of its own."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.daemon.running import RUN, Tablewatchd, free_port
from tests.support import incidents, statuses
from tests.support.hubs import Supervisor

from tablewatch import __version__
from tablewatch.control.client import Control
from tablewatch.control.records import to_plain
from tablewatch.daemon.hub import MAX_CONTROLS

linux = pytest.mark.skipif(sys.platform != "linux", reason="this is told by Linux' /proc")


@pytest.fixture
def daemon(tmp_path, monkeypatch):
    for name in ("TABLEWATCH_CONFIG", "NOTIFY_SOCKET", "JOURNAL_STREAM"):
        monkeypatch.delenv(name, raising=False)
    made = Tablewatchd(tmp_path)
    yield made
    made.close()


def program(*options, **environment):
    """Run tablewatchd with these options alone."""
    return subprocess.run(
        [sys.executable, "-c", RUN, *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# --- options ------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [["-x"], ["-f"], ["stop"], ["-n", "file"]])
def test_wrong_usage_is_told_the_right_one(options):
    done = program(*options)
    assert done.returncode == 1
    assert done.stderr.endswith("usage: tablewatchd [-dnv] [-f file]\n")


def test_help_and_version_are_no_errors():
    assert program("-h").stdout == "usage: tablewatchd [-dnv] [-f file]\n"
    done = program("--version")
    assert (done.returncode, done.stdout) == (0, f"tablewatchd {__version__}\n")


def test_a_good_configuration_is_ok(daemon):
    assert daemon.run("-n") == 0
    assert daemon.said == "configuration OK\n"


def test_a_bad_configuration_is_told_in_full(daemon):
    daemon.configure(timeout=5, operatrs="alice")
    assert daemon.run("-n") == 1
    first, second = daemon.said.splitlines()
    assert first == f"{daemon.conf}:4: daemon.timeout: 5 has no unit; write 5s, or 5ms"
    assert second.startswith(f"{daemon.conf}:5: daemon.operatrs: unknown key; did you mean")


def test_what_the_configuration_names_is_checked_as_well(daemon):
    missing = daemon.path / "web.yml"
    daemon.configure(web_config=missing)
    assert daemon.run("-n") == 1
    assert str(missing) in daemon.said
    missing.write_text("basic_auth_usrs: {}\n")
    missing.chmod(0o600)
    assert daemon.run("-n") == 1
    assert "basic_auth_usrs" in daemon.said


def test_a_check_needs_no_directory_and_no_port_and_touches_nothing(daemon):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        daemon.configure(directory="/nonexistent/run", listen=f"'127.0.0.1:{port}'")
        assert daemon.run("-n") == 0
    assert daemon.said == "configuration OK\n"


def test_a_check_disturbs_no_daemon(daemon):
    process = daemon.serve()
    assert daemon.run("-n") == 0
    assert process.poll() is None
    assert daemon.status().daemon.pid == process.pid


def test_a_missing_file_is_an_error_only_if_it_was_named(daemon, tmp_path):
    missing = str(tmp_path / "none.yml")
    for done in (program("-n", "-f", missing), program("-n", TABLEWATCH_CONFIG=missing)):
        assert done.returncode == 1
        assert done.stderr == f"{missing}: no such file; create it, or name the right one\n"
    code = RUN.replace("import sys", "import sys, tablewatch.daemon.main as m")
    code = code.replace("; sys.exit", f"; m.DEFAULT_CONFIG = {missing!r}; sys.exit")
    done = subprocess.run(
        [sys.executable, "-c", code, "-n"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "configuration OK\n")


def test_a_file_on_the_command_line_goes_before_the_environment(daemon):
    assert daemon.run("-n", TABLEWATCH_CONFIG="/nonexistent/tablewatch.yml") == 0


def test_a_file_is_found_again_from_wherever_it_was_named(daemon):
    code = f"import os; os.chdir({str(daemon.path)!r}); {RUN}"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "-f", daemon.conf.name], stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            for line in process.stderr:
                if line.startswith("started"):
                    break
            daemon.configure(timeout="9s")
            process.send_signal(signal.SIGHUP)
            said = process.stderr.readline()
        finally:
            process.kill()
    assert said.startswith(f"settings read from {daemon.conf};")


# --- start --------------------------------------------------------------------------------------


def test_it_serves_supervisors_tools_scrapers_and_people(daemon):
    process = daemon.serve()
    assert stat.S_IMODE((daemon.directory / "link.sock").stat().st_mode) == 0o660
    assert stat.S_IMODE((daemon.directory / "control.sock").stat().st_mode) == 0o666
    told = daemon.status().daemon
    assert (told.pid, told.config, told.supervisors) == (process.pid, str(daemon.conf), 0)
    assert daemon.get("/-/ready")[0] == 200
    assert (
        f'tablewatch_build_info{{python_version="{sys.version.split()[0]}"'
        in (daemon.get("/metrics")[1])
    )
    assert (
        'tablewatch_daemon_http_requests_total{code="200",path="/-/ready"} 1.0'
        in (daemon.get("/metrics")[1])
    )
    where = f"started; sockets in {daemon.directory}, page and metrics at 127.0.0.1:{daemon.port}\n"
    assert where in daemon.said


def test_it_may_listen_on_no_address(daemon):
    daemon.configure(listen="[]")
    daemon.serve()
    assert "page and metrics at no address" in daemon.said
    assert daemon.status().tables == []


def test_it_does_not_start_with_a_bad_configuration(daemon):
    daemon.configure(timeout=5)
    assert daemon.run() == 1
    assert f"error: {daemon.conf}:4: daemon.timeout: 5 has no unit" in daemon.said
    assert list(daemon.directory.iterdir()) == []


def test_a_second_one_at_the_same_place_leaves_the_first_alone(daemon):
    first = daemon.serve()
    daemon.configure(listen=f"'127.0.0.1:{free_port()}'")
    assert daemon.run() == 1
    assert re.search(r"error: .*\.sock: a tablewatchd is running there already", daemon.said)
    assert daemon.status().daemon.pid == first.pid


def test_the_sockets_of_one_that_was_killed_are_in_nobodys_way(daemon):
    first = daemon.serve()
    assert daemon.end(first, signal.SIGKILL) == -signal.SIGKILL
    assert (daemon.directory / "control.sock").exists()
    second = daemon.start()
    daemon.until("started; sockets in", second, times=2)
    assert daemon.status().daemon.pid == second.pid


def test_a_port_that_is_taken_is_named_and_no_socket_left_behind(daemon):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        daemon.configure(listen=f"'{address}'")
        assert daemon.run() == 1
    assert f"error: {address}: somebody else listens there already" in daemon.said
    assert list(daemon.directory.iterdir()) == []


def test_a_directory_that_is_not_there_is_told_how_to_make(daemon):
    daemon.configure(directory=daemon.path / "none")
    assert daemon.run() == 1
    assert f"-m 2751 {daemon.path / 'none'}\n" in daemon.said


def test_a_web_configuration_that_cannot_be_used_leaves_nothing_behind(daemon):
    daemon.configure(web_config="/nonexistent/web.yml")
    assert daemon.run() == 1
    assert "error: /nonexistent/web.yml" in daemon.said
    assert list(daemon.directory.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is warned of being root")
def test_root_is_told_what_to_do_instead(daemon):
    daemon.serve()
    assert "warning: running as root" in daemon.said
    assert "rcctl start tablewatchd, or systemctl start tablewatchd" in daemon.said


@linux
def test_the_process_is_what_a_daemon_should_be(daemon):
    process = daemon.serve()
    told = Path(f"/proc/{process.pid}/status").read_text()
    assert re.search(r"^Umask:\s+0077$", told, re.M)
    ignored = int(re.search(r"^SigIgn:\s+([0-9a-f]+)$", told, re.M)[1], 16)
    assert ignored & 1 << (signal.SIGPIPE - 1)
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert re.search(r"^Max core file size +[01] +[01] ", limits, re.M)  # corefile.py: why 1
    assert Path(f"/proc/{process.pid}/cwd").readlink() == Path("/")


@linux
def test_it_takes_the_descriptors_it_may_have(daemon):
    code = f"import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (128, 512)); {RUN}"
    process = daemon.start(code=code)
    daemon.until("started; sockets in", process)
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert re.search(r"^Max open files +512 +512 ", limits, re.M)


@linux
def test_no_socket_takes_the_place_of_a_closed_stderr(daemon):
    process = daemon.start(code=f"import os; os.closerange(0, 3); {RUN}")
    limit = time.monotonic() + 60
    while not (daemon.directory / "control.sock").exists():
        assert time.monotonic() < limit
        time.sleep(0.01)
    places = [Path(f"/proc/{process.pid}/fd/{each}").readlink() for each in range(3)]
    assert places == [Path("/dev/null")] * 3


def test_the_service_manager_hears_when_it_serves_and_when_it_stops(daemon):
    path = str(daemon.path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(60)
        process = daemon.start(NOTIFY_SOCKET=path)
        assert manager.recv(100) == b"READY=1"
        assert daemon.get("/-/ready")[0] == 200  # not a moment sooner
        process.send_signal(signal.SIGHUP)
        assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(100) == b"READY=1"
        assert daemon.end(process, signal.SIGTERM) == 0
        assert manager.recv(100) == b"STOPPING=1"


# --- stop ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_good_order(daemon, number):
    process = daemon.serve()
    assert daemon.end(process, number) == 0
    assert f"stopping ({number.name})\n" in daemon.said
    assert "error" not in daemon.said
    assert list(daemon.directory.iterdir()) == []
    with pytest.raises(OSError, match="refused"):
        daemon.get("/-/healthy")


def test_clients_that_hang_do_not_keep_it(daemon):
    process = daemon.serve()
    clients = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(20)]
    for name in ("control.sock", "link.sock"):
        clients.append(socket.socket(socket.AF_UNIX))
        clients[-1].connect(str(daemon.directory / name))
    assert daemon.end(process, signal.SIGTERM) == 0
    for client in clients:
        client.close()


def test_a_stop_that_hangs_has_an_end(daemon):
    hang = (
        "import time; import tablewatch.daemon.main as m; import tablewatch.daemon.service as s; "
        "m.PATIENCE = 0.1; s.Service.close = lambda self: time.sleep(600); "
    )
    process = daemon.start(code=hang + RUN)
    daemon.until("started; sockets in", process)
    assert daemon.end(process, signal.SIGTERM) == 1
    assert "error: not stopped after 0.1 s" in daemon.said


def test_a_signal_during_the_start_just_ends_it(daemon):
    hang = (
        "import time; import tablewatch.daemon.service as s; "
        "s.Service.start = lambda self: (self._log(6, 'hanging'), time.sleep(600)); "
    )
    process = daemon.start(code=hang + RUN)
    daemon.until("hanging", process)
    assert daemon.end(process, signal.SIGTERM) == -signal.SIGTERM


def test_it_does_not_go_on_when_one_of_its_threads_has_died(daemon):
    broken = (
        "import threading; import tablewatch.daemon.service as s\n"
        "start = s.Service.start\n"
        "def and_fail(self):\n"
        "    start(self)\n"
        "    threading.Thread(target=lambda: 1 / 0, name='hub').start()\n"
        "s.Service.start = and_fail\n"
    )
    assert daemon.run(code=broken + RUN) == 1
    assert "error: internal error in hub: ZeroDivisionError" in daemon.said
    assert "stopping (no hub)\n" in daemon.said
    assert list(daemon.directory.iterdir()) == []


# --- reload -------------------------------------------------------------------------------------


def test_a_reload_moves_it_to_another_address(daemon):
    process = daemon.serve()
    old, daemon.port = daemon.port, free_port()
    daemon.configure()
    process.send_signal(signal.SIGHUP)
    daemon.until(f"settings read from {daemon.conf}; page and metrics at 127.0.0.1:", process)
    assert daemon.get("/-/healthy")[0] == 200
    with pytest.raises(OSError, match="refused"):
        daemon.get("/-/healthy", old)
    assert process.poll() is None


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"timeout": 5}, ":4: daemon.timeout: 5 has no unit; write 5s, or 5ms"),
        ({"web_config": "/nonexistent/web.yml"}, "error: /nonexistent/web.yml"),
        ({"listen": "'192.0.2.1:10099'"}, "error: 192.0.2.1:10099: this host has no such address"),
    ],
)
def test_a_reload_that_fails_says_why_and_changes_nothing(daemon, keys, said):
    process = daemon.serve()
    daemon.configure(**keys)
    process.send_signal(signal.SIGHUP)
    daemon.until("settings stay as they were; repair this and reload again", process)
    assert said in daemon.said
    assert daemon.get("/-/ready")[0] == 200
    daemon.configure()
    process.send_signal(signal.SIGHUP)
    daemon.until("settings read from", process)
    assert daemon.status().daemon.pid == process.pid


def test_a_reload_without_a_file_keeps_what_it_has(daemon):
    process = daemon.serve()
    daemon.conf.unlink()
    process.send_signal(signal.SIGHUP)
    daemon.until("settings stay as they were", process)
    assert "no such file" in daemon.said
    assert daemon.get("/-/ready")[0] == 200


def test_another_directory_is_for_the_next_start(daemon):
    process = daemon.serve()
    (daemon.path / "other").mkdir()
    daemon.configure(directory=daemon.path / "other")
    process.send_signal(signal.SIGHUP)
    daemon.until("warning: daemon.directory takes effect when tablewatchd is restarted", process)
    assert daemon.status().daemon.pid == process.pid


def test_an_error_of_our_own_in_a_reload_is_said_and_survived(daemon):
    broken = "import tablewatch.daemon.service as s\ns.Service.reload = lambda self, read: 1 / 0\n"
    process = daemon.start(code=broken + RUN)
    daemon.until("started; sockets in", process)
    process.send_signal(signal.SIGHUP)
    daemon.until("error: internal error in a reload: ZeroDivisionError", process)
    assert daemon.get("/-/ready")[0] == 200


# --- what it says -------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-v", "-d"])
def test_it_says_more_on_request(daemon, option):
    for options in ([], [option]):
        process = daemon.serve(*options)
        crowd = [socket.socket(socket.AF_UNIX) for _ in range(MAX_CONTROLS + 5)]
        for each in crowd:
            each.connect(str(daemon.directory / "control.sock"))
        for each in crowd[MAX_CONTROLS:]:
            each.settimeout(60)
            assert each.recv(1) == b""  # it was refused
        daemon.end(process, signal.SIGTERM)
        for each in crowd:
            each.close()
        assert ("debug: control.sock: refused a connection" in daemon.said) == bool(options)
        daemon.forget()


def test_a_debugger_sees_where_an_error_came_from(daemon):
    broken = "import tablewatch.daemon.service as s\ns.Service.start = lambda self: 1 / 0\n"
    assert daemon.run(code=broken + RUN) == 1
    assert "error: internal error in tablewatchd: ZeroDivisionError" in daemon.said
    assert "Traceback" not in daemon.said
    assert daemon.run("-d", code=broken + RUN) == 1
    assert "debug: Traceback" in daemon.said


# --- incidents ------------------------------------------------------------------------------------


def tell_incident(daemon, report):
    """Play a supervisor that tells of an incident; wait until a file says so."""
    with Supervisor(daemon.directory) as supervisor:
        assert supervisor.is_in
        supervisor.send(type="incident", incident=to_plain(report))
        limit = time.monotonic() + 60
        while f'"count":{report.count}' not in incident_file(daemon, report):
            assert time.monotonic() < limit, daemon.said
            time.sleep(0.02)


def incident_file(daemon, report):
    file = daemon.incidents / f"{report.id}.json"
    return file.read_text() if file.exists() else ""


def test_incidents_are_on_the_pages_and_outlive_even_a_killed_daemon(daemon):
    process = daemon.serve()
    tell_incident(daemon, incidents.over(count=41))
    assert daemon.end(process, signal.SIGKILL) != 0
    daemon.forget()
    process = daemon.serve()
    code, page = daemon.get("/incidents/k7f3-1")
    assert (code, "the database can&#x27;t be reached" in page) == (200, True)
    assert '<a href="incidents/k7f3-1">' in daemon.get("/incidents")[1]
    (listed,) = json.loads(daemon.get("/api/v1/incidents")[1])["incidents"]
    assert (listed["id"], listed["count"]) == ("k7f3-1", 41)
    asked = Control(str(daemon.directory / "control.sock"), 60).ask("incidents", id="k7f3-1")
    assert asked.data["incident"] == json.loads(daemon.get("/api/v1/incidents/k7f3-1")[1])
    mode = (daemon.incidents / "k7f3-1.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o640  # though its umask is 077
    assert daemon.end(process, signal.SIGTERM) == 0
    assert "incidents:" not in daemon.said


def test_the_status_page_leads_to_the_page_of_an_incident(daemon):
    process = daemon.serve()
    with Supervisor(daemon.directory, status=to_plain(statuses.troubled())) as supervisor:
        supervisor.send(type="incident", incident=to_plain(incidents.told()))
        daemon.status()  # it takes one message after the other
        assert '<a href="incidents/k7f3-2">' in daemon.get("/")[1]
        assert "OPEN incident k7f3-2" in daemon.get("/incidents/k7f3-2")[1]
    assert daemon.end(process, signal.SIGTERM) == 0


def test_without_a_directory_for_incidents_it_serves_all_the_same(daemon):
    daemon.incidents.rmdir()
    process = daemon.serve()
    assert "warning: incidents: kept in memory alone" in daemon.said
    with Supervisor(daemon.directory) as supervisor:
        supervisor.send(type="incident", incident=to_plain(incidents.told()))
        daemon.status()
        assert daemon.get("/incidents/k7f3-2")[0] == 200
    assert daemon.end(process, signal.SIGTERM) == 0


def test_a_reload_keeps_fewer_incidents_and_another_place_takes_a_restart(daemon):
    process = daemon.serve()
    with Supervisor(daemon.directory) as supervisor:
        for number in range(1, 13):
            supervisor.send(type="incident", incident=to_plain(incidents.told(number)))
        daemon.status()
        assert len(json.loads(daemon.get("/api/v1/incidents")[1])["incidents"]) == 12
        daemon.configure(max_incidents=10, incidents_directory="/elsewhere")
        process.send_signal(signal.SIGHUP)
        daemon.until("settings read from", process)
        assert len(json.loads(daemon.get("/api/v1/incidents")[1])["incidents"]) == 10
    assert "daemon.incidents_directory takes effect when tablewatchd is restarted" in daemon.said
    assert daemon.end(process, signal.SIGTERM) == 0
