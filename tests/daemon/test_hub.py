"""The hub on real sockets: honest peers are served, whatever the others do."""

import contextlib
import os
import socket
import stat
import threading
import time

import psutil
import pytest
from tests.support.hubs import (
    ASK_STATUS,
    Lines,
    Supervisor,
    as_nobody,
    as_root,
    configured,
    daemon_process,
    serving,
    stranger,
    tables,
    tool,
    visitor,
)
from tests.support.smtpd import PATIENCE, wait_until
from tests.support.statuses import well

from tablewatch.control.records import to_plain
from tablewatch.control.status import OK, UNKNOWN
from tablewatch.control.wire import MAX_LINE
from tablewatch.daemon import hub as hub_module
from tablewatch.daemon import rounds
from tablewatch.daemon.capacity import Room
from tablewatch.daemon.hub import MAX_CONTROLS, Hub
from tablewatch.errors import DaemonError

AS_OTHER_USER = """
try:
    print(json.dumps(len(Control(sys.argv[1], 60).status().tables)))
except Exception as error:
    print(json.dumps(str(error)))
"""

INTRODUCE = """
with socket.socket(socket.AF_UNIX) as connection:
    connection.settimeout(60)
    connection.connect(sys.argv[1])
    hello = {"type": "hello", "version": 1, "table": sys.argv[2], "pid": os.getpid()}
    try:
        connection.sendall(json.dumps(hello).encode() + b"\\n")
        print(json.dumps(connection.recv(4096).decode()))
    except ConnectionError:
        print(json.dumps(""))
"""


@pytest.fixture
def folder(shared_path):
    return shared_path


@pytest.fixture
def hub(folder):
    with serving(folder) as made:
        yield made


@pytest.fixture
def creds(hub, folder):
    with Supervisor(folder, "creds") as made:
        assert made.is_in
        yield made


def serves(hub, folder):
    """An honest tool and the page are told that the table `creds` is well."""
    for status in (tool(folder).status(), hub.status(PATIENCE)):
        assert tables(status)["creds"].condition.level == OK
    return True


def connections(hub):
    """Descriptors of the hub's peers; white box, for what no peer can see."""
    return len(hub._crowd)


# --- what it is there for ---------------------------------------------------------------------


def test_it_tells_how_every_table_is(hub, folder):
    with Supervisor(folder, "creds"), Supervisor(folder, "users"):
        status = hub.status(PATIENCE)
    assert {name: each.status for name, each in tables(status).items()} == {
        "creds": well("creds"),
        "users": well("users"),
    }
    assert status.daemon.supervisors == 2
    assert status.daemon.pid == os.getpid()
    assert status.daemon.config == "/etc/tablewatch.yml"


def test_tools_and_the_page_are_told_the_same(hub, folder, creds):
    assert tool(folder).status().tables[0].status == hub.status(PATIENCE).tables[0].status


def test_a_hundred_tables_are_told_of_in_one_go(hub, folder):
    with contextlib.ExitStack() as stack:
        for number in range(100):
            stack.enter_context(Supervisor(folder, f"t{number:02}"))
        for status in (hub.status(PATIENCE), tool(folder).status()):
            assert len(status.tables) == 100
            assert status.level == OK


def test_a_table_that_leaves_is_shown_as_gone_at_once(hub, folder):
    with Supervisor(folder, "creds"):
        assert tables(hub.status(PATIENCE))["creds"].connected
    wait_until(
        lambda: not tables(hub.status(PATIENCE))["creds"].connected, "the table to be shown as gone"
    )
    assert tables(hub.status(PATIENCE))["creds"].condition.why == "its supervisor has left"


def test_a_table_that_was_taken_out_is_forgotten(folder):
    with serving(folder, forget_after=0.05) as hub:
        with Supervisor(folder, "creds"):
            assert len(hub.status(PATIENCE).tables) == 1
        wait_until(lambda: not hub.status(PATIENCE).tables, "the table to be forgotten")


def test_a_supervisor_that_comes_again_is_not_taken_for_the_one_before(hub, folder):
    for pid in range(1, 20):
        with Supervisor(folder, "creds", status=to_plain(well(pid=pid))) as supervisor:
            assert supervisor.is_in
            status = tables(hub.status(PATIENCE))["creds"].status
            assert status.pid == pid
        wait_until(lambda: connections(hub) == 0, "it to have left")


# --- who may be a table -----------------------------------------------------------------------


