"""The real program and tablewatchd, well or ill: lookups are answered all the same."""

import contextlib
import os
import signal
import socket
import threading

import psutil
import pytest
from tests.supervisor.tables import configure, is_error, is_found, reload
from tests.support.hubs import Supervisor, daemon_process, serving, tables, tool
from tests.support.smtpd import PATIENCE, FakeSmtpd, gone, wait_until

from tablewatch.control.entries import PAGE
from tablewatch.control.status import OK, WARNING

LOOKUPS = 200


@pytest.fixture
def folder(workshop):
    """Where the sockets are, for a directory of the daemon's own."""
    workshop.runtime.mkdir(mode=0o755)
    return workshop.runtime


@pytest.fixture
def smtpd(start, folder):
    return start("spares: 0")


def is_linked(status, table="creds"):
    """Whether this table answers the daemon."""
    report = tables(status).get(table)
    return report is not None and report.status is not None


def wait_until_linked(hub, table="creds"):
    wait_until(lambda: is_linked(hub.status(PATIENCE), table), "the supervisor to be linked")
    return tables(hub.status(PATIENCE))[table]


def lookups_are_untouched(smtpd, number=LOOKUPS):
    """Ask many times; each answer is the right one, and none has come twice."""
    for count in range(number):
        key = b"key%d" % count
        assert is_found(smtpd.ask(key), key)
    smtpd.connection.setblocking(False)
    with pytest.raises(BlockingIOError):
        smtpd.connection.recv(1)
    smtpd.connection.settimeout(PATIENCE)


def memory_of(smtpd):
    return psutil.Process(smtpd.process.pid).memory_info().rss


class Impostor:
    """Listens where tablewatchd should, and treats each supervisor as `treat` says."""

    def __init__(self, folder, treat):
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(folder / "link.sock"))
        self._listener.listen(5)
        self.treated = 0
        self.taken = 0
        self._treat = treat
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._listener.close()

    def _run(self):
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(0.2)
                connection.recv(65536)
                self.treated += 1
                self._treat(self, connection)

    def welcome(self, connection):
        connection.sendall(b'{"type":"welcome","version":1}\n')

    def repeat(self, connection, data, *, reading=False):
        """Send this again and again, until the supervisor has had enough."""
        connection.setblocking(False)
        while not self._ended.is_set():
            with contextlib.suppress(BlockingIOError):
                connection.send(data)
            if reading:
                with contextlib.suppress(BlockingIOError):
                    got = connection.recv(1 << 20)
                    if not got:
                        return
                    self.taken += len(got)

    def hold(self, connection):
        """Say nothing for as long as the supervisor stays."""
        connection.settimeout(0.1)
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                if not connection.recv(65536):
                    return


# --- the daemon comes and goes ----------------------------------------------------------------


def test_without_a_daemon_lookups_are_answered(start, workshop):
    smtpd = start("spares: 0")
    assert not workshop.runtime.exists()
    lookups_are_untouched(smtpd)


def test_a_daemon_that_is_started_later_is_found(start, workshop):
    """As on OpenBSD at boot; even its directory is not there yet."""
    smtpd = start("spares: 0")
    lookups_are_untouched(smtpd, 20)
    workshop.runtime.mkdir(mode=0o755)
    with serving(workshop.runtime) as hub:
        report = wait_until_linked(hub)
        assert report.status.pid == smtpd.process.pid
        assert (report.status.backend, report.status.protocol) == ("fake", "text")
        assert report.condition.level == OK
        assert is_found(smtpd.ask(b"alice"), b"alice")


def test_both_dialects_name_their_table(workshop, dialect, folder):
    configure(workshop, "spares: 0", dialect)
    with serving(folder) as hub, FakeSmtpd(workshop, dialect) as smtpd:
        smtpd.handshake()
        assert wait_until_linked(hub).status.protocol == dialect


def test_before_smtpd_has_said_which_table_it_is_nothing_is_told(workshop, folder):
    with serving(folder) as hub, FakeSmtpd(workshop) as smtpd:
        smtpd.connection.sendall(b"config|smtpd-version|7.6.0\n")
        assert hub.status(PATIENCE).tables == []
        smtpd.handshake()
        wait_until_linked(hub)


def test_when_smtpd_ends_the_table_has_left(folder, workshop):
    with serving(folder) as hub:
        with FakeSmtpd(workshop) as smtpd:
            smtpd.handshake()
            wait_until_linked(hub)
        wait_until(
            lambda: not tables(hub.status(PATIENCE))["creds"].connected, "the table to have left"
        )


