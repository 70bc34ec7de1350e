"""LearnedClass: what an attacker's keys have in common is refused, and nobody else for it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.config.settings import QuarantineSettings
from tablewatch.keytraits import PLAIN, Trait, traits_of
from tablewatch.policy.learned import LearnedClass
from tablewatch.policy.quarantine import Quarantine

SALT = b"0123456789abcdef"
SERVICE = "credentials"
BEYOND = Trait.BEYOND_LATIN1
FOUR_BYTE = BEYOND | Trait.FOUR_BYTE_UTF8
ACCENTED = "José@example.org".encode()
POLISH = "ałice@example.org".encode()
EMOJI = "a😀@example.org".encode()


@pytest.fixture
def learned():
    return LearnedClass(
        SALT, threshold=3, window=50.0, duration=100.0, max_duration=350.0, trust=1000.0
    )


def bad(number, char="ł"):
    return f"{char}{number}@example.org".encode()


def teach(learned, now=0.0, char="ł", count=3, service=SERVICE):
    return [learned.blame(service, bad(number, char), now) for number in range(count)][-1]


def refuses(learned, key, now=1.0, service=SERVICE):
    return learned.refuses(service, key, now)


def test_traits_are_refused_after_enough_distinct_keys(learned):
    assert teach(learned, count=2) is None
    assert refuses(learned, POLISH) is None
    entry = learned.blame(SERVICE, bad("third"), 0.0)
    assert (entry.service, entry.traits, entry.until) == (SERVICE, BEYOND, 100.0)
    assert refuses(learned, POLISH) == BEYOND


def test_one_key_over_and_over_teaches_nothing(learned):
    for _ in range(10):
        assert learned.blame(SERVICE, POLISH, 0.0) is None
    assert refuses(learned, bad(1)) is None


def test_accented_keys_that_are_in_latin1_keep_working(learned):
    teach(learned)
    assert refuses(learned, ACCENTED) is None
    assert refuses(learned, "5€@example.org".encode()) is None


def test_plain_keys_teach_nothing_and_are_never_refused(learned):
    for number in range(10):
        assert learned.blame(SERVICE, b"plain%d" % number, 0.0) is None
    teach(learned)
    assert refuses(learned, b"alice@example.org") is None


def test_other_services_are_not_affected(learned):
    teach(learned)
    assert refuses(learned, POLISH, service="alias") is None


def test_what_fails_on_l_with_stroke_fails_on_four_byte_keys_too(learned):
    teach(learned)
    assert refuses(learned, EMOJI) == BEYOND
    assert refuses(learned, "ł\t".encode()) == BEYOND


def test_from_four_byte_keys_nothing_follows_for_l_with_stroke(learned):
    teach(learned, char="😀")
    assert refuses(learned, EMOJI) == FOUR_BYTE
    assert refuses(learned, POLISH) is None


def test_keys_blamed_longer_ago_than_the_window_do_not_count(learned):
    teach(learned, count=2)
    assert learned.blame(SERVICE, bad("late"), 50.1) is None


def test_a_key_that_worked_keeps_its_traits_from_being_learned(learned):
    learned.success(SERVICE, POLISH, 0.0)
    assert teach(learned, now=999.0) is None
    assert teach(learned, now=1000.0) is not None


def test_a_success_of_more_traits_speaks_for_fewer_but_not_the_other_way_round(learned):
    learned.success(SERVICE, EMOJI, 0.0)
    assert teach(learned) is None
    learned = LearnedClass(SALT, threshold=3)
    learned.success(SERVICE, POLISH, 0.0)
    assert teach(learned, char="😀") is not None


def test_a_success_in_another_service_proves_nothing(learned):
    learned.success("alias", POLISH, 0.0)
    assert teach(learned) is not None


def test_a_success_frees_the_traits_at_once_and_for_long(learned):
    teach(learned)
    assert [entry.traits for entry in learned.success(SERVICE, EMOJI, 1.0)] == [BEYOND]
    assert refuses(learned, POLISH) is None
    assert learned.entries() == []
    assert teach(learned, now=2.0) is None


def test_a_success_of_other_traits_frees_nothing(learned):
    teach(learned)
    assert learned.success(SERVICE, ACCENTED, 1.0) == []
    assert learned.success(SERVICE, b"alice", 1.0) == []
    assert refuses(learned, POLISH) == BEYOND


def test_after_its_time_one_key_is_let_through(learned):
    teach(learned)
    assert refuses(learned, POLISH, now=99.9) == BEYOND
    assert refuses(learned, POLISH, now=100.0) is None
    assert refuses(learned, bad("next"), now=100.1) == BEYOND


def test_a_key_with_more_traits_is_no_trial(learned):
    teach(learned)
    assert refuses(learned, EMOJI, now=100.0) == BEYOND
    assert refuses(learned, POLISH, now=100.0) is None


def test_a_failed_trial_doubles_the_time_up_to_the_longest(learned):
    now, lengths = teach(learned).until, []
    for _ in range(4):
        assert refuses(learned, POLISH, now) is None
        entry = learned.blame(SERVICE, POLISH, now)
        lengths.append(entry.until - now)
        now = entry.until
    assert lengths == [200.0, 350.0, 350.0, 350.0]


def test_a_successful_trial_frees_the_traits(learned):
    teach(learned)
    assert refuses(learned, POLISH, now=100.0) is None
    learned.success(SERVICE, POLISH, 100.1)
    assert refuses(learned, bad(1), now=100.2) is None


def test_a_trial_without_a_result_is_repeated(learned):
    teach(learned)
    assert refuses(learned, POLISH, now=100.0) is None
    assert refuses(learned, POLISH, now=159.9) == BEYOND
    assert refuses(learned, POLISH, now=160.0) is None


def test_a_key_asked_before_its_traits_were_learned_is_no_failed_trial(learned):
    teach(learned)
    assert learned.blame(SERVICE, bad("in flight"), 1.0) is None
    assert learned.entries()[0].until == 100.0


def test_a_trial_fails_once(learned):
    teach(learned)
    assert refuses(learned, POLISH, now=100.0) is None
    assert learned.blame(SERVICE, POLISH, 100.1).until == 300.1
    assert learned.blame(SERVICE, bad("in flight"), 100.2) is None
    assert refuses(learned, POLISH, now=299.0) == BEYOND


def test_hits_are_counted(learned):
    teach(learned)
    refuses(learned, POLISH)
    refuses(learned, EMOJI)
    assert learned.entries()[0].hits == 2


def test_nothing_is_learned_of_auth_keys(learned):
    for number in range(10):
        assert learned.blame("auth", bad(number), 0.0) is None
    assert learned.success("auth", POLISH, 0.0) == []
    assert not learned._suspects
    assert not learned._proven


def test_clear_frees_everything_and_keeps_what_was_proven(learned):
    teach(learned)
    teach(learned, char="é", count=2)
    learned.success(SERVICE, b"\xff", 0.0)
    assert learned.clear() == 1
    assert refuses(learned, POLISH) is None
    assert learned.blame(SERVICE, bad("third", "é"), 0.0) is None
    assert all(learned.blame(SERVICE, b"\xff%d" % number, 1.0) is None for number in range(9))


# --- the attack ------------------------------------------------------------------------------


class Latin1Table:
    """A table with a latin1 column behind everything that is to protect it.

    `holds` is what the column can be compared with; anything else is error 1267.
    """

    def __init__(self, holds):
        self.holds = holds
        self.learned = LearnedClass(SALT)
        self.quarantine = Quarantine(QuarantineSettings(), SALT)
        self.reached = []

    def ask(self, key, now):
        if self.quarantine.match(SERVICE, key, now) or self.learned.refuses(SERVICE, key, now):
            return "refused"
        self.reached.append(key)
        if self.holds(key):
            self.learned.success(SERVICE, key, now)
            return "answered"
        self.quarantine.add(SERVICE, key, "***", "1267", now)
        self.learned.blame(SERVICE, key, now)
        return "failed"


def in_latin1(key):
    try:
        return bool(key.decode().encode("cp1252"))
    except UnicodeError:
        return False


GOOD = [b"alice@example.org", ACCENTED, b"bob", "Zoë".encode(), "Strauß€".encode()]


def test_of_a_thousand_poisoned_keys_five_reach_the_database_and_no_good_login_is_refused():
    table, now, good = Latin1Table(in_latin1), 0.0, itertools.cycle(GOOD)
    for number in range(1000):
        now += 0.02
        assert table.ask(bad(number), now) == ("failed" if number < 5 else "refused")
        if number % 10 == 0:
            assert table.ask(next(good), now) == "answered"
    assert sum(not in_latin1(key) for key in table.reached) == 5


def test_an_attack_that_goes_on_for_a_day_costs_one_key_per_trial():
    table = Latin1Table(in_latin1)
    for second in range(86400):
        table.ask(bad(second), float(second))
    # Five to learn, then after 1, 2, 4 and 8 hours; 16 more would be the next day.
    assert len(table.reached) == 5 + 4


def test_after_the_column_was_converted_one_trial_frees_everybody():
    table = Latin1Table(in_latin1)
    for number in range(10):
        table.ask(bad(number), 0.0)
    table.holds = lambda key: True
    assert table.ask(POLISH, 3599.0) == "refused"
    assert table.ask(POLISH, 3600.0) == "answered"
    assert table.ask("Łukasz".encode(), 3600.0) == "answered"


POISON = st.one_of(
    st.text(min_size=1, max_size=6).map(str.encode), st.binary(min_size=1, max_size=6)
).filter(lambda key: not in_latin1(key) and not {0x81, 0x8D, 0x8F, 0x90, 0x9D} & set(key))


@given(st.lists(st.one_of(POISON, st.sampled_from(GOOD)), max_size=200))
def test_whatever_the_attack_good_logins_work_and_each_kind_of_key_fails_at_most_five_times(keys):
    table, now = Latin1Table(in_latin1), 0.0
    for key in keys:
        now += 0.02
        answer = table.ask(key, now)
        assert (answer == "answered") == (key in GOOD)
    failed = [traits_of(key) for key in table.reached if key not in GOOD]
    assert all(failed.count(kind) <= 5 for kind in set(failed))


KEYS = [b"alice", ACCENTED, POLISH, EMOJI, b"\xff", b"a\t", *(bad(n) for n in range(6))]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["blame", "success", "refuses"]),
            st.sampled_from(KEYS),
            st.floats(0.0, 40.0),
        ),
        max_size=150,
    )
)
def test_only_what_was_blamed_and_did_not_succeed_is_refused(steps):
    learned = LearnedClass(SALT, threshold=2, window=50.0, duration=30.0, trial_timeout=10.0)
    now, blamed, proven = 0.0, set(), set()
    for what, key, seconds in steps:
        now += seconds
        traits = traits_of(key)
        if what == "blame":
            learned.blame(SERVICE, key, now)
            blamed.add(traits)
        elif what == "success":
            learned.success(SERVICE, key, now)
            proven.add(traits)
        else:
            found = learned.refuses(SERVICE, key, now)
            if found is not None:
                assert found != PLAIN
                assert found in traits
                assert found in blamed
                assert not any(found in success for success in proven)  # all within the trust