def test_two_supervisors_of_one_table(hub, folder, creds):
    with Supervisor(folder, "creds") as second:
        assert second.greeting["type"] == "refused"
        assert "another supervisor of this table" in second.greeting["reason"]
    assert serves(hub, folder)
    asked = creds.asked
    wait_until(lambda: serves(hub, folder) and creds.asked > asked, "the first to be asked again")
    assert hub.status(PATIENCE).daemon.refused_links == 1


def test_one_that_lies_about_its_pid_is_refused(hub, folder, creds):
    with Supervisor(folder, "users", pid=1) as liar:
        assert liar.greeting == {"type": "refused", "reason": "the pid is not yours"}
    assert list(tables(hub.status(PATIENCE))) == ["creds"]


def test_one_that_lies_about_its_pid_can_not_take_a_table_either(hub, folder, creds):
    with Supervisor(folder, "creds", pid=1) as liar:
        assert liar.greeting["type"] == "refused"
    assert serves(hub, folder)


@as_root
def test_another_user_can_not_connect_as_a_supervisor(hub, folder):
    code = """
try:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(sys.argv[1])
    print(json.dumps("in"))
except OSError as error:
    print(json.dumps(error.strerror))
"""
    assert as_nobody(code, folder / "link.sock") == "Permission denied"


@as_root
def test_another_user_is_refused_even_where_the_file_lets_everybody_in(hub, folder, creds):
    """By the kernel's word; and the table's own supervisor does not notice."""
    (folder / "link.sock").chmod(0o666)
    for table in ("creds", "users"):
        assert as_nobody(INTRODUCE, folder / "link.sock", table) == ""
    status = hub.status(PATIENCE)
    assert list(tables(status)) == ["creds"]
    assert status.daemon.refused_links == 2
    assert serves(hub, folder)


@as_root
def test_the_user_of_the_tables_is_let_in(folder):
    """smtpd's tables do not run as the daemon's user."""
    with serving(folder, supervisors=("nobody",)) as hub:
        (folder / "link.sock").chmod(0o666)
        assert '"welcome"' in as_nobody(INTRODUCE, folder / "link.sock", "creds")
        assert list(tables(hub.status(PATIENCE))) == ["creds"]


def test_one_that_tells_of_another_table_is_put_out(hub, folder, creds):
    with Supervisor(folder, "users", status=to_plain(well("creds", pid=666))) as liar:
        assert liar.is_in
        assert liar.receive() is None
    assert tables(hub.status(PATIENCE))["creds"].status == well("creds")
    assert any("another table than its own" in text for _, text in hub.said)


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"event","text":5}\n',
        b'{"type":"status","status":{"table":"users","age":NaN}}\n',
        b'{"type":"done","id":-1}\n',
        b"[" * 100_000 + b"\n",
        b"\x00" * 1000 + b"\n",
        b"GET / HTTP/1.0\r\n\r\n",
    ],
)
def test_one_that_talks_nonsense_is_put_out_and_others_stay(hub, folder, creds, message):
    with Supervisor(folder, "users") as mad:
        assert mad.is_in
        mad.write(message)
        wait_until(lambda: connections(hub) == 1, "it to be put out")
    assert serves(hub, folder)


# --- greedy, slow and silent peers ------------------------------------------------------------


def test_a_user_has_so_many_connections_and_no_more(hub, folder, creds):
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_CONTROLS):
            stack.enter_context(visitor(folder))
        with visitor(folder) as one_more:
            assert one_more.receive() is None
        assert tables(hub.status(PATIENCE))["creds"].status is not None
        assert hub.status(PATIENCE).daemon.refused_controls >= 1
    wait_until(lambda: connections(hub) == 1, "the connections to be closed")
    assert serves(hub, folder)


@as_root
def test_greedy_connections_of_one_user_do_not_shut_out_another(hub, folder, creds):
    with contextlib.ExitStack() as stack:
        for _ in range(3 * MAX_CONTROLS):
            stack.enter_context(visitor(folder))
        assert as_nobody(AS_OTHER_USER, folder / "control.sock") == 1