def test_a_daemon_that_is_killed_and_started_again_is_found_again(smtpd, folder):
    with daemon_process(folder):
        wait_until(lambda: is_linked(tool(folder).status()), "the supervisor to be linked")
    lookups_are_untouched(smtpd)  # it was killed; its socket is still there
    assert (folder / "link.sock").is_socket()
    with serving(folder) as hub:
        report = wait_until_linked(hub)
        assert report.status.links == 2
        assert report.status.pid == smtpd.process.pid


def test_what_happened_meanwhile_is_summed_up(smtpd, folder):
    with daemon_process(folder):
        wait_until(lambda: is_linked(tool(folder).status()), "the supervisor to be linked")
    assert is_error(smtpd.ask(b"loop"))
    wait_until(lambda: "quarantined" in smtpd.log(), "the incident to be logged")
    with serving(folder) as hub:
        report = wait_until_linked(hub)
        assert report.status.dropped_events > 0
        assert report.events == []
        assert is_error(smtpd.ask(b"die"))
        wait_until(lambda: tables(hub.status(PATIENCE))["creds"].events, "an event")
        first = tables(hub.status(PATIENCE))["creds"].events[0].text
        assert first == f"{report.status.dropped_events} earlier events were not told to the daemon"


def test_under_load_no_lookup_notices_how_the_daemon_comes_and_goes(smtpd, folder):
    """Started, killed, stopped for a while, ended in good order, over and over."""
    ended = threading.Event()
    problems = []
    rounds = []

    def daemons():
        try:
            for _ in range(3):
                with daemon_process(folder) as process:
                    wait_until(lambda: is_linked(tool(folder).status()), "the link")
                    os.kill(process.pid, signal.SIGSTOP)
                    before = len(rounds)
                    wait_until(lambda before=before: len(rounds) >= before + 50, "lookups")
                    os.kill(process.pid, signal.SIGCONT)
                with serving(folder) as hub:
                    wait_until_linked(hub)
        except Exception as error:
            problems.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=daemons)
    thread.start()
    while not ended.is_set():
        key = b"key%d" % len(rounds)
        assert is_found(smtpd.ask(key), key)
        rounds.append(key)
    thread.join(PATIENCE)
    assert problems == []
    assert len(rounds) >= 150


# --- the daemon hangs, or is none -------------------------------------------------------------


def test_a_daemon_that_is_stopped_costs_no_lookup_and_no_memory(smtpd, folder):
    with daemon_process(folder) as process:
        wait_until(lambda: is_linked(tool(folder).status()), "the supervisor to be linked")
        lookups_are_untouched(smtpd)
        before = memory_of(smtpd)
        os.kill(process.pid, signal.SIGSTOP)
        for _ in range(20):  # plenty to tell, and nobody takes it
            assert is_error(smtpd.ask(b"die"))
            lookups_are_untouched(smtpd, 10)
        assert memory_of(smtpd) - before < 20_000_000
        os.kill(process.pid, signal.SIGCONT)
        wait_until(lambda: is_linked(tool(folder).status()), "the supervisor to be back")


def test_a_listener_that_never_accepts_costs_no_lookup(smtpd, folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(folder / "link.sock"))
        listener.listen(0)

        def is_connected():
            connections = psutil.Process(smtpd.process.pid).num_fds()
            return connections > before

        before = psutil.Process(smtpd.process.pid).num_fds()
        wait_until(is_connected, "it to connect")
        lookups_are_untouched(smtpd)


TREATMENTS = {
    "leaves at once": lambda daemon, connection: None,
    "welcomes and leaves": Impostor.welcome,
    "takes the hello and says nothing": Impostor.hold,
    "speaks another protocol": lambda daemon, connection: daemon.repeat(
        connection, b"220 mail.example.org ESMTP\r\n"
    ),
    "sends a line without end": lambda daemon, connection: daemon.repeat(connection, b"x" * 65536),
    "sends zeroes": lambda daemon, connection: daemon.repeat(connection, b"\0" * 65536),
    "nests without end": lambda daemon, connection: daemon.repeat(connection, b"[" * 4096),
    "welcomes without end": lambda daemon, connection: daemon.repeat(
        connection, b'{"type":"welcome"}\n' * 100
    ),
    "refuses for ever": lambda daemon, connection: connection.sendall(
        b'{"type":"refused","reason":"\\u001b[2Jnot\\nyou\\udcff"}\n'
    ),
}
FLOODS = {
    "asks": b'{"type":"ask","id":1}\n' * 200,
    "wants the quarantine": b'{"type":"do","id":1,"command":"quarantine"}\n' * 100,
    "has nonsense done": b'{"type":"do","id":1,"command":"pause","arguments":{"seconds":1e300}}\n'
    * 50,
    "says what nobody knows": b'{"type":"song","text":"la"}\n' * 100,
}


