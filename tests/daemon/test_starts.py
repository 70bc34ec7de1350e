from tablewatch.daemon.starts import STEADY, Starts


def test_a_start_that_seems_to_move_a_little_stays():
    first = Starts()
    assert first.steady("a", 1000.0) == 1000.0
    second = Starts(first.known)
    assert second.steady("a", 1000.4) == 1000.0
    assert Starts(second.known).steady("a", 999.8) == 1000.0


def test_a_clock_that_was_set_moves_it():
    first = Starts()
    first.steady("a", 1000.0)
    assert Starts(first.known).steady("a", 1000.0 + STEADY) == 1000.0 + STEADY


def test_another_process_has_its_own_start():
    first = Starts()
    first.steady("a", 1000.0)
    assert Starts(first.known).steady("b", 1000.4) == 1000.4


def test_what_a_scrape_did_not_ask_for_is_forgotten():
    first = Starts()
    first.steady("a", 1000.0)
    second = Starts(first.known)
    second.steady("b", 1.0)
    assert set(second.known) == {"b"}