@as_root
def test_one_with_many_names_leaves_room_for_operators(folder, monkeypatch):
    """subuid(5): one user may be thousands, each of whom may have some connections."""
    monkeypatch.setattr(hub_module, "MAX_TOOLS", 1)
    with serving(folder) as hub, Supervisor(folder, "creds"):
        with visitor(folder):
            told = as_nobody(AS_OTHER_USER, folder / "control.sock")
            assert "closed the connection" in told or "nobody listens" in told
            assert serves(hub, folder)  # root is an operator
            assert hub.status(PATIENCE).daemon.refused_controls == 1
        wait_until(lambda: connections(hub) == 1, "the connection to be closed")
        assert as_nobody(AS_OTHER_USER, folder / "control.sock") == 1


def test_supervisors_that_say_nothing_do_not_keep_others_out_for_ever(folder, monkeypatch):
    monkeypatch.setattr(hub_module, "room", lambda: Room(5, "it is full"))
    monkeypatch.setattr(hub_module, "HELLO_WITHIN", 0.2)
    with serving(folder) as hub, contextlib.ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(stranger(folder))

        def is_let_in():
            with Supervisor(folder, "creds") as supervisor:
                return supervisor.is_in

        wait_until(is_let_in, "a supervisor to be let in")
        assert hub.status(PATIENCE).daemon.refused_links >= 5


def test_a_supervisor_for_whom_there_is_no_room_hears_why(folder, monkeypatch):
    monkeypatch.setattr(hub_module, "room", lambda: Room(2, "it is full"))
    with serving(folder) as hub, Supervisor(folder, "creds"), Supervisor(folder, "users") as users:
        for table in ("third", "fourth"):
            with Supervisor(folder, table) as one_more:
                assert one_more.greeting == {"type": "refused", "reason": "it is full"}
        assert hub.status(PATIENCE).daemon.refused_links == 2
        assert hub.said.count((4, "link.sock: refused a supervisor: it is full")) == 1
        users.close()
        wait_until(lambda: connections(hub) == 1, "the connection to be closed")
        with Supervisor(folder, "third") as third:
            assert third.is_in


def test_a_supervisor_that_does_not_introduce_itself_is_left(folder, monkeypatch):
    monkeypatch.setattr(hub_module, "HELLO_WITHIN", 0.05)
    with serving(folder), stranger(folder) as silent:
        assert silent.receive() is None


def test_a_supervisor_that_is_in_may_stay(folder, monkeypatch):
    monkeypatch.setattr(hub_module, "HELLO_WITHIN", 0.05)
    with serving(folder) as hub, Supervisor(folder, "creds") as creds, stranger(folder) as silent:
        assert silent.receive() is None
        assert creds.is_in
        assert serves(hub, folder)


def test_a_tool_that_asks_nothing_is_left(folder, monkeypatch):
    monkeypatch.setattr(hub_module, "CONTROL_WITHIN", 0.05)
    with serving(folder), visitor(folder) as silent:
        assert silent.receive() is None


def test_a_tool_that_asks_slower_and_slower_is_left(folder, monkeypatch):
    monkeypatch.setattr(hub_module, "CONTROL_WITHIN", 0.3)
    with serving(folder) as hub, Supervisor(folder, "creds"), visitor(folder) as slow:
        written = 0
        while slow.write(b" "):
            written += 1
            assert serves(hub, folder)
        assert written


def test_a_question_may_come_in_pieces(hub, folder, creds):
    with visitor(folder) as slow:
        for place in range(len(ASK_STATUS)):
            slow.write(ASK_STATUS[place : place + 1])
            if place % 8 == 0:
                assert serves(hub, folder)
        assert slow.receive()["ok"] is True


def test_peers_that_never_read_do_not_hold_up_others(hub, folder, creds):
    with contextlib.ExitStack() as stack:
        for number in range(60):  # so that an answer is more than a socket takes
            stack.enter_context(Supervisor(folder, f"t{number}"))
        for _ in range(MAX_CONTROLS - 2):
            deaf = stack.enter_context(visitor(folder))
            deaf.write(ASK_STATUS)
        for _ in range(5):
            assert serves(hub, folder)
        assert deaf.receive()["ok"] is True  # it was only slow


@pytest.mark.parametrize("connect", [visitor, stranger])
def test_a_line_without_end_is_not_kept(hub, folder, creds, connect):
    """The memory of this very process is looked at, where the hub is, too."""
    serves(hub, folder)
    before = psutil.Process().memory_info().rss
    with connect(folder) as endless:
        sent = 0
        while endless.write(b"x" * 65536):
            sent += 65536
            assert sent < 100 * MAX_LINE, "nobody ends it"
    assert serves(hub, folder)
    assert psutil.Process().memory_info().rss - before < 50 * MAX_LINE