@pytest.mark.parametrize("how", TREATMENTS)
def test_a_daemon_that_is_none_costs_no_lookup(smtpd, folder, how):
    before = memory_of(smtpd)
    with Impostor(folder, TREATMENTS[how]) as impostor:
        wait_until(lambda: impostor.treated, "the supervisor to connect")
        lookups_are_untouched(smtpd)
    assert memory_of(smtpd) - before < 20_000_000
    assert "internal error" not in smtpd.log()
    (folder / "link.sock").unlink()
    with serving(folder) as hub:  # and an honest one is found
        assert wait_until_linked(hub).condition.level == OK
    assert smtpd.log().isascii()
    assert "\x1b" not in smtpd.log()


@pytest.mark.parametrize("reading", [False, True], ids=["deaf", "reading"])
@pytest.mark.parametrize("what", FLOODS)
def test_a_daemon_that_asks_without_end_costs_no_lookup(smtpd, folder, what, reading):
    def flood(daemon, connection):
        daemon.welcome(connection)
        daemon.repeat(connection, FLOODS[what], reading=reading)

    before = memory_of(smtpd)
    with Impostor(folder, flood) as impostor:
        wait_until(lambda: impostor.treated, "the supervisor to connect")
        lookups_are_untouched(smtpd)
        if reading and "song" not in FLOODS[what].decode():
            wait_until(lambda: impostor.taken > 10_000, "answers")
    assert memory_of(smtpd) - before < 20_000_000
    assert "internal error" not in smtpd.log()


def test_a_flood_of_questions_does_not_come_before_a_lookup(smtpd, folder):
    """One question is answered between two lookups, not all that wait."""

    def flood(daemon, connection):
        daemon.welcome(connection)
        daemon.repeat(connection, FLOODS["asks"], reading=True)

    with Impostor(folder, flood) as impostor:
        wait_until(lambda: impostor.taken > 100_000, "the flood")
        one_answer = 3_000  # bytes at least, of a report
        before = impostor.taken
        lookups_are_untouched(smtpd)
        answers = (impostor.taken - before) / one_answer
    # A lookup takes two turns of the loop or three, and the machine some in between; with a read
    # full of questions in each it would be hundreds.
    assert answers / LOOKUPS < 60


# --- who is trusted ---------------------------------------------------------------------------


def test_a_directory_that_others_can_write_to_is_not_trusted(start, folder):
    folder.chmod(0o777)
    with Impostor(folder, Impostor.welcome) as impostor:
        smtpd = start("spares: 0")
        wait_until(lambda: f"run: chmod go-w {folder}" in smtpd.log(), "it to be said")
        lookups_are_untouched(smtpd, 20)
        assert impostor.treated == 0
    (folder / "link.sock").unlink()
    folder.chmod(0o755)
    with serving(folder) as hub:
        wait_until_linked(hub)
    assert smtpd.log().count("not connecting to tablewatchd") == 1


def test_the_second_supervisor_of_a_table_says_so_once_and_waits(smtpd, folder, workshop):
    with serving(folder) as hub:
        first = wait_until_linked(hub).status.pid
        with FakeSmtpd(workshop) as second:
            second.handshake()
            wait_until(
                lambda: hub.status(PATIENCE).daemon.refused_links >= 3, "it to try several times"
            )
            lookups_are_untouched(second, 20)
            assert tables(hub.status(PATIENCE))["creds"].status.pid == first
            # Both write to the same file here, and only the second was refused.
            assert second.log().count("tablewatchd refused us: another supervisor") == 1
            smtpd.connection.close()

            def pid():
                status = tables(hub.status(PATIENCE))["creds"].status
                return status.pid if status is not None else None

            wait_until(
                lambda: pid() == second.process.pid,
                "the second to take its place",
            )


# --- the supervisor hangs ---------------------------------------------------------------------


def test_a_supervisor_that_is_stopped_is_seen_and_the_others_as_they_are(smtpd, folder):
    with serving(folder, timeout=0.5) as hub, Supervisor(folder, "users"):
        wait_until_linked(hub)
        os.kill(smtpd.process.pid, signal.SIGSTOP)
        try:

            def is_seen():
                found = tables(hub.status(PATIENCE))
                return (
                    found["users"].status is not None
                    and found["creds"].connected
                    and found["creds"].why == "its supervisor does not answer"
                )

            wait_until(is_seen, "it to be seen")
            reply = tool(folder).ask("reset")
            assert reply.data["tables"]["users"]["ok"]
            assert reply.data["tables"]["creds"]["text"] == "its supervisor does not answer"
        finally:
            os.kill(smtpd.process.pid, signal.SIGCONT)
        wait_until_linked(hub)
        assert is_found(smtpd.ask(b"alice"), b"alice")


