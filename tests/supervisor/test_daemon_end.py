"""What of a table reaches the daemon: what it asks for, what matters of the log, and incidents."""

import select

import pytest
from tests.core.player import RECONNECT, RETRY, Player
from tests.supervisor.test_link import WELCOME, Daemon
from tests.support.smtpd import PATIENCE

from tablewatch.config.daemon_settings import DaemonSettings
from tablewatch.config.settings import Config, LogSettings, TableSettings
from tablewatch.core.actions import Log, Priority
from tablewatch.supervisor.children import Children
from tablewatch.supervisor.daemon_end import QUIET, DaemonEnd
from tablewatch.supervisor.link import MAX_WAIT
from tablewatch.supervisor.log import LogWriter

POISON = "qalicezq\u0142"


class Desk:
    """A table, its end of the link, and a daemon that listens."""

    def __init__(self, folder, *, linked=True, greeted=True, show_keys=False):
        settings = TableSettings(spares=0, log=LogSettings(show_keys=show_keys, syslog=False))
        daemon = DaemonSettings(directory=str(folder))
        self.player = Player(config=Config(defaults=settings, daemon=daemon))
        self.daemon = Daemon(folder)
        self.daemon.start()
        self.daemon.connection = None
        self.poll = select.poll()
        self.reloads = []
        self.end = DaemonEnd(
            self.player.core,
            Children(self.poll),
            LogWriter(),
            self.poll,
            backend="mysql",
            reload=lambda now: self.reloads.append(now) or [],
            started=self.player.now - QUIET,
            linked=linked,
        )
        self._lines = 0
        if greeted:
            self.player.start()

    @property
    def now(self):
        return self.player.now

    def connect(self):
        """Be let in; return how we introduced ourselves."""
        self.end.tick(self.now)
        hello = self.daemon.accept()
        self.daemon.say(WELCOME)
        self.turn(int(PATIENCE * 1000))
        self.take_log()
        return hello

    def turn(self, wait=0):
        """One turn of the loop."""
        for descriptor, events in self.poll.poll(wait):
            assert self.end.owns(descriptor)
            self.end.dispatch(events, self.now)
        due = self.end.next_due()
        if due is not None and due <= self.now:
            self.end.tick(self.now)
        for line in self.take_log():
            self.end.logged(line, self.now)

    def take_log(self):
        """The lines that were logged since."""
        self.player.settle()
        lines = [each for each in self.player.order if isinstance(each, Log)]
        new, self._lines = lines[self._lines :], len(lines)
        return new

    def heard(self):
        """Everything the daemon was told until now."""
        self.daemon.say({"type": "ask", "id": 9})
        messages = []
        self.turn(int(PATIENCE * 1000))
        while not messages or messages[-1]["type"] != "status":
            messages.append(self.daemon.hear())
        return messages[:-1]

    def poison(self):
        id_ = self.player.ask(POISON)
        for _ in range(5):
            if self.player.answer_to(id_) is None:
                self.player.stderr(RETRY, RECONNECT)
        self.player.register()


@pytest.fixture
def make(tmp_path):
    tmp_path.chmod(0o755)
    made = []

    def maker(**options):
        made.append(Desk(tmp_path, **options))
        return made[-1]

    yield maker
    for each in made:
        each.end.close()
        each.daemon.stop()


def test_it_connects_in_the_daemons_directory_and_says_which_table_it_is(make):
    desk = make()
    assert desk.end.next_due() <= desk.now
    assert desk.connect()["table"] == "creds"
    assert desk.end.next_due() is None


@pytest.mark.parametrize("how", [{"linked": False}, {"greeted": False}])
def test_without_a_table_or_a_link_nothing_is_done(make, how):
    desk = make(**how)
    assert desk.end.next_due() is None
    desk.end.tick(desk.now)
    assert desk.poll.poll(0) == []