def test_a_line_without_end_of_a_supervisor_that_is_in_is_not_kept(hub, folder, creds):
    with Supervisor(folder, "users") as mad:
        while mad.write(b"x" * 65536):
            pass
    assert serves(hub, folder)


@pytest.mark.parametrize("question", [ASK_STATUS, b'{"version":1,"command":"x"}\n', b"{}\n"])
def test_a_hundred_thousand_questions_are_not_answered(hub, folder, creds, question):
    with Supervisor(folder, "hangs", awake=False), contextlib.ExitStack() as stack:
        hub.reload(configured(folder, timeout=0.5))
        floods = []
        for _ in range(4):
            greedy = stack.enter_context(visitor(folder))
            floods.append(threading.Thread(target=greedy.write, args=(question * 100_000,)))
            floods[-1].start()
        assert serves(hub, folder)
        for flood in floods:
            flood.join(PATIENCE)
            assert not flood.is_alive()
        assert serves(hub, folder)
    wait_until(lambda: connections(hub) == 1, "the connections to be closed")


def test_a_supervisor_that_floods_does_not_hold_up_others(hub, folder, creds):
    event = b'{"type":"event","priority":4,"text":"' + b"x" * 500 + b'"}\n'
    with Supervisor(folder, "users") as mad:
        ended = threading.Event()

        def flood():
            while not ended.is_set() and mad.write(event * 100):
                pass

        thread = threading.Thread(target=flood)
        thread.start()
        try:
            for _ in range(10):
                assert serves(hub, folder)
            wait_until(
                lambda: len(tables(hub.status(PATIENCE))["users"].events) == 50,
                "as many events as are kept",
            )
        finally:
            ended.set()
            thread.join(PATIENCE)


def test_half_closed_connections_take_nobodys_place(hub, folder, creds):
    with contextlib.ExitStack() as stack:
        for _ in range(3 * MAX_CONTROLS):
            half = stack.enter_context(visitor(folder))
            half.write(ASK_STATUS)
            half.socket.shutdown(socket.SHUT_WR)
            wait_until(lambda: connections(hub) == 1, "it to be left")
        assert serves(hub, folder)


def test_clients_that_ask_and_leave_at_once_leave_nothing_behind(folder):
    """White box: nobody would answer them for a long time."""
    with serving(folder, timeout=10 * PATIENCE) as hub:
        with Supervisor(folder, "hangs", awake=False):
            for _ in range(300):
                with visitor(folder) as hasty:
                    hasty.write(ASK_STATUS)
            wait_until(lambda: connections(hub) == 1, "the connections to be closed")
            with visitor(folder) as patient:  # has the list gone through
                patient.write(ASK_STATUS)
                wait_until(
                    lambda: len(hub._rounds._waiting) == 1, "their questions to be forgotten"
                )
        with Supervisor(folder, "creds"):
            assert serves(hub, folder)


def test_without_a_descriptor_left_it_goes_on_with_those_it_has(folder):
    with (
        daemon_process(folder, descriptors=20) as process,
        Supervisor(folder, "creds") as creds,
        contextlib.ExitStack() as stack,
    ):
        assert creds.is_in
        with visitor(folder) as early:
            for _ in range(40):
                stack.enter_context(stranger(folder))
            for _ in range(3):
                early.write(ASK_STATUS)
                assert early.receive()["ok"] is True
        stack.close()
        assert tables(tool(folder).status())["creds"].condition.level == OK
        assert process.poll() is None


# --- supervisors that hang --------------------------------------------------------------------


def test_one_that_hangs_is_told_of_in_time_and_the_others_as_they_are(folder):
    with (
        serving(folder, timeout=0.3) as hub,
        Supervisor(folder, "creds"),
        Supervisor(folder, "hangs", awake=False) as hangs,
    ):
        found = tables(hub.status(PATIENCE))
        assert found["creds"].status == well("creds")
        assert (found["hangs"].connected, found["hangs"].status) == (True, None)
        assert found["hangs"].condition.level == UNKNOWN
        assert found["hangs"].why == "its supervisor does not answer"
        hangs.awake.set()
        wait_until(
            lambda: tables(hub.status(PATIENCE))["hangs"].status == well("hangs"), "it to be back"
        )


