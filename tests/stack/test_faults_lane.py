"""What a fault adds to the options of its mail server."""

from __future__ import annotations

from pathlib import Path

from .faults.lane import merged

BINDS = {Path("/outside"): "/inside"}


def test_files_and_binds_are_added() -> None:
    ours = {"backend": "watch-mysql", "files": {"/a": "1"}, "binds": BINDS}
    both = merged(ours, {"files": {"/b": "2"}})
    assert both == {
        "backend": "watch-mysql",
        "files": {"/a": "1", "/b": "2"},
        "binds": BINDS,
    }


def test_everything_else_is_replaced() -> None:
    assert merged({"backend": "watch-mysql"}, {"backend": "watch-other"})["backend"] == (
        "watch-other"
    )


def test_preparations_are_made_one_after_the_other() -> None:
    done: list[tuple[str, object]] = []
    ours = {"prepare": lambda world: done.append(("ours", world))}
    theirs = {"prepare": lambda world: done.append(("theirs", world))}
    merged(ours, theirs)["prepare"]("the world")
    assert done == [("ours", "the world"), ("theirs", "the world")]
    assert merged(ours, {})["prepare"] is ours["prepare"]
    assert merged({}, theirs)["prepare"] is theirs["prepare"]
