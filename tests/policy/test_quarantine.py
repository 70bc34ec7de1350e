"""Quarantine: bounded, expiring, and never a place where keys can be read."""

import gc
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.config.settings import QuarantineSettings
from tablewatch.policy.digests import KeyHasher
from tablewatch.policy.quarantine import Quarantine

SALT = b"0123456789abcdef"
SETTINGS = QuarantineSettings(duration=100.0, max_keys=3)


@pytest.fixture
def quarantine():
    return Quarantine(SETTINGS, SALT)


def add(quarantine, key, now=0.0, service="credentials"):
    return quarantine.add(service, key, "k***", "the cause", now)


def test_a_key_is_refused_until_it_expires(quarantine):
    add(quarantine, b"bad", now=5.0)
    assert quarantine.match("credentials", b"bad", 5.0)
    assert quarantine.match("credentials", b"bad", 104.9)
    assert quarantine.match("credentials", b"bad", 105.0) is None
    assert len(quarantine) == 0


def test_other_keys_and_other_services_are_not_refused(quarantine):
    add(quarantine, b"bad")
    assert quarantine.match("credentials", b"good", 1.0) is None
    assert quarantine.match("userinfo", b"bad", 1.0) is None


def test_service_and_key_do_not_run_into_each_other(quarantine):
    add(quarantine, b"b", service="a")
    assert quarantine.match("", b"ab", 1.0) is None


def test_hits_are_counted(quarantine):
    entry = add(quarantine, b"bad")
    quarantine.match("credentials", b"bad", 1.0)
    quarantine.match("credentials", b"bad", 2.0)
    assert entry.hits == 2


def test_the_entry_used_longest_ago_makes_room(quarantine):
    for key in (b"1", b"2", b"3"):
        add(quarantine, key)
    quarantine.match("credentials", b"1", 1.0)
    add(quarantine, b"4")
    assert quarantine.match("credentials", b"2", 1.0) is None
    assert all(quarantine.match("credentials", key, 1.0) for key in (b"1", b"3", b"4"))
    assert quarantine.evictions == 1


def test_auth_keys_are_never_kept(quarantine):
    assert add(quarantine, b"alice:secret", service="auth") is None
    assert len(quarantine) == 0


def test_a_disabled_quarantine_refuses_nobody():
    quarantine = Quarantine(replace(SETTINGS, enabled=False), SALT)
    assert add(quarantine, b"bad") is None
    assert quarantine.match("credentials", b"bad", 0.0) is None


def test_clear_releases_everybody(quarantine):
    add(quarantine, b"1")
    add(quarantine, b"2")
    assert quarantine.clear() == 2
    assert quarantine.match("credentials", b"1", 0.0) is None


def test_the_key_itself_is_not_kept(quarantine):
    key = b"a-very-recognisable-key@example.org"
    add(quarantine, key)
    seen, todo = set(), [quarantine]
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        assert not (isinstance(thing, bytes) and key in thing)
        assert not (isinstance(thing, str) and key.decode() in thing)
        if isinstance(thing, (Quarantine, KeyHasher, dict, list, tuple)) or hasattr(
            thing, "__slots__"
        ):
            todo.extend(gc.get_referents(thing))


def test_an_id_is_short_and_the_same_when_the_key_comes_back(quarantine):
    first = add(quarantine, b"bad").id
    quarantine.release("credentials", b"bad")
    assert add(quarantine, b"bad").id == first
    assert re.fullmatch("[0-9a-f]{10}", first)


def test_an_id_tells_nothing_without_the_salt(quarantine):
    other = Quarantine(SETTINGS, SALT[::-1])
    assert add(quarantine, b"bad").id != add(other, b"bad").id
    assert add(quarantine, b"bad").id != add(quarantine, b"bad", service="alias").id


# --- how long --------------------------------------------------------------------------------


def serve(quarantine, times, key=b"bad"):
    """Let `key` be blamed again and again right after its time; return the lengths."""
    now, lengths = 0.0, []
    for _ in range(times):
        entry = add(quarantine, key, now)
        lengths.append(entry.until - now)
        now = entry.until
        assert quarantine.match("credentials", key, now) is None
    return lengths


def test_each_time_is_twice_as_long_up_to_the_longest():
    quarantine = Quarantine(replace(SETTINGS, max_duration=500.0), SALT)
    assert serve(quarantine, 5) == [100.0, 200.0, 400.0, 500.0, 500.0]