def test_one_that_goes_on_hanging_costs_nobody_time(folder, monkeypatch):
    with (
        serving(folder, timeout=0.3) as hub,
        Supervisor(folder, "creds"),
        Supervisor(folder, "hangs", awake=False),
    ):
        assert tables(hub.status(PATIENCE))["hangs"].status is None
        monkeypatch.setattr(rounds, "_hangs", lambda link, now: link.table == "hangs")
        hub.reload(configured(folder, timeout=PATIENCE))
        begin = time.monotonic()
        for _ in range(3):
            found = tables(hub.status(PATIENCE))
            assert found["creds"].status is not None
            assert found["hangs"].status is None
        assert time.monotonic() - begin < PATIENCE / 2


def test_the_page_waits_no_longer_than_it_wants_to(folder):
    with serving(folder, timeout=PATIENCE) as hub, Supervisor(folder, "hangs", awake=False):
        begin = time.monotonic()
        assert tables(hub.status(0.1))["hangs"].status is None
        assert time.monotonic() - begin < PATIENCE / 2


def test_a_command_to_one_that_hangs_is_answered_in_time(folder):
    with (
        serving(folder, timeout=0.3),
        Supervisor(folder, "creds"),
        Supervisor(folder, "hangs", awake=False),
    ):
        reply = tool(folder).ask("reset")
    assert reply.data["tables"] == {
        "creds": {"ok": True, "text": "did reset"},
        "hangs": {"ok": False, "text": "its supervisor does not answer"},
    }


def test_a_supervisor_that_takes_nothing_any_more_is_left(folder):
    """Before much waits for it. Only operators can make it take as much as this."""
    with serving(folder, timeout=0.01), Supervisor(folder, "hangs", awake=False):
        key, orders = "x" * 16_000, 0
        while (reply := tool(folder).ask("add", "hangs", key=key)).ok and "has left" not in str(
            reply.data
        ):
            orders += 1
            assert orders < 60, "everything is kept for it"
        assert orders > 10  # it may take its time
        assert "has left" in tool(folder).ask("reset", "hangs").text


# --- orders -----------------------------------------------------------------------------------


@as_root
def test_orders_are_for_operators(folder):
    code = """
print(json.dumps(Control(sys.argv[1], 60).ask("reset", "creds").text))
"""
    with serving(folder) as hub, Supervisor(folder, "creds") as creds:
        refused = as_nobody(code, folder / "control.sock")
        assert refused == "reset is for root and the users in daemon.operators of tablewatch.yml"
        assert creds.orders == []
        assert as_nobody(AS_OTHER_USER, folder / "control.sock") == 1  # looking is free
        hub.reload(configured(folder, operators=("nobody",)))
        assert as_nobody(code, folder / "control.sock") == ""
        assert [each["command"] for each in creds.orders] == ["reset"]
        assert any(text == "uid 65534: reset creds" for _, text in hub.said)


def test_a_table_that_is_not_there_can_not_be_told_anything(hub, folder, creds):
    reply = tool(folder).ask("reset", "nix")
    assert (reply.ok, reply.text) == (False, "no table nix is watched here")
    assert creds.orders == []


def test_after_an_order_everybody_is_told_news(hub, folder, creds):
    """However soon; a page that was up to date a moment ago is not."""

    def obey(order):
        creds.status = to_plain(well("creds", pause=order["arguments"]["seconds"]))
        return "paused", {}

    creds.obey = obey
    for seconds in range(1, 20):
        hub.status(PATIENCE)
        assert tool(folder).ask("pause", "creds", seconds=seconds).ok
        assert tables(hub.status(PATIENCE))["creds"].status.pause == seconds


# --- threads, start and end -------------------------------------------------------------------


def test_many_threads_may_ask_at_once(hub, folder, creds):
    wrong = []
    begin = time.monotonic()

    def ask():
        try:
            for _ in range(20):
                assert tables(hub.status(PATIENCE))["creds"].status == well("creds")
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(32)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(PATIENCE)
    assert wrong == []
    took = time.monotonic() - begin
    assert creds.asked <= took / rounds.FRESH + 2  # 640 questions cost the supervisor a few


def test_it_ends_quickly_while_it_is_asked(folder):
    with serving(folder, timeout=PATIENCE) as hub, Supervisor(folder, "hangs", awake=False):
        ends = []

        def ask():
            try:
                hub.status(PATIENCE)
            except DaemonError as error:
                ends.append(str(error))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for each in threads:
            each.start()
        wait_until(lambda: len(hub._rounds._waiting) == 8, "them to wait")
        begin = time.monotonic()
        hub.close()
        for each in threads:
            each.join(PATIENCE)
        assert time.monotonic() - begin < PATIENCE / 4
        assert len(ends) == 8


