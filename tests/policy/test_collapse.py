import re

from hypothesis import given
from hypothesis import strategies as st

from tablewatch.policy.collapse import MAX_KINDS, Collapser


def told(lines):
    """Return how many lines these summaries stand for."""
    numbers = (re.match(r"(?:repeated )?(\d+) (?:time|more line)s? ", line) for line in lines)
    return sum(int(number.group(1)) for number in numbers)


def test_the_first_line_of_a_signature_is_shown():
    collapser = Collapser(60.0)
    assert collapser.admit("retry", "trying to reconnect", 0.0) == "trying to reconnect"


def test_repetitions_within_the_interval_are_not_shown():
    collapser = Collapser(60.0)
    collapser.admit("retry", "trying", 0.0)
    assert [collapser.admit("retry", "trying", 0.02 * n) for n in range(2999)] == [None] * 2999
    assert (collapser.seen, collapser.collapsed) == (3000, 2999)


def test_a_summary_tells_how_often_and_in_what_time():
    collapser = Collapser(60.0)
    collapser.admit("retry", "trying", 0.0)
    for n in range(2999):
        collapser.admit("retry", "trying", 0.02 * n)
    assert collapser.due(59.9) == []
    assert collapser.due(60.0) == ["repeated 2999 times in 60 s: trying"]


def test_one_repetition_is_told_in_the_singular():
    collapser = Collapser(5.0)
    collapser.admit("retry", "trying", 0.0)
    collapser.admit("retry", "trying", 1.0)
    assert collapser.due(5.0) == ["repeated 1 time in 5.0 s: trying"]


def test_a_signature_that_goes_on_is_told_once_in_each_interval():
    collapser = Collapser(60.0)
    shown = [collapser.admit("retry", "trying", 0.0)]
    for second in range(1, 181):
        shown += collapser.due(float(second))
        shown.append(collapser.admit("retry", "trying", float(second)))
    assert [line for line in shown if line] == [
        "trying",
        "repeated 59 times in 60 s: trying",
        "repeated 60 times in 60 s: trying",
        "repeated 60 times in 60 s: trying",
    ]


def test_a_signature_that_was_quiet_is_shown_anew():
    collapser = Collapser(60.0)
    collapser.admit("retry", "first", 0.0)
    assert collapser.due(60.0) == []
    assert collapser.next_due() is None
    assert collapser.admit("retry", "second", 61.0) == "second"


def test_a_quiet_signature_is_shown_anew_even_if_due_was_not_called():
    collapser = Collapser(60.0)
    collapser.admit("retry", "first", 0.0)
    assert collapser.admit("retry", "second", 60.0) == "second"


def test_repetitions_wait_for_their_summary_even_if_due_is_called_late():
    collapser = Collapser(60.0)
    for second in (0.0, 1.0, 100.0):
        collapser.admit("retry", "trying", second)
    assert collapser.due(120.0) == ["repeated 2 times in 120 s: trying"]


def test_different_signatures_do_not_hide_each_other():
    collapser = Collapser(60.0)
    collapser.admit("retry", "trying", 0.0)
    assert collapser.admit("fatal", "could not connect", 0.0) == "could not connect"


def test_next_due_is_the_end_of_the_oldest_interval():
    collapser = Collapser(60.0)
    assert collapser.next_due() is None
    collapser.admit("a", "a", 3.0)
    collapser.admit("b", "b", 5.0)
    assert collapser.next_due() == 63.0
    collapser.due(63.0)
    assert collapser.next_due() == 65.0


def test_a_text_given_as_a_function_is_made_only_when_it_is_shown():
    made = []

    def text():
        made.append(1)
        return "trying"

    collapser = Collapser(60.0)
    assert collapser.admit("retry", text, 0.0) == "trying"
    assert collapser.admit("retry", text, 1.0) is None
    assert collapser.due(60.0) == ["repeated 1 time in 60 s: trying"]
    assert made == [1]


def test_an_interval_of_zero_shows_every_line():
    collapser = Collapser(0.0, max_lines=3)
    shown = [collapser.admit("retry", str(n), 7.0) for n in range(50)]
    assert shown == [str(n) for n in range(50)]
    assert collapser.due(7.0) == []
    assert collapser.next_due() is None


def test_the_signature_that_waited_longest_makes_room_and_is_told():
    collapser = Collapser(60.0, max_signatures=2)
    for signature in ("a", "b", "a", "a", "c"):
        collapser.admit(signature, signature, 1.0)
    assert collapser.next_due() <= 1.0
    assert collapser.due(21.0) == ["repeated 2 times in 0.0 s: a"]


def test_lines_of_ever_new_signatures_are_summed_up():
    collapser = Collapser(60.0, max_signatures=4, max_lines=10)
    shown = [collapser.admit(f"new {n}", f"new {n}", 1.0) for n in range(1000)]
    assert [line for line in shown if line] == [f"new {n}" for n in range(10)]
    assert collapser.due(60.9) == []
    assert collapser.next_due() == 61.0
    assert collapser.due(61.0) == [f"990 more lines of {MAX_KINDS} or more kinds not shown in 60 s"]


def test_after_a_flood_of_new_signatures_new_lines_are_shown_again():
    collapser = Collapser(60.0, max_lines=1)
    collapser.admit("a", "a", 0.0)
    assert collapser.admit("b", "b", 1.0) is None
    assert collapser.due(60.0) == ["1 more line of 1 kind not shown in 60 s"]
    assert collapser.admit("b", "b", 61.0) == "b"