def test_what_the_daemon_wants_is_answered(make):
    desk = make()
    desk.connect()
    desk.daemon.say({"type": "ask", "id": 3})
    desk.turn(int(PATIENCE * 1000))
    told = desk.daemon.hear()
    assert (told["type"], told["id"], told["status"]["table"]) == ("status", 3, "creds")
    desk.daemon.say({"type": "do", "id": 4, "command": "reload", "arguments": {}})
    desk.turn(int(PATIENCE * 1000))
    assert desk.daemon.hear()["ok"]
    assert desk.reloads == [desk.now]


def test_what_matters_of_the_log_and_the_incident_are_told(make):
    desk = make()
    desk.connect()
    desk.poison()
    desk.turn()
    desk.turn()
    told = desk.heard()
    events = [each["text"] for each in told if each["type"] == "event"]
    assert any("quarantined for 1h" in text for text in events)
    assert not any("backend is ready" in text for text in events)  # of priority info
    (incident,) = [each["incident"] for each in told if each["type"] == "incident"]
    assert (incident["table"], incident["backend"]) == ("creds", "mysql")
    assert [each["kind"] for each in incident["steps"]][-3:] == ["decision", "note", "decision"]
    assert "licezq" not in str(told)


def test_with_keys_in_the_log_nothing_of_the_log_is_told_but_the_incident_is(make):
    desk = make(show_keys=True)
    desk.connect()
    desk.poison()
    desk.turn()
    assert "licezq" in desk.player.log()
    told = desk.heard()
    assert [each["type"] for each in told] == ["incident"]
    assert told[0]["incident"]["steps"] == []
    assert "licezq" not in str(told)


def test_what_was_logged_with_keys_is_not_told_after_they_are_switched_off(make):
    """A reload tells first what was collapsed until then."""
    desk = make(show_keys=True)
    desk.connect()
    for _ in range(3):
        id_ = desk.player.ask("qalicezq")
        desk.player.stderr(b'creds[7]: warn: key too long: "qalicezq"')
        if desk.player.answer_to(id_) is None:
            desk.player.answer(id_, "error")
    desk.player.core.reload(desk.now, make().player.core.config)
    desk.turn()
    desk.turn()
    assert "repeated 2 times in 0.0 s: backend: warn: key too long" in desk.player.log()
    told = desk.heard()
    assert "licezq" not in str(told)
    assert any("configuration read anew" in each.get("text", "") for each in told)


def test_a_line_that_is_not_private_is_told_and_one_that_is_is_not(make):
    desk = make()
    desk.connect()
    for line in (
        Log(Priority.WARNING, "one"),
        Log(Priority.WARNING, "two", private=True),
        Log(Priority.INFO, "three"),
        Log(Priority.NOTICE, "four"),
    ):
        desk.end.logged(line, desk.now)
    assert [(each["priority"], each["text"]) for each in desk.heard()] == [(4, "one"), (5, "four")]


def test_a_directory_that_anybody_can_write_to_is_said_once(make, tmp_path):
    desk = make()
    tmp_path.chmod(0o777)
    for _ in range(50):
        desk.turn()
        desk.player.wait(1.0)
    assert desk.player.log().count("not connecting to tablewatchd") == 1
    tmp_path.chmod(0o755)
    desk.player.wait(MAX_WAIT)
    desk.connect()


def test_its_descriptor_is_its_own_only_while_it_is_connected(make):
    desk = make()
    desk.connect()
    ((descriptor, _),) = [
        each for each in [(fd, 0) for fd in range(3, 200)] if desk.end.owns(each[0])
    ]
    desk.end.close()
    assert not desk.end.owns(descriptor)


def test_nothing_is_left_to_be_loaded_when_the_daemon_comes_later(make):
    """By then the files may be those of another release."""
    desk = make()
    desk.daemon.stop()
    desk.end.tick(desk.now)
    assert desk.end._reporter is not None
    assert desk.end._teller is not None