def test_whoever_asks_just_when_it_ends_is_not_left_waiting(folder):
    for _ in range(10):
        with serving(folder) as hub:
            ends = []

            def ask(hub=hub, ends=ends):
                while True:
                    try:
                        hub.status(PATIENCE)
                    except DaemonError as error:
                        ends.append(error)
                        return

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for each in threads:
                each.start()
            begin = time.monotonic()
            hub.close()
            for each in threads:
                each.join(PATIENCE)
            assert len(ends) == 4
            assert time.monotonic() - begin < PATIENCE / 4


def test_when_it_has_ended_it_says_so_and_its_sockets_are_gone(folder):
    with serving(folder) as hub:
        with Lines(folder / "control.sock") as waiting:
            assert hub.ready() == ""
            hub.close()
            assert waiting.receive() is None
        assert list(folder.iterdir()) == []
        assert hub.ready() == "not serving"
        with pytest.raises(DaemonError, match="not serving"):
            hub.status(PATIENCE)
        hub.close()


def test_it_can_be_started_again_and_leaves_no_descriptors(folder):
    def round_trip():
        with serving(folder) as hub, Supervisor(folder, "creds"):
            assert serves(hub, folder)

    round_trip()
    before = psutil.Process().num_fds()
    for _ in range(5):
        round_trip()
    assert psutil.Process().num_fds() == before


def test_one_that_was_never_started_can_be_closed(folder):
    hub = Hub(configured(folder), "", lambda *_: None)
    assert hub.ready() == "not serving"
    hub.close()


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_sockets_are_for_those_they_are_for(folder, umask):
    before = os.umask(umask)
    try:
        with serving(folder):
            modes = {
                each.name: stat.S_IMODE(each.stat().st_mode) for each in sorted(folder.iterdir())
            }
    finally:
        os.umask(before)
    assert modes == {"control.sock": 0o666, "link.sock": 0o660}


def test_a_second_daemon_does_not_start_and_the_first_serves_on(hub, folder, creds):
    with pytest.raises(DaemonError, match="running there already"), serving(folder):
        pytest.fail("it started")
    assert serves(hub, folder)


@pytest.mark.parametrize("taken", ["link.sock", "control.sock"])
def test_what_is_in_the_way_is_said_and_nothing_is_left_behind(folder, taken):
    (folder / taken).write_text("x", encoding="utf-8")
    with pytest.raises(DaemonError, match=f"{taken}: is in the way"), serving(folder):
        pytest.fail("it started")
    assert [each.name for each in folder.iterdir()] == [taken]


def test_it_starts_over_the_sockets_of_one_that_was_killed(folder):
    with daemon_process(folder):
        pass  # killed
    assert (folder / "link.sock").is_socket()
    with serving(folder) as hub, Supervisor(folder, "creds"):
        assert serves(hub, folder)


def test_another_directory_is_for_the_next_start(folder, tmp_path):
    with serving(folder) as hub, Supervisor(folder, "creds"):
        elsewhere = configured(tmp_path)
        for _ in range(2):
            assert "restarted" in "".join(hub.reload(elsewhere))
        assert hub.reload(configured(folder)) == []
        hub.reload(elsewhere)
        assert serves(hub, folder)
    assert list(folder.iterdir()) == []


def test_other_settings_hold_at_once(hub, folder):
    hub.reload(configured(folder, forget_after=1.0, timeout=0.2))
    with Supervisor(folder, "hangs", awake=False):
        begin = time.monotonic()
        assert tool(folder).status().tables[0].status is None
        assert time.monotonic() - begin < PATIENCE / 2


def test_an_error_of_its_own_costs_one_connection(hub, folder, creds, monkeypatch):
    """A defect that one peer finds must not be everybody's."""
    monkeypatch.setattr(hub_module, "HELLO_WITHIN", 10 * PATIENCE)
    real = hub._links.receive

    def broken(link, messages, now):
        if link is not hub._links.get("creds"):
            raise ZeroDivisionError("a defect")
        real(link, messages, now)

    monkeypatch.setattr(hub._links, "receive", broken)
    with stranger(folder) as unlucky:
        unlucky.send(type="hello")
        assert unlucky.receive() is None
    assert serves(hub, folder)
    assert any("internal error" in text and "ZeroDivisionError" in text for _, text in hub.said)
