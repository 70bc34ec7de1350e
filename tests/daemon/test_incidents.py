"""The store: what is kept and what goes, over restarts, without a disk, and by several threads."""

import os
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import incidents
from tests.support.incidents import OTHER, SUPERVISOR, TOLD, over, store, told

from tablewatch.control.incident_words import LEFT
from tablewatch.daemon import incidents as module
from tablewatch.daemon.incident_files import MAX_BYTES
from tablewatch.daemon.incidents import Incidents
from tablewatch.errors import ControlError


@pytest.fixture
def at_once(monkeypatch):
    """What is told is written without a pause."""
    monkeypatch.setattr(module, "PACE", 0.0)
    monkeypatch.setattr(module, "RETRY", 0.02)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "incidents"
    path.mkdir(mode=0o750)
    return path


class Opened:
    """Stores in a folder, one after another; all are closed in the end."""

    def __init__(self, folder):
        self.folder = folder
        self.said = []
        self._made = []

    def __call__(self, limit=100):
        made = Incidents(str(self.folder), limit, lambda *line: self.said.append(line))
        self._made.append(made)
        made.start()
        return made

    @property
    def files(self):
        return sorted(each.name for each in self.folder.iterdir())

    def close(self):
        for each in self._made:
            each.close()


@pytest.fixture
def opened(folder):
    made = Opened(folder)
    yield made
    made.close()


def ids(known):
    return [each.id for each in known.briefs()]


def until(condition):
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.005)


# --- in memory ------------------------------------------------------------------------------------


def test_the_newest_comes_first():
    assert ids(store(over(1), told(2), over(3, opened=9000.0))) == ["k7f3-2", "k7f3-1", "k7f3-3"]


def test_it_is_kept_as_it_was_told():
    known = store(told())
    assert known.get("k7f3-2") == incidents.kept()
    assert known.get("k7f3-3") is None
    assert known.get("../k7f3-2") is None


def test_a_later_report_takes_the_place_of_the_earlier():
    known = store(told())
    known.tell(SUPERVISOR, told(count=77, closed=0.5), TOLD + 9)
    assert known.get("k7f3-2") == incidents.kept(told(count=77, closed=0.5), TOLD + 9)
    assert len(known.briefs()) == 1


def test_those_of_one_table_can_be_asked_for():
    known = store(told(1), told(2, table="users"))
    assert [each.id for each in known.briefs("users")] == ["k7f3-2"]
    assert known.briefs("virtual") == []


@pytest.mark.parametrize("name", ["", "last", "../x-1", "a/1", "x" * 41 + "1", ".a1", "a1\0"])
def test_an_id_that_is_none_is_refused(name):
    known = store()
    with pytest.raises(ControlError, match="no incident has such an id"):
        known.tell(SUPERVISOR, told(id=name), TOLD)
    assert known.briefs() == []


def test_the_incident_of_another_table_is_nobodys_to_tell():
    known = store(told())
    with pytest.raises(ControlError, match="another table"):
        known.tell(OTHER, told(table="users", cause="nonsense"), TOLD)
    assert known.get("k7f3-2") == incidents.kept()


