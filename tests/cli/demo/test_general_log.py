"""The database's log is read while it grows."""

from tablewatch.cli.demo.general_log import Entry, LogReader


def test_a_log_that_does_not_exist_yet_is_empty(tmp_path):
    reader = LogReader(str(tmp_path / "log"))
    reader.read()
    assert reader.entries == []


def test_a_line_that_is_being_written_is_left_for_later(tmp_path):
    file = tmp_path / "log"
    reader = LogReader(str(file))
    file.write_text("1.5 10 connect\n2.5 10 ref")
    reader.read()
    assert reader.entries == [Entry(1.5, 10, "connect")]
    file.write_text("1.5 10 connect\n2.5 10 refuse\n")
    reader.read()
    assert reader.entries == [Entry(1.5, 10, "connect"), Entry(2.5, 10, "refuse")]


def test_events_are_counted_from_a_time_until_before_another(tmp_path):
    file = tmp_path / "log"
    file.write_text("".join(f"{at}.0 10 refuse\n" for at in range(10)) + "5.0 10 connect\n")
    reader = LogReader(str(file))
    reader.read()
    assert reader.count("refuse", 2.0, 6.0) == 4
    assert reader.count("connect", 2.0, 6.0) == 1
