"""Which program a backend's name stands for."""

import pytest

from tablewatch.errors import BackendNotFound
from tablewatch.supervisor.programs import backend_name, find_backend


@pytest.mark.parametrize(
    ("argv0", "name"),
    [
        ("/usr/libexec/opensmtpd/table-watch-mysql", "mysql"),
        ("table-watch-my-own", "my-own"),
        ("/usr/local/bin/table-watch", None),
        ("table-watch-", None),
        ("table-mysql", None),
    ],
)
def test_the_link_names_the_backend(argv0, name):
    assert backend_name(argv0) == name


def program(directory, name="table-mysql", mode=0o755):
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return str(path)


def test_the_first_directory_that_has_it_wins(tmp_path):
    second = program(tmp_path / "b")
    assert find_backend("mysql", [str(tmp_path / "a"), str(tmp_path / "b")]) == second
    first = program(tmp_path / "a")
    assert find_backend("mysql", [str(tmp_path / "a"), str(tmp_path / "b")]) == first


def test_what_can_not_be_run_is_passed_over(tmp_path):
    program(tmp_path / "a", mode=0o644)
    (tmp_path / "b" / "table-mysql").mkdir(parents=True)
    good = program(tmp_path / "c")
    assert find_backend("mysql", [str(tmp_path / d) for d in "abc"]) == good


def test_a_missing_backend_is_told_with_every_place_looked_at(tmp_path):
    with pytest.raises(BackendNotFound, match=r"table-mysql.*/a/table-mysql.*backend_path"):
        find_backend("mysql", [str(tmp_path / "a")])


@pytest.mark.parametrize("name", ["", "../../bin/sh", "/bin/sh"])
def test_a_name_can_not_lead_out_of_its_directory(name, tmp_path):
    with pytest.raises(BackendNotFound):
        find_backend(name, [str(tmp_path)])
