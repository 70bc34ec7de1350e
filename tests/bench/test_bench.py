"""The benchmark works. Its figures are judged by nobody here: the machine may be slow and busy."""

import json
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.bench import (
    flood,
    growth,
    lookups,
    poison,
    report,
    rest,
    scrape,
    startup,
    steps,
    stopwatch,
    syscalls,
)
from tests.bench.machine import PROTOCOLS, foreign
from tests.bench.section import WIDTH, Goal, Section, Table, goals_markdown, goals_text
from tests.bench.stats import Spread, differences, median, quantile, ratios, spread
from tests.bench.usage import Memory, Spent, cpu_seconds, memory, spending

CHECKOUT = Path(__file__).resolve().parents[2]
LARGE = Memory(123 * 2**20, 99 * 2**20, 100 * 2**20)


class TestStatistics:
    @pytest.mark.parametrize(
        ("share", "value"),
        [(0.5, 500), (0.9, 900), (0.99, 990), (0.999, 999), (1.0, 1000), (0.0, 1)],
    )
    def test_a_quantile_is_a_value_that_so_many_do_not_exceed(self, share: Any, value: Any) -> None:
        assert quantile(range(1000, 0, -1), share) == value

    def test_of_one_value_every_quantile_is_that_value(self) -> None:
        assert {quantile([7.0], share) for share in (0.0, 0.5, 0.999, 1.0)} == {7.0}

    @pytest.mark.parametrize(("values", "middle"), [([3, 1, 2], 2), ([4, 1, 3, 2], 2.5), ([1], 1)])
    def test_the_median_lies_in_the_middle(self, values: Any, middle: Any) -> None:
        assert median(values) == middle

    @pytest.mark.parametrize("function", [median, spread, lambda values: quantile(values, 0.5)])
    def test_nothing_has_no_figures(self, function: Any) -> None:
        with pytest.raises(ValueError, match="no values"):
            function([])

    def test_a_spread_is_the_median_with_the_quartiles(self) -> None:
        assert spread([5.0, 1.0, 2.0, 4.0, 3.0]) == Spread(3.0, 2.0, 4.0)

    def test_a_ratio_is_made_round_by_round(self) -> None:
        # A machine that was slow in one round was slow for both.
        assert ratios([2.0, 20.0, 2.0], [1.0, 10.0, 1.0]) == Spread(2.0, 2.0, 2.0)

    def test_a_round_in_which_the_other_adds_nothing_is_left_out(self) -> None:
        assert ratios([2.0, 3.0, 9.0], [1.0, 1.5, -0.1]) == Spread(2.0, 2.0, 2.0)
        assert ratios([2.0], [0.0]) is None

    def test_rounds_that_do_not_match_are_a_defect(self) -> None:
        with pytest.raises(ValueError, match="argument"):
            ratios([1.0, 2.0], [1.0])

    def test_what_is_added_is_the_difference(self) -> None:
        assert differences([3.0, 5.0], [1.0, 2.0]) == [2.0, 3.0]

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (Spread(1.234, 1.2, 1.266), "1.23 (1.20..1.27)"),
            (Spread(12.34, 10.0, 20.0), "12.3 (10.0..20.0)"),
            (Spread(1.0, 0.5, 123.4), "1 (0..123)"),
        ],
    )
    def test_a_spread_shows_as_many_digits_as_mean_something(self, value: Any, text: Any) -> None:
        assert str(value) == text


class TestUsage:
    def test_processor_time_passes_with_work(self) -> None:
        pid = psutil.Process().pid
        before = cpu_seconds(pid)
        while cpu_seconds(pid) < before + 0.02:  # a clock that stands still is a hang
            sum(range(10_000))

    def test_what_is_spent_in_a_block(self) -> None:
        with spending([psutil.Process().pid]) as spent:
            sum(range(1_000_000))
        (used,) = spent()
        assert used.cpu > 0
        assert used.seconds > 0
        assert used.share == used.cpu / used.seconds

    def test_own_and_shared_memory_are_all_that_is_resident(self) -> None:
        found = memory(psutil.Process().pid)
        assert 0 < found.own <= found.resident
        assert found.own + found.shared == found.resident


