import subprocess
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.programs import need

from tablewatch.daemon.web import passwords
from tablewatch.daemon.web.passwords import Passwords, crypt_trouble, hash_trouble

# Of "right", cost 4, made by htpasswd.
RIGHT = "$2y$04$kw6DnMxUc7dbE3ZQhsjVEusmPvtBNQ1ri3uUv9yFNWMKolkO0xuFS"

pytestmark = pytest.mark.skipif(bool(crypt_trouble()), reason="crypt(3) has no bcrypt here")


def soon():
    return time.monotonic() + 60


@pytest.fixture
def computed(monkeypatch):
    """Every password that was given to crypt(3)."""
    seen = []
    crypt = passwords._crypt

    def counting(password, setting):
        seen.append(password)
        return crypt(password, setting)

    monkeypatch.setattr(passwords, "_crypt", counting)
    monkeypatch.setattr(passwords, "_REST", 0.0)
    return seen


def test_the_right_password_is_taken():
    assert Passwords({"alice": RIGHT}).check(b"alice", b"right", soon()) is True


@pytest.mark.parametrize(
    ("user", "password"),
    [
        (b"alice", b"wrong"),
        (b"alice", b""),
        (b"alice", b"right\0"),
        (b"alice", b"x" * 5000),
        (b"bob", b"right"),
        (b"", b""),
        (b"\xff", b"\xff"),
    ],
)
def test_anything_else_is_not(user, password, computed):
    assert Passwords({"alice": RIGHT}).check(user, password, soon()) is False


def test_what_htpasswd_writes_is_understood():
    command = [need("htpasswd", "apache2-utils"), "-nbBC", "4", "x", "pässwörd"]
    line = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    hashed = line.strip().partition(":")[2]
    assert hash_trouble(hashed) == ""
    assert Passwords({"x": hashed}).check(b"x", "pässwörd".encode(), soon()) is True


@pytest.mark.parametrize("variant", ["$2a$", "$2b$", "$2y$"])
def test_all_variants_are_the_same(variant):
    hashed = variant + RIGHT[4:]
    assert hash_trouble(hashed) == ""
    assert Passwords({"a": hashed}).check(b"a", b"right", soon()) is True


def test_who_was_let_in_is_not_computed_again(computed):
    known = Passwords({"alice": RIGHT})
    assert [known.check(b"alice", b"right", soon()) for _ in range(5)] == [True] * 5
    assert computed == [b"right"]
    assert known.check(b"alice", b"wrong", soon()) is False
    assert known.check(b"bob", b"right", soon()) is False


def test_user_and_password_are_not_confused_with_each_other(computed):
    known = Passwords({"alice": RIGHT, "alicer": RIGHT})
    assert known.check(b"alice", b"right", soon()) is True
    assert known.check(b"alicer", b"ight", soon()) is False


def test_the_password_is_not_kept():
    known = Passwords({"alice": RIGHT})
    known.check(b"alice", b"right", soon())
    kept = b"".join(known._known)
    assert len(known._known) == 1
    assert b"right" not in kept
    other = Passwords({"alice": RIGHT})
    other.check(b"alice", b"right", soon())
    assert set(known._known) != set(other._known)  # salted


def test_what_is_remembered_is_bounded(computed):
    long = "$2b$04$" + RIGHT[7:29]
    hashed = passwords._crypt(b"x" * 72, long.encode()).decode()
    known = Passwords({"a": hashed})
    for number in range(passwords._REMEMBERED + 20):  # bcrypt looks at 72 bytes
        assert known.check(b"a", b"x" * 72 + b"%d" % number, soon()) is True
    assert len(known._known) == passwords._REMEMBERED


def test_an_unknown_user_costs_as_much_as_a_known_one(computed):
    known = Passwords({"alice": RIGHT})
    known.check(b"nobody", b"x", soon())
    assert computed == [b"x"]
    assert known._nobody[:7] == RIGHT[:7].replace("y", "b").encode()


def test_one_password_is_computed_at_a_time(monkeypatch):
    running, most = [], []
    crypt = passwords._crypt

    def slow(password, setting):
        running.append(1)
        most.append(len(running))
        time.sleep(0.01)
        running.pop()
        return crypt(password, setting)

    monkeypatch.setattr(passwords, "_crypt", slow)
    monkeypatch.setattr(passwords, "_REST", 0.0)
    known = Passwords({"alice": RIGHT})
    threads = [
        threading.Thread(target=known.check, args=(b"alice", b"%d" % n, soon())) for n in range(8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert most == [1] * 8


def test_after_a_wrong_password_the_processor_rests(computed, monkeypatch):
    rests = []
    monkeypatch.setattr(passwords, "_REST", 1e9)
    monkeypatch.setattr(passwords.time, "sleep", rests.append)
    known = Passwords({"alice": RIGHT})
    assert known.check(b"alice", b"wrong", soon()) is False
    assert rests == []
    assert known.check(b"alice", b"wrong", soon()) is False
    assert 0 < rests[0] <= passwords._LONGEST_REST
    assert known.check(b"alice", b"wrong", time.monotonic()) is None  # no time for that


def test_whoever_is_known_does_not_wait_behind_an_attacker(computed):
    known = Passwords({"alice": RIGHT})
    known.check(b"alice", b"right", soon())
    with passwords._one_at_a_time:
        assert known.check(b"alice", b"right", time.monotonic()) is True
        assert known.check(b"alice", b"wrong", time.monotonic()) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("secret", "no bcrypt hash"),
        ("", "no bcrypt hash"),
        ("$1$abc$def", "no bcrypt hash"),
        ("$2x$" + RIGHT[4:], "no bcrypt hash"),
        (RIGHT + "\n", "no bcrypt hash"),
        (RIGHT[:-1], "no bcrypt hash"),
        ("$2y$31$" + RIGHT[7:], "a cost of 31"),
        ("$2y$03$" + RIGHT[7:], "a cost of 03"),
    ],
)
def test_what_is_no_hash_is_refused_and_not_told(text, said):
    why = hash_trouble(text)
    assert why.startswith(said)
    assert not text or text not in why


@settings(max_examples=10)
@given(st.binary(max_size=80))
def test_whatever_is_typed_is_an_answer(password):
    passwords_ = Passwords({"alice": RIGHT})
    expected = password[:72] == b"right"
    assert passwords_.check(b"alice", password, soon()) is expected


def test_a_system_without_bcrypt_is_said_so(monkeypatch):
    monkeypatch.setattr(passwords, "_libraries", lambda: iter(["libm.so.6", "nowhere.so"]))
    passwords._function.cache_clear()
    try:
        assert "relayd or nginx" in crypt_trouble()
        assert Passwords({"alice": RIGHT}).check(b"alice", b"right", soon()) is False
    finally:
        passwords._function.cache_clear()
