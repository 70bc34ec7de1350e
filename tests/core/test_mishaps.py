"""TableCore when something goes wrong that nobody has thought of, and what it says then."""

import pytest
from tests.core.player import LOST, RECONNECT, Player

from tablewatch.config.settings import LogSettings, RunawaySettings, TraceSettings
from tablewatch.core.actions import Kill, Pause, Resume, Usage


def is_error(player, id_):
    answer = player.answer_to(id_)
    return answer is not None and answer.startswith("error|")


def breaks_once(monkeypatch, thing, name):
    """Have a method raise when it is called next, and work again afterwards."""
    sound = getattr(thing, name)

    def broken(*_arguments, **_named):
        monkeypatch.setattr(thing, name, sound)
        raise ZeroDivisionError

    monkeypatch.setattr(thing, name, broken)


@pytest.mark.parametrize("what", ["add", "reply"])
def test_an_error_of_our_own_forgets_nobody_who_was_read_already(monkeypatch, what):
    player = Player(version="7.9.0").start()
    player.core.dispatcher.services = ("userinfo",)  # so that the first is answered at once
    breaks_once(monkeypatch, player.core.smtpd, what)
    lines = [
        f"table|0.1|1.0|creds|lookup|credentials|{number:08x}|user{number}\n" for number in (1, 2)
    ]
    with pytest.raises(ZeroDivisionError):
        player.smtpd("".join(lines).encode())
    player.core.failed(player.now, "ZeroDivisionError")
    player.settle()
    assert all(is_error(player, f"{number:08x}") for number in (1, 2))


def test_an_error_of_our_own_among_overdue_requests_forgets_none(monkeypatch):
    player = Player(version="7.9.0").start()
    ids = [player.ask(f"user{number}") for number in range(4)]
    breaks_once(monkeypatch, player.core.smtpd, "tempfail")
    with pytest.raises(ZeroDivisionError):
        player.wait(6.0)
    player.core.failed(player.now, "ZeroDivisionError")
    player.settle()
    assert all(is_error(player, id_) for id_ in ids)


def test_an_error_of_our_own_in_smtpds_handshake_does_not_stop_smtpd(monkeypatch):
    player = Player(version="7.9.0")
    breaks_once(monkeypatch, player.core.journal, "say")
    with pytest.raises(ZeroDivisionError):
        player.greet()
    player.core.failed(player.now, "ZeroDivisionError")
    player.settle()
    player.wait(5.0)
    assert "register|ready" in player.answers


def test_what_a_lost_backend_said_last_does_not_show_its_key():
    """Its stderr may hold more than is read at once, and the first part may end it."""
    player = Player(spares=1).start()
    player.ask("alicia")
    player.core.from_stderr(player.now, 1, [LOST, RECONNECT] * 20)
    player.stderr(b"creds[7]: warn: no such user alicia", generation=1)
    assert 1 in player.killed
    assert "no such user a***" in player.log()
    assert "alicia" not in player.log()


@pytest.mark.parametrize("show_keys", [True, False])
def test_a_password_that_a_backend_repeats_is_never_shown(show_keys):
    player = Player(log=LogSettings(interval=60.0, show_keys=show_keys)).greet()
    player.backend(b"register|auth\nregister|ready\n")
    player.ask("alice:open sesame@door.org", service="auth")
    player.stderr(b"creds[7]: warn: no match for alice:open sesame@door.org", generation=1)
    player.stderr(b"creds[7]: warn: mysql_stmt_execute: wrong: open sesame@door.org", generation=1)
    player.die(generation=1)
    assert "sesame" not in player.log()
    assert "door.org" not in player.log()
    assert "(hidden)" in player.log()


def test_a_backend_that_was_given_a_password_is_not_traced():
    settings = {"spares": 1, "trace": TraceSettings(enabled=True)}
    for service, traces in (("auth", 0), ("userinfo", 1)):
        player = Player(**settings).greet()
        player.backend(b"register|auth\nregister|userinfo\nregister|ready\n")
        player.ask("alice:sesame", service=service)
        player.stderr(*[LOST, RECONNECT] * 20, generation=1)
        assert len(player.traces) == traces


def test_a_stopped_backend_that_idles_is_let_go_before_it_is_recycled():
    player = Player(on_exhausted="throttle", spares=1, runaway=RunawaySettings(grace=0.0)).start()
    player.register()
    player.usage = lambda now: Usage(now, 10**6, 5, 0)
    while player.running:
        player.wait(0.1)
    used = player.now
    player.usage = lambda now: Usage(used, 10**6, 5, 0)  # it is stopped
    player.core.pool.recycle(player.core.pool.active, "memory")
    player.wait(5.0)
    assert player.killed == [1]
    last = [each for each in player.order if isinstance(each, Pause | Resume | Kill)]
    assert isinstance(last[[type(each) for each in last].index(Kill) - 1], Resume)