class TestPrograms:
    def test_a_program_of_another_tree_runs_with_its_own_libraries(self, tmp_path: Any) -> None:
        (tmp_path / "lib64").mkdir()
        (tmp_path / "lib64/ld-linux-x86-64.so.2").touch()
        (tmp_path / "usr/lib/x86_64-linux-gnu").mkdir(parents=True)
        first, command = foreign(tmp_path, Path("/usr/libexec/table-x")).splitlines()
        assert first == "#!/bin/sh"
        assert command == (
            f"exec {tmp_path}/lib64/ld-linux-x86-64.so.2 --library-path "
            f'{tmp_path}/usr/lib/x86_64-linux-gnu {tmp_path}/usr/libexec/table-x "$@"'
        )

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_every_step_that_is_timed_is_there(self, protocol: Any) -> None:
        for _, _, step in steps.STEPS:
            owner, name = stopwatch.find(steps.place(step, protocol))
            assert callable(getattr(owner, name))

    def test_strace_counts_are_read_per_lookup(self, tmp_path: Any) -> None:
        (tmp_path / "summary").write_text(
            "% time     seconds  usecs/call     calls    errors syscall\n"
            "------ ----------- ----------- --------- --------- ----------------\n"
            " 60.00    0.000600           3       200           poll\n"
            " 40.00    0.000400           4       100         1 read\n"
            "  0.00    0.000000           0         0           brk\n"
            "------ ----------- ----------- --------- --------- ----------------\n"
            "100.00    0.001000           3       300         1 total\n",
            encoding="ascii",
        )
        assert syscalls.read(tmp_path / "summary", 100) == {"poll": 2.0, "read": 1.0}


def compared() -> Any:
    """Lookups on a machine so slow that every column is at its widest."""
    subjects = {}
    for at, name in enumerate(("bare", "socat", "relay", "supervised")):
        slow = 0.012 * (at + 1)
        subjects[name] = lookups.Measured(
            {each: [slow, slow] for each in lookups.QUANTILES}, [123_456.0] * 2
        )
        if at:
            subjects[name].cpu = subjects[name].switches = [0.012]
            subjects[name].calls = {"poll": 2.0, "recvfrom": 12.0}
    return lookups.Compared("imsg", "table-passwd", 2000, subjects)


def every_section() -> Any:
    """One of each, with large figures."""
    aged = [growth.Aged(name, [0.012], [0.5], LARGE) for name in ("fresh", "after 1,000,000 lines")]
    used = Spent(10.0, 1.0, 100_000, 5)
    way = steps.Way("imsg", 0.001, 0.0001, [steps.Step(4, "budget, breaker, strikes ...", 2, 999)])
    return [
        *lookups.section([compared()]),
        poison.section(
            [poison.Poisoned("imsg, table-mysql", 1, [0.123], [0.0123], [9.9], [0.012])] * 2
        ),
        startup.section(
            [
                startup.Started(
                    "imsg",
                    {each: [1.234] for each in startup.SUBJECTS},
                    {each: [1.234] for each in startup.SUBJECTS},
                )
            ]
        ),
        rest.section([rest.Resting("supervisor and daemon", LARGE, used)]),
        flood.section(
            [
                flood.Flooded(
                    "imsg", "counted", 100_000, 100_000.0, 0.99, 0.01, 0.012, 0.1, 0.012, 0.012
                )
            ]
        ),
        growth.section(aged, growth.Refused(10_000, 0.0001)),
        scrape.section([scrape.Scraped("played", 1000, 1000, [1.234], 12_345_678, 0.9, LARGE)]),
        scrape.section([scrape.Scraped("real", 100, 99, [0.049], 12_345_678, 0.9, LARGE)]),
        steps.section([way, way]),
    ]