def test_lines_not_shown_wait_for_their_sum_even_if_due_is_called_late():
    collapser = Collapser(60.0, max_lines=1)
    shown = [
        collapser.admit(signature, signature, at)
        for signature, at in zip("abc", (0, 1, 61), strict=True)
    ]
    assert shown == ["a", None, None]
    assert collapser.due(70.0) == ["2 more lines of 2 kinds not shown in 70 s"]


def test_each_sum_counts_its_own_kinds():
    collapser = Collapser(60.0, max_lines=1)
    for start in (0.0, 60.0):
        for signature in "abb":
            collapser.admit(f"{signature} {start}", "text", start)
        assert collapser.due(start + 60.0) == ["2 more lines of 1 kind not shown in 60 s"]


def test_the_sum_is_due_at_the_end_of_its_window():
    collapser = Collapser(60.0, max_signatures=1, max_lines=2)
    for signature, at in (("a", 0.0), ("b", 5.0), ("c", 6.0)):
        collapser.admit(signature, "text", at)
    assert collapser.next_due() == 60.0


def test_a_known_signature_is_still_told_during_a_flood_of_new_ones():
    collapser = Collapser(60.0, max_signatures=4, max_lines=2)
    for n in range(100):
        collapser.admit("retry", "trying", 0.1 * n)
        collapser.admit(f"new {n}", "new", 0.1 * n)
    assert "repeated 99 times in 60 s: trying" in collapser.due(60.0)


def test_flush_tells_everything_and_forgets_it():
    collapser = Collapser(60.0, max_signatures=2, max_lines=3)
    for signature in ("a", "a", "b", "c", "c", "d", "d"):
        collapser.admit(signature, signature, 0.0)
    assert collapser.flush(10.0) == [
        "repeated 1 time in 0.0 s: a",
        "repeated 1 time in 10 s: c",
        "2 more lines of 1 kind not shown in 10 s",
    ]
    assert collapser.flush(10.0) == []
    assert collapser.next_due() is None


floods = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"),
        st.sampled_from([0.0, 0.0, 0.1, 1.0, 4.0, 11.0]),
        st.booleans(),
    ),
    max_size=200,
)


@given(
    floods,
    st.sampled_from([0.0, 1.0, 10.0]),
    st.integers(min_value=1, max_value=5),
    st.integers(min_value=1, max_value=5),
)
def test_every_line_is_shown_or_counted_exactly_once(flood, interval, signatures, lines):
    collapser = Collapser(interval, signatures, lines)
    now, shown, summaries = 0.0, 0, []
    for signature, pause, asks in flood:
        now += pause
        if asks:
            summaries += collapser.due(now)
        shown += collapser.admit(signature, f"text {signature}", now) is not None
    summaries += collapser.flush(now)
    assert shown + told(summaries) == collapser.seen == len(flood)
    assert told(summaries) == collapser.collapsed


@given(
    st.lists(st.tuples(st.integers(0, 400), st.floats(0.0, 3.0)), max_size=300),
    st.integers(1, 4),
    st.integers(1, 6),
)
def test_no_flood_brings_out_more_lines_than_promised(flood, signatures, lines):
    collapser = Collapser(10.0, signatures, lines)
    now, times = 0.0, []
    for signature, pause in flood:
        now += pause
        due = collapser.next_due()
        if due is not None and due <= now:
            times += [now] * len(collapser.due(now))
        if collapser.admit(str(signature % 40), "text", now) is not None:
            times.append(now)
    # Ten seconds anywhere touch at most two windows.
    promised = 2 * (2 * lines + signatures + 1)
    assert all(sum(start <= time < start + 10.0 for time in times) <= promised for start in times)


@given(floods)
def test_when_next_due_has_come_due_has_nothing_left_to_do_for_now(flood):
    collapser = Collapser(10.0, 3, 4)
    now = 0.0
    for signature, pause, _ in flood:
        now += pause
        collapser.admit(signature, signature, now)
        collapser.due(now)
        following = collapser.next_due()
        assert following is None or following > now


def test_a_repetition_is_a_line_like_one_that_was_shown():
    flood = Collapser(60.0)
    assert not flood.repeats("a", 0.0)
    assert flood.seen == 0
    flood.admit("a", "text", 0.0)
    assert flood.repeats("a", 59.9)
    assert not flood.repeats("b", 59.9)
    assert (flood.seen, flood.collapsed) == (2, 1)


def test_long_after_it_was_shown_a_line_is_no_repetition():
    flood = Collapser(60.0)
    flood.admit("a", "text", 0.0)
    assert not flood.repeats("a", 60.0)
    assert flood.admit("a", "text", 60.0) == "text"


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from([0.0, 0.5, 7.0, 70.0]))))
def test_asking_for_repetitions_first_changes_nothing(lines):
    asked, plain = Collapser(60.0, 3, 5), Collapser(60.0, 3, 5)
    now = 0.0
    for kind, pause in lines:
        now += pause
        due = asked.next_due()
        if asked.repeats(kind, now):
            assert asked.next_due() == due
            assert plain.admit(kind, kind, now) is None
        else:
            assert asked.admit(kind, kind, now) == plain.admit(kind, kind, now)
        assert asked.due(now) == plain.due(now)
        assert (asked.seen, asked.collapsed) == (plain.seen, plain.collapsed)
    assert asked.flush(now) == plain.flush(now)