# --- what operators have it do ----------------------------------------------------------------


def test_a_pause_is_obeyed_and_ended(smtpd, folder):
    with serving(folder) as hub:
        wait_until_linked(hub)
        control = tool(folder)
        assert control.ask("pause", "creds", seconds=600).data["tables"]["creds"]["ok"]
        assert is_error(smtpd.ask(b"alice"))
        report = tables(hub.status(PATIENCE))["creds"]
        assert report.condition.level == WARNING
        assert 0 < report.status.pause <= 600
        assert control.ask("resume", "creds").ok
        assert is_found(smtpd.ask(b"alice"), b"alice")
        assert tables(control.status())["creds"].condition.level == OK


def test_a_poisoned_key_is_listed_and_released(smtpd, folder):
    with serving(folder) as hub:
        wait_until_linked(hub)
        control = tool(folder)
        assert is_error(smtpd.ask(b"loop"))
        (entry,) = control.ask("quarantine").data["tables"]["creds"]["entries"]
        assert entry["shown"] == "l***"
        released = control.ask("release", "creds", id=entry["id"]).data["tables"]["creds"]
        assert released["released"] == 1
        assert control.ask("quarantine").data["tables"]["creds"]["entries"] == []


def test_a_key_is_refused_and_released_by_its_bytes(smtpd, folder):
    with serving(folder) as hub:
        wait_until_linked(hub)
        control = tool(folder)
        for key in (b"bob", b"j\xf6rg", b"\xff\xfe", "b\u00f6b".encode()):
            arguments = {"service": "credentials", "key": os.fsdecode(key)}
            assert control.ask("add", "creds", **arguments, seconds=60).ok
            assert is_error(smtpd.ask(key))
            released = control.ask("release", "creds", **arguments).data["tables"]["creds"]
            assert released["released"] == 1
            assert is_found(smtpd.ask(key), key)


def test_more_keys_than_fit_into_an_answer_come_in_pages(smtpd, folder):
    with serving(folder) as hub:
        wait_until_linked(hub)
        control = tool(folder)
        count = 2 * PAGE + 10
        for number in range(count):
            arguments = {"service": "credentials", "key": f"key{number}", "seconds": 600}
            assert control.ask("add", "creds", **arguments).data["tables"]["creds"]["ok"]
        ids = []
        while len(ids) < count:
            page = control.ask("quarantine", "creds", offset=len(ids)).data["tables"]["creds"]
            assert page["total"] == count
            assert 0 < len(page["entries"]) <= PAGE
            ids += [each["id"] for each in page["entries"]]
        assert len(set(ids)) == count
        assert control.ask("reset").ok
        assert control.ask("quarantine").data["tables"]["creds"]["total"] == 0


def test_a_reload_takes_the_new_settings_or_says_what_is_wrong(smtpd, folder):
    with serving(folder) as hub:
        wait_until_linked(hub)
        control = tool(folder)
        configure(smtpd.workshop, "deadline: 200ms, spares: 0")
        done = control.ask("reload", "creds").data["tables"]["creds"]
        assert done == {"ok": True, "text": "configuration read anew"}
        assert is_error(smtpd.ask(b"hang"))
        smtpd.workshop.config.write_text("defaults: {dedline: 5m}\n", encoding="utf-8")
        failed = control.ask("reload", "creds").data["tables"]["creds"]
        assert not failed["ok"]
        assert "dedline" in failed["text"]


def test_another_directory_is_used_after_a_reload(smtpd, folder, tmp_path):
    with serving(folder) as hub:
        wait_until_linked(hub)
        other = tmp_path / "other"
        other.mkdir(mode=0o755)
        smtpd.workshop.runtime = other
        configure(smtpd.workshop, "spares: 0")
        with serving(other) as new:
            reload(smtpd)
            hub.close()
            wait_until_linked(new)


def test_it_ends_with_smtpd_even_while_the_daemon_hangs(workshop, folder):
    with Impostor(folder, Impostor.hold) as impostor, FakeSmtpd(workshop) as smtpd:
        smtpd.handshake()
        wait_until(lambda: impostor.treated, "the supervisor to connect")
        smtpd.connection.close()
        wait_until(lambda: gone(smtpd.process.pid), "the supervisor to end")