class TestReport:
    def test_it_is_readable_in_80_columns(self) -> None:
        found = report.Result(
            every_section(), ["no socat " * 20], ["x " * 99], {"date": "today"}, 599.0
        )
        wide = [line for line in found.text().splitlines() if len(line) > WIDTH]
        assert wide == []

    def test_its_data_can_be_written_as_json(self) -> None:
        plain = report.Result(every_section(), [], [], report.about(), 1.0).plain()
        assert json.loads(json.dumps(plain))["parts"].keys() == {s.title for s in every_section()}

    @pytest.mark.parametrize(
        ("met", "word"), [(True, "met"), (False, "NOT MET"), (None, "not measured")]
    )
    def test_beside_each_goal_stands_whether_it_is_met(self, met: Any, word: Any) -> None:
        section = Section("Part", goals=[Goal("small", "1 byte", met)])
        assert goals_text([section]).splitlines()[1].endswith(f". {word}")
        assert f"| small | 1 byte | {word} |" in goals_markdown([section])

    def test_added_time_is_compared_with_what_socat_adds(self) -> None:
        # Bare 12 ms, socat 24 ms, supervised 48 ms: it adds three times as much.
        assert compared().added("p50", "supervised", "socat") == pytest.approx((3.0, 3.0, 3.0))
        (section,) = lookups.section([compared()])
        assert [goal.met for goal in section.goals] == [False, False]

    def test_without_socat_there_is_nothing_to_compare_with(self) -> None:
        found = compared()
        del found.subjects["socat"]
        (section,) = lookups.section([found])
        assert [goal.met for goal in section.goals] == [None, None]

    def test_a_table_has_its_figures_to_the_right(self) -> None:
        assert Table(("a", "bb"), [("long", "1")]).text() == "  a     bb\n  long   1"


class TestPage:
    @pytest.fixture
    def result(self) -> Any:
        return report.Result(every_section(), ["no strace"], [], {"date": "today"}, 1.0)

    def test_the_figures_stand_between_the_marks(self, tmp_path: Any, result: Any) -> None:
        page = tmp_path / "page.md"
        page.write_text(f"before\n\n{report.BEGIN}\nold figures\n{report.END}\n\nafter\n")
        for _ in range(2):
            assert report.page_problem(page) == ""
            report.write(page, result)
            text = page.read_text()
            assert text.startswith(f"before\n\n{report.BEGIN}\n")
            assert text.endswith(f"\n{report.END}\n\nafter\n")
            assert text.count("### Goals") == 1
            assert "old figures" not in text

    @pytest.mark.parametrize("text", ["", report.BEGIN, f"{report.END}{report.BEGIN}"])
    def test_a_page_without_the_marks_is_left_alone(self, tmp_path: Any, text: Any) -> None:
        page = tmp_path / "page.md"
        page.write_text(text)
        assert report.BEGIN in report.page_problem(page)

    def test_a_page_that_is_not_there_is_said_at_once(self, tmp_path: Any) -> None:
        command = [sys.executable, "-m", "tests.bench", "--write", str(tmp_path / "none.md")]
        done = subprocess.run(
            command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 2
        assert "No such file" in done.stderr

    def test_the_projects_own_page_has_the_marks(self) -> None:
        assert report.page_problem(CHECKOUT / "docs/performance.md") == ""


def test_the_line_that_breaks_the_budget_is_the_one_after_the_allowed_ones() -> None:
    assert poison._breaking_line(struct.pack("=4Q", 10, 20, 30, 40)) == 30


def test_the_short_form_measures_every_part(tmp_path: Any) -> None:
    command = [sys.executable, "-m", "tests.bench", "--short", "--json", str(tmp_path / "b.json")]
    process = subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        told, progress = process.communicate(timeout=170)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # it ends what it has started
        process.communicate()
        raise
    assert process.returncode == 0, progress
    plain = json.loads((tmp_path / "b.json").read_text())
    titles = ["Lookups: imsg, null", "Lookups: text, null", "Steps", "Poisoned lookups", "Starts"]
    titles += ["Memory and rest", "Floods of stderr", "Age", "Scrapes"]
    assert list(plain["parts"]) == titles
    assert [title for title in titles if title not in told] == []
    for each in PROTOCOLS:
        subjects = plain["parts"][f"Lookups: {each}, null"]["subjects"]
        assert subjects.keys() >= {"bare", "relay", "supervised"}
        assert all(len(measured["rate"]) == 1 for measured in subjects.values())
    assert plain["parts"]["Age"]["refused"]["keys"] == 20
    assert [each["up"] for each in plain["parts"]["Scrapes"]] == [1, 10, 1]