def test_a_first_time_longer_than_the_longest_is_kept():
    quarantine = Quarantine(replace(SETTINGS, max_duration=50.0), SALT)
    assert serve(quarantine, 3) == [100.0, 100.0, 100.0]


def test_any_number_of_offences_is_survived():
    assert serve(Quarantine(SETTINGS, SALT), 1200)[-1] == 86400.0


@pytest.mark.parametrize(("later", "length"), [(599.9, 200.0), (600.0, 100.0)])
def test_offences_are_forgotten_after_a_while(later, length):
    quarantine = Quarantine(SETTINGS, SALT, memory=500.0)
    add(quarantine, b"bad", now=0.0)
    assert add(quarantine, b"bad", now=later).until == later + length


def test_offences_are_forgotten_on_time_however_recently_was_swept():
    quarantine = Quarantine(SETTINGS, SALT, memory=500.0)
    add(quarantine, b"bad", now=0.0)
    quarantine.entries(599.0)
    assert add(quarantine, b"bad", now=600.0).until == 700.0


def test_a_key_blamed_while_refused_is_refused_longer_but_no_second_offence(quarantine):
    first = add(quarantine, b"bad", now=0.0)
    again = add(quarantine, b"bad", now=50.0)
    assert again is first
    assert (again.since, again.until, again.offences) == (0.0, 150.0, 1)


# --- letting go ------------------------------------------------------------------------------


def test_a_released_key_is_free_and_its_offence_stays_on_record(quarantine):
    add(quarantine, b"bad")
    add(quarantine, b"other")
    assert quarantine.release("credentials", b"bad").shown == "k***"
    assert quarantine.match("credentials", b"bad", 1.0) is None
    assert quarantine.match("credentials", b"other", 1.0)
    assert add(quarantine, b"bad", now=2.0).until == 202.0


def test_a_key_that_is_not_refused_cannot_be_released(quarantine):
    assert quarantine.release("credentials", b"good") is None
    assert quarantine.release("auth", b"alice:secret") is None


def test_keys_are_released_by_what_their_entries_say(quarantine):
    for number in range(3):
        signature = "broken-sql" if number else "1267"
        quarantine.add("alias", b"%d" % number, "***", "why", float(number), signature=signature)
    freed = quarantine.release_where(lambda e: e.signature == "broken-sql" and e.since >= 2.0)
    assert [entry.since for entry in freed] == [2.0]
    assert quarantine.release_where(lambda e: e.id == quarantine.entries(2.0)[0].id)
    assert len(quarantine) == 1


def test_a_pardoned_key_has_no_record(quarantine):
    add(quarantine, b"innocent")
    assert len(quarantine.release_where(lambda _: True, pardon=True)) == 1
    assert add(quarantine, b"innocent", now=1.0).until == 101.0


def test_clear_forgets_all_offences(quarantine):
    add(quarantine, b"bad")
    add(quarantine, b"free")
    quarantine.release("credentials", b"free")
    quarantine.clear()
    assert add(quarantine, b"bad", now=1.0).until == 101.0
    assert add(quarantine, b"free", now=1.0).until == 101.0


def test_expired_entries_do_not_pile_up():
    quarantine = Quarantine(replace(SETTINGS, max_keys=1000), SALT, memory=300.0)
    for second in range(1000):
        add(quarantine, b"%d" % second, now=float(second))
        assert len(quarantine) <= 100 + 61
        assert len(quarantine._past) <= 300 + 61


def test_the_list_shows_who_is_refused_now(quarantine):
    add(quarantine, b"old", now=0.0)
    add(quarantine, b"new", now=50.0)
    assert [entry.since for entry in quarantine.entries(99.0)] == [0.0, 50.0]
    assert [entry.since for entry in quarantine.entries(100.0)] == [50.0]


def test_offences_of_free_keys_make_room_before_entries_do(quarantine):
    add(quarantine, b"free")
    quarantine.release("credentials", b"free")
    for key in (b"1", b"2", b"3"):
        add(quarantine, key)
    assert (len(quarantine), quarantine.evictions) == (3, 0)
    assert not quarantine._past


# --- what operators say ----------------------------------------------------------------------


def by_operator(quarantine, now=0.0, duration=10.0):
    return quarantine.add("credentials", b"bad", "k***", "by hand", now, duration=duration)


def test_an_operator_says_how_long(quarantine):
    entry = by_operator(quarantine)
    assert entry.by_operator
    assert quarantine.match("credentials", b"bad", 9.9)
    assert quarantine.match("credentials", b"bad", 10.0) is None