def test_one_too_large_is_refused_and_the_earlier_stays():
    known = store(told())
    large = told(lines=["x" * 4000] * (MAX_BYTES // 4000 + 1))
    with pytest.raises(ControlError, match=str(MAX_BYTES)):
        known.tell(SUPERVISOR, large, TOLD)
    assert known.get("k7f3-2") == incidents.kept()


def test_an_open_one_is_over_when_its_supervisor_has_left():
    known = store(told(2), over(1))
    known.tell(OTHER, told(5, table="users"), TOLD)
    known.left(SUPERVISOR)
    report = known.get("k7f3-2").report
    assert report.closed == 0.0
    assert (report.steps[-1].kind, report.steps[-1].text) == ("note", LEFT)
    assert known.get("k7f3-1").report == over(1)  # that was over before
    assert {each.id: each.closed for each in known.briefs()} == {
        "k7f3-5": None, "k7f3-2": 0.0, "k7f3-1": 6700.0,
    }  # fmt: skip


def test_one_that_is_told_again_is_open_again():
    known = store(told())
    known.left(SUPERVISOR)
    known.tell(OTHER, told(), TOLD + 20)
    assert known.get("k7f3-2") == incidents.kept(told(), TOLD + 20)
    known.left(SUPERVISOR)  # long gone
    assert known.briefs()[0].closed is None


def test_the_ones_a_supervisor_has_told_are_known_by_their_numbers():
    known = store(told(2), over(1))
    known.tell(OTHER, told(1, id="zz-1", table="users"), TOLD)
    assert known.ids("creds") == {1: "k7f3-1", 2: "k7f3-2"}
    known.left(SUPERVISOR)
    assert known.ids("creds") == {}
    assert known.ids("users") == {1: "zz-1"}


def test_of_too_many_the_oldest_that_is_over_goes_first():
    closed = [over(number, closed=5000.0 - number) for number in range(1, 6)]
    known = store(told(9, opened=9000.0, last=8999.0), *closed, limit=4)
    assert set(ids(known)) == {"k7f3-9", "k7f3-3", "k7f3-4", "k7f3-5"}


def test_one_whose_supervisor_has_left_goes_before_one_that_is_open():
    known = store(told(1, opened=10.0, last=9.0), limit=2)
    known.left(SUPERVISOR)
    known.tell(OTHER, told(2, opened=9000.0, last=8000.0), TOLD)
    known.tell(OTHER, told(3), TOLD)
    assert set(ids(known)) == {"k7f3-2", "k7f3-3"}


def test_where_all_are_open_the_one_seen_longest_ago_goes():
    known = store(*(told(number, last=90.0 - number) for number in range(1, 5)), limit=3)
    assert set(ids(known)) == {"k7f3-2", "k7f3-3", "k7f3-4"}


def test_a_table_in_trouble_all_the_time_costs_no_other_its_history():
    known = store(over(1, table="users", closed=6999.0), limit=10)
    for number in range(2, 100):
        known.tell(SUPERVISOR, over(number, closed=3000.0), TOLD + number)
    assert "k7f3-1" in ids(known)
    assert len(known.briefs()) == 10


def test_fewer_are_kept_from_now_on():
    known = store(*(over(number, closed=6000.0 - number) for number in range(1, 9)))
    known.keep(2)
    assert set(ids(known)) == {"k7f3-7", "k7f3-8"}


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 9),
            st.sampled_from(["creds", "users"]),
            st.sampled_from([None, 0.0, 50.0]),
            st.sampled_from([SUPERVISOR, OTHER]),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_there_are_never_more_than_allowed_and_the_last_one_told_is_as_it_was_told(steps):
    known = store(limit=4)
    tellers = {}
    for at, (number, table, closed, teller, leaves) in enumerate(steps):
        report = told(number, id=f"{table}-{number}", table=table, closed=closed, count=at)
        known.tell(teller, report, TOLD + at)
        tellers[report.id] = teller
        assert len(known.briefs()) <= 4
        assert known.get(report.id) in (None, incidents.kept(report, TOLD + at))
        if leaves:
            known.left(teller)
            tellers = {name: each for name, each in tellers.items() if each != teller}
        for brief in known.briefs():
            report = known.get(brief.id).report
            assert (report.count, report.closed) == (brief.count, brief.closed)
            assert report.closed is not None or brief.id in tellers


# --- on the disk ----------------------------------------------------------------------------------


def test_a_restart_forgets_nothing(opened):
    first = opened()
    first.tell(SUPERVISOR, told(), TOLD)
    first.tell(SUPERVISOR, over(), TOLD)
    first.close()
    assert opened.files == ["k7f3-1.json", "k7f3-2.json"]
    second = opened()
    assert ids(second) == ["k7f3-2", "k7f3-1"]
    assert second.get("k7f3-1") == incidents.kept(over())
    assert second.get("k7f3-2").report.steps[-1].text == LEFT  # until it is told again
    second.tell(SUPERVISOR, told(count=9), TOLD + 60)
    assert second.get("k7f3-2") == incidents.kept(told(count=9), TOLD + 60)
    assert opened.said == []


def test_that_its_supervisor_has_left_is_not_written(opened):
    first = opened()
    first.tell(SUPERVISOR, told(), TOLD)
    first.left(SUPERVISOR)
    first.close()
    assert '"closed":null' in (opened.folder / "k7f3-2.json").read_text()


def test_what_is_forgotten_is_removed_and_nothing_else(opened, at_once):
    (opened.folder / "notes.txt").write_text("mine")
    known = opened(limit=2)
    for number in range(1, 6):
        known.tell(SUPERVISOR, over(number, closed=5000.0 - number), TOLD)
        until(lambda number=number: f"k7f3-{number}.json" in opened.files)
    until(lambda: opened.files == ["k7f3-4.json", "k7f3-5.json", "notes.txt"])


def test_more_than_allowed_are_removed_at_the_start(opened, at_once):
    first = opened()
    for number in range(1, 9):
        first.tell(SUPERVISOR, over(number, closed=5000.0 - number), TOLD)
    first.close()
    assert len(opened.files) == 8
    opened(limit=3)
    until(lambda: opened.files == [f"k7f3-{number}.json" for number in (6, 7, 8)])


def test_damaged_files_are_named_and_left_alone(opened):
    (opened.folder / "k7f3-7.json").write_text("{")
    (opened.folder / "core").write_text("x")
    known = opened()
    known.tell(SUPERVISOR, told(), TOLD)
    known.close()
    assert opened.files == ["core", "k7f3-2.json", "k7f3-7.json"]
    assert (opened.folder / "k7f3-7.json").read_text() == "{"
    assert [priority for priority, _ in opened.said] == [4, 4]
    text = " ".join(line for _, line in opened.said)
    assert f"incidents: {opened.folder}/core: left alone" in text
    assert f"incidents: {opened.folder}/k7f3-7.json: left alone" in text


def test_what_changes_all_the_time_is_not_written_all_the_time(opened, monkeypatch):
    monkeypatch.setattr(module, "PACE", 60.0)
    known = opened()
    until(lambda: not known._changed)  # its first round is over, or under way
    for count in range(1, 500):
        known.tell(SUPERVISOR, told(count=count), TOLD)
    written = list(opened.files)
    known.close()
    assert written == []
    assert '"count":499' in (opened.folder / "k7f3-2.json").read_text()


def test_a_directory_that_is_missing_costs_a_line_and_is_used_when_it_is_there(opened, at_once):
    opened.folder.rmdir()
    known = opened()
    for count in range(1, 20):
        known.tell(SUPERVISOR, told(count=count), TOLD)
        time.sleep(0.002)
    assert known.get("k7f3-2").report.count == 19
    assert len(opened.said) == 1
    assert "kept in memory alone" in opened.said[0][1]
    assert "make it with: install -d" in opened.said[0][1]
    opened.folder.mkdir(mode=0o750)
    until(lambda: opened.files == ["k7f3-2.json"])
    until(lambda: len(opened.said) == 2)
    assert opened.said[1] == (6, f"incidents: {opened.folder}: written again")


def test_a_disk_that_fails_is_told_once_for_each_time_it_begins_to(opened, at_once, monkeypatch):
    known = opened()
    real = os.fsync
    for _ in range(2):
        monkeypatch.setattr(os, "fsync", failing)
        known.tell(SUPERVISOR, told(), TOLD)
        until(lambda: opened.said and "kept in memory alone" in opened.said[-1][1])
        for count in range(5):
            known.tell(SUPERVISOR, told(count=count), TOLD)
        assert known.get("k7f3-2").report.count == 4
        monkeypatch.setattr(os, "fsync", real)
        until(lambda: opened.said[-1][1].endswith("written again"))
    assert len(opened.said) == 4
    assert "No space left on device; make room" in opened.said[0][1]


def failing(_):
    raise OSError(28, "No space left on device")


def test_a_file_that_can_not_be_written_keeps_no_other_from_it(opened, at_once):
    (opened.folder / "k7f3-1.json").mkdir()
    known = opened()
    known.tell(SUPERVISOR, over(1), TOLD)
    known.tell(SUPERVISOR, told(2), TOLD)
    until((opened.folder / "k7f3-2.json").is_file)
    until(lambda: any("kept in memory alone" in line for _, line in opened.said))
    assert known.get("k7f3-1") is not None


def test_a_disk_that_hangs_holds_up_nobody(opened, at_once, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(os, "fsync", lambda _: go.wait(60))
    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    known = opened()
    try:
        known.tell(SUPERVISOR, told(1), TOLD)
        until(lambda: ".unfinished" in opened.files)
        for number in range(2, 50):
            known.tell(SUPERVISOR, told(number), TOLD)
        assert len(known.briefs()) == 49
        known.close()  # returns
    finally:
        go.set()


def test_a_close_writes_what_was_told_last_and_may_be_repeated(opened):
    known = opened()
    for number in range(1, 30):
        known.tell(SUPERVISOR, told(number), TOLD)
    known.close()
    known.close()
    assert len(opened.files) == 29


def test_a_store_that_was_never_started_can_be_closed(folder):
    Incidents(str(folder), 10, lambda *_: None).close()


def test_many_threads_may_ask_while_others_tell(opened, at_once):
    known = opened(limit=5)
    failures = []

    def ask():
        try:
            for _ in range(100):
                for brief in known.briefs():
                    kept = known.get(brief.id)
                    assert kept is None or kept.report.id == brief.id
                known.ids("creds")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for number in range(1, 200):
        known.tell(SUPERVISOR, told(number), TOLD)
    for each in threads:
        each.join()
    assert failures == []
    known.close()
    assert len(opened.files) == 5
