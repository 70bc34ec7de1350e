"""StuckErrors: a fresh process for one that only says error, and no harm to one that means no."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.policy.stuck import Advice, StuckErrors

HOUR = 3600.0


class Table:
    """A table with a backend, asked once per `pause` seconds; advice is carried out at once."""

    def __init__(self, pause=1.0, **limits):
        self.policy = StuckErrors(**limits)
        self.now, self.pause = 1000.0, pause
        self.advice = []

    def ask(self, backend, keys, operation="lookup", service="credentials", times=1):
        for key in keys * times:
            self.now += self.pause
            is_error, has_evidence = backend(operation, service, key)
            self.policy.answer(
                self.now, operation, service, key, is_error=is_error, has_evidence=has_evidence
            )
            advice = self.policy.verdict(self.now)
            if advice is Advice.RECYCLE:
                self.policy.recycled(self.now)
            elif advice is Advice.OPEN_BREAKER:
                self.policy.opened()
            if advice is not Advice.OK:
                self.advice.append(advice)
        return self.advice


USERS = [b"alice", b"bob", b"carol", b"dave", b"erin", b"frank"]
STRANGERS = [b"admin%d" % number for number in range(60)]


# What backends do, from their public sources: (operation, service, key) -> error?, evidence?


def healthy(operation, service, key):
    return False, False


def redis(operation, service, key):
    """table-redis: a lookup that finds nothing is an error, and not a word about it."""
    return operation == "lookup" and key not in USERS, False


def passwd(operation, service, key):
    """table-passwd: every check is an error."""
    return operation == "check", False


def socketmap(operation, service, key):
    """table-socketmap with its peer: every check is an error."""
    return operation == "check", False


def socketmap_without_peer(operation, service, key):
    """Its peer has restarted: "warn: socketmap has lost its socket" at each lookup, for ever."""
    return True, operation == "lookup"


def postgres_behind_pooler(operation, service, key):
    """SQLSTATE 26000, "warn: PQexecPrepared: ..." each time, and never a reconnect."""
    return True, True


def unconfigured(operation, service, key):
    """A service without a query: table-mysql and others say error and nothing else."""
    return True, False


def silent_and_stuck(operation, service, key):
    return True, False


def test_a_socketmap_whose_peer_restarted_is_recycled_once_and_then_well():
    table = Table()
    table.ask(socketmap, USERS, times=5)
    while not table.advice:
        table.ask(socketmap_without_peer, USERS)
    table.ask(socketmap, USERS, times=50)
    assert table.advice == [Advice.RECYCLE]


def test_a_postgres_that_a_fresh_process_does_not_cure_is_left_to_the_breaker():
    table = Table()
    table.ask(healthy, USERS)
    assert table.ask(postgres_behind_pooler, USERS, times=8) == [Advice.RECYCLE]
    table.ask(postgres_behind_pooler, USERS, times=80)
    assert table.advice[1:] == [Advice.OPEN_BREAKER] * len(table.advice[1:])
    assert len(table.advice) > 2


def test_one_that_never_gave_a_good_answer_is_recycled_if_it_says_what_is_wrong():
    assert Table().ask(postgres_behind_pooler, USERS, times=8) == [Advice.RECYCLE]


def test_passwd_and_socketmap_may_answer_every_check_with_an_error():
    for backend in (passwd, socketmap):
        table = Table()
        assert table.ask(backend, STRANGERS, operation="check", times=20) == []
        table.ask(backend, USERS)
        assert table.ask(backend, STRANGERS, operation="check", times=20) == []


def test_a_service_without_a_query_may_be_answered_with_errors():
    table = Table()
    table.ask(healthy, USERS)
    assert table.ask(unconfigured, STRANGERS, service="mailaddrmap", times=20) == []


def test_a_redis_that_knows_some_is_never_touched():
    table = Table()
    table.ask(redis, USERS)
    assert table.ask(redis, [*STRANGERS[:25], b"alice"], times=40) == []


def test_a_redis_under_attack_is_recycled_once_in_its_life():
    table = Table()
    table.ask(redis, USERS)
    for _ in range(100):  # 30 hours: long rows of strangers, now and then a user
        table.ask(redis, STRANGERS, times=18)
        table.ask(redis, USERS[:1])
    assert table.advice == [Advice.RECYCLE]


def test_a_redis_that_nobody_known_ever_asks_is_recycled_once_an_hour():
    table = Table(pause=10.0)
    table.ask(redis, USERS)
    begin = table.now
    table.ask(redis, STRANGERS, times=36)
    assert table.now - begin == 6 * HOUR
    assert table.advice == [Advice.RECYCLE] * len(table.advice)
    assert 5 <= len(table.advice) <= 7


def test_a_silent_backend_that_did_answer_before_is_recycled():
    table = Table()
    table.ask(healthy, USERS)
    assert table.ask(silent_and_stuck, USERS, times=20) == [Advice.RECYCLE]


def test_trouble_that_ends_by_itself_does_not_make_silence_normal():
    table = Table()
    table.ask(healthy, USERS)
    table.policy.recycled(table.now - HOUR / 2)  # so that silence is not acted on yet
    table.policy.answer(table.now, "lookup", "alias", b"", is_error=False, has_evidence=False)
    for number in range(50):
        table.policy.answer(
            table.now + number, "lookup", "alias", number, is_error=True, has_evidence=True
        )
    table.now += HOUR
    table.ask(healthy, USERS)
    assert table.ask(silent_and_stuck, USERS, times=20) == [Advice.RECYCLE]


def test_a_good_answer_of_another_operation_does_not_vouch_for_silence():
    table = Table()
    table.ask(healthy, USERS, operation="lookup")
    assert table.ask(silent_and_stuck, USERS, operation="check", times=20) == []


def test_one_bad_key_is_not_enough_however_often_and_wherever_it_is_asked():
    table = Table()
    table.ask(healthy, USERS)
    for service in ("credentials", "userinfo", "alias"):
        assert table.ask(postgres_behind_pooler, [b"bad"], service=service, times=100) == []


def test_errors_over_several_services_add_up():
    table = Table(pause=10.0)
    for number, key in enumerate(USERS):
        table.ask(postgres_behind_pooler, [key], service=("alias", "userinfo")[number % 2])
    assert table.advice == [Advice.RECYCLE]


def test_a_short_outage_does_nothing():
    table = Table(pause=0.01)
    for _ in range(20):
        table.ask(healthy, USERS)
        assert table.ask(postgres_behind_pooler, USERS, times=100) == []  # 6 seconds


def test_bad_keys_with_good_ones_in_between_do_nothing():
    table = Table(pause=0.02)
    for _ in range(20):
        table.ask(postgres_behind_pooler, STRANGERS, times=20)  # 24 s at 50 a second
        table.ask(healthy, [b"alice"])
    assert table.advice == []


def test_a_table_seldom_asked_is_helped_too():
    table = Table(pause=600.0)
    assert table.ask(postgres_behind_pooler, USERS[:5]) == [Advice.RECYCLE]


def test_a_good_answer_allows_another_recycle():
    table = Table()
    for _ in range(3):
        table.ask(healthy, USERS)
        table.ask(postgres_behind_pooler, USERS, times=6)
    assert table.advice == [Advice.RECYCLE] * 3


def test_an_hour_allows_another_recycle():
    table = Table()
    table.ask(postgres_behind_pooler, USERS, times=6)
    table.now += HOUR
    assert table.ask(postgres_behind_pooler, USERS, times=4) == [Advice.RECYCLE] * 2


def test_silence_after_the_recycle_never_opens_the_breaker():
    table = Table()
    table.ask(healthy, USERS)
    table.ask(postgres_behind_pooler, USERS, times=6)
    assert table.ask(silent_and_stuck, USERS, times=100) == [Advice.RECYCLE]


@pytest.mark.parametrize("is_error", [True, False])
def test_updates_say_nothing(is_error):
    policy = StuckErrors(min_keys=2, window=0.0)
    for key in (b"1", b"2"):
        policy.answer(1.0, "lookup", "alias", key, is_error=True, has_evidence=True)
        policy.answer(1.0, "update", None, None, is_error=is_error, has_evidence=True)
    assert policy.verdict(1.0) is Advice.RECYCLE


def test_an_advice_stands_until_it_is_carried_out_or_a_good_answer_comes():
    policy = StuckErrors(min_keys=1, window=0.0)
    policy.answer(0.0, "lookup", "alias", b"1", is_error=True, has_evidence=True)
    assert [policy.verdict(now) for now in (0.0, 50.0)] == [Advice.RECYCLE] * 2
    policy.answer(51.0, "lookup", "alias", b"1", is_error=False, has_evidence=False)
    assert policy.verdict(51.0) is Advice.OK


def test_auth_keys_need_no_token_and_count_as_one():
    assert Table().ask(postgres_behind_pooler, [None], service="auth", times=100) == []


ANSWERS = st.lists(
    st.tuples(
        st.one_of(st.just(0.0), st.floats(0.0, 20.0), st.floats(0.0, 4000.0)),
        st.sampled_from(["lookup", "lookup", "check", "update"]),
        st.sampled_from(["credentials", "alias"]),
        st.sampled_from([b"1", b"2", b"3", b"4", b"5", b"6"]),
        st.sampled_from(["good", "silent", "silent", "evident", "evident"]),
    ),
    max_size=80,
)


@given(ANSWERS)
def test_the_rules_hold_of_whatever_was_answered(steps):
    """Each rule once more, checked against the whole history instead of a few counters."""
    policy, now = StuckErrors(min_keys=3, window=10.0), 0.0
    row, otherwise, recycles = [], set(), []
    good_since = False
    for seconds, operation, service, key, what in steps:
        now += seconds
        policy.answer(
            now,
            operation,
            service,
            key,
            is_error=what != "good",
            has_evidence=what == "evident",
        )
        if operation != "update":
            if what == "good":
                row, good_since = [], True
                otherwise.add((operation, service))
            elif what == "evident" or (operation, service) in otherwise:
                row.append((now, key, what))
        advice = policy.verdict(now)
        assert policy.verdict(now) is advice
        if advice is Advice.OK:
            continue
        evident = [error for error in row if error[2] == "evident"]
        counted = evident if advice is Advice.OPEN_BREAKER else row
        assert len({key for _, key, _ in counted}) >= 3
        assert counted[-1][0] - counted[0][0] >= 10.0
        recent = bool(recycles) and now - recycles[-1] < HOUR
        if advice is Advice.OPEN_BREAKER:
            assert recent
            assert not good_since
            policy.opened()
        else:
            assert not recent or (good_since and len({key for _, key, _ in evident}) >= 3)
            recycles.append(now)
            good_since = False
            policy.recycled(now)
        row = []


@given(ANSWERS)
def test_an_evidently_stuck_backend_never_goes_unnoticed(steps):
    table = Table()
    for seconds, operation, service, key, what in steps:
        table.now += seconds
        table.ask(lambda *_, w=what: (w != "good", w == "evident"), [key], operation, service)
    table.advice.clear()
    assert table.ask(postgres_behind_pooler, USERS, times=6) != []


@given(ANSWERS)
def test_silent_errors_alone_never_open_the_breaker(steps):
    table = Table(min_keys=1, window=0.0)
    for seconds, operation, service, key, what in steps:
        table.now += seconds
        table.ask(lambda *_, w=what: (w != "good", False), [key], operation, service)
    assert Advice.OPEN_BREAKER not in table.advice


@given(st.lists(st.binary(max_size=8), max_size=200))
def test_no_more_keys_are_remembered_than_matter(keys):
    policy = StuckErrors(min_keys=5)
    for now, key in enumerate(keys):
        policy.answer(float(now), "lookup", "alias", key, is_error=True, has_evidence=True)
        assert len(policy._all._tokens) <= 5
        assert len(policy._evident._tokens) <= 5