def test_what_an_operator_wants_is_no_offence(quarantine):
    by_operator(quarantine)
    assert not add(quarantine, b"bad", now=20.0).by_operator
    assert add(quarantine, b"bad", now=20.0).until == 120.0


def test_an_operator_may_shorten_and_blame_does_not(quarantine):
    add(quarantine, b"bad")
    assert by_operator(quarantine).until == 10.0
    by_operator(quarantine, duration=1000.0)
    assert add(quarantine, b"bad", now=1.0).until == 1000.0


KEYS = [b"1", b"2", b"3", b"4", b"5"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "match", "release", "pardon", "clear", "list"]),
        st.sampled_from(KEYS),
        st.integers(0, 80),
    ),
    max_size=150,
)


@given(STEPS)
def test_a_key_is_refused_as_often_and_as_long_as_its_history_says(steps):
    """Checked against plain arithmetic on each key's history, with room for everybody."""
    quarantine = Quarantine(replace(SETTINGS, max_keys=5, max_duration=400.0), SALT, memory=300.0)
    now, until, offences = 0.0, {}, {}
    for what, key, seconds in steps:
        now += seconds
        ended = until.get(key, 0.0)
        if what == "add":
            if now >= ended:
                if key not in offences or now >= offences[key][1]:
                    offences[key] = (0, 0.0)
                offences[key] = (offences[key][0] + 1, 0.0)
            until[key] = now + min(400.0, 100.0 * 2.0 ** (offences[key][0] - 1))
            offences[key] = (offences[key][0], until[key] + 300.0)
            assert add(quarantine, key, now).until == until[key]
        elif what == "match":
            assert (quarantine.match("credentials", key, now) is not None) == (now < ended)
        elif what == "list":
            refused = {end for end in until.values() if now < end}
            assert {entry.until for entry in quarantine.entries(now)} == refused
        elif what == "release":
            quarantine.release("credentials", key)
            until.pop(key, None)
        elif what == "pardon":
            quarantine.entries(now)  # so that those that have expired are not among them
            quarantine.release_where(lambda entry: entry.offences == 1, pardon=True)
            for other in [k for k, end in until.items() if now < end and offences[k][0] == 1]:
                del until[other], offences[other]
        else:
            quarantine.clear()
            until, offences = {}, {}


@given(STEPS)
def test_never_more_than_max_keys(steps):
    quarantine, now = Quarantine(SETTINGS, SALT), 0.0
    for what, key, seconds in steps:
        now += seconds
        if what == "add":
            add(quarantine, key, now)
            assert quarantine.match("credentials", key, now)
        elif what == "release":
            quarantine.release("credentials", key)
        elif what == "list":
            quarantine.entries(now)
        else:
            quarantine.match("credentials", key, now)
        assert len(quarantine) + len(quarantine._past) <= SETTINGS.max_keys
        assert not set(quarantine._entries) & set(quarantine._past)


@given(STEPS)
def test_whether_it_holds_a_key_is_told_without_a_digest_for_most(steps):
    quarantine, now = Quarantine(SETTINGS, SALT), 0.0
    for what, key, seconds in steps:
        now += seconds
        if what == "add":
            add(quarantine, key, now)
        elif what == "release":
            quarantine.release("credentials", key)
        elif what == "list":
            quarantine.entries(now)
        for each in {key for _, key, _ in steps}:
            digest = quarantine._hasher.digest("credentials", each)
            assert quarantine.holds("credentials", each) == (digest in quarantine._entries)
        assert len(quarantine._hints) <= 2 * SETTINGS.max_keys + 1


def test_a_key_is_held_for_its_service_alone(quarantine):
    add(quarantine, b"1")
    assert quarantine.holds("credentials", b"1")
    assert not quarantine.holds("userinfo", b"1")
    assert not quarantine.holds("auth", b"1")


# --- what is told of it


def test_hits_are_those_of_all_entries_and_outlive_them(quarantine):
    for key in (b"1", b"2"):
        add(quarantine, key)
        quarantine.match("credentials", key, 1.0)
    quarantine.match("credentials", b"1", 2.0)
    quarantine.match("credentials", b"other", 2.0)
    assert quarantine.hits == 3
    quarantine.clear()
    quarantine.match("credentials", b"1", 3.0)
    assert quarantine.hits == 3


def test_its_size_is_how_many_keys_are_refused_within_a_minute(quarantine):
    add(quarantine, b"1")
    add(quarantine, b"2", now=50.0)
    assert quarantine.size(90.0) == 2
    assert quarantine.size(160.0 + 60.0) == 0
    assert len(quarantine) == 0
