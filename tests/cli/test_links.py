import os

import pytest

from tablewatch.cli.links import Action, installed, is_ours, plan_install, plan_removal
from tablewatch.errors import InstallError


@pytest.fixture
def place(tmp_path):
    """A libexec directory with two backends, and a program to link to."""
    libexec = tmp_path / "libexec"
    libexec.mkdir()
    for path in (libexec / "table-mysql", libexec / "table-ldap", tmp_path / "table-watch"):
        path.write_text("#!/bin/sh\n", encoding="utf-8")
        path.chmod(0o755)
    return libexec, str(tmp_path / "table-watch")


def plan(place, *backends, backend_path=()):
    return plan_install(backends, str(place[0]), place[1], backend_path)


def do(changes):
    for change in changes:
        change.make()


def test_a_link_is_made_for_each_backend(place):
    libexec, program = place
    do(plan(place, "mysql", "ldap"))
    assert os.readlink(libexec / "table-watch-mysql") == program
    assert os.readlink(libexec / "table-watch-ldap") == program
    assert installed(str(libexec)) == ["ldap", "mysql"]


def test_planning_changes_nothing(place):
    before = sorted(os.listdir(place[0]))
    plan(place, "mysql")
    assert sorted(os.listdir(place[0])) == before


def test_a_link_that_is_right_is_kept(place):
    do(plan(place, "mysql"))
    before = os.lstat(place[0] / "table-watch-mysql").st_ino
    (change,) = plan(place, "mysql")
    assert change.action is Action.KEEP
    change.make()
    assert os.lstat(place[0] / "table-watch-mysql").st_ino == before


def test_a_link_of_ours_that_leads_elsewhere_is_replaced_even_if_it_dangles(place):
    libexec, program = place
    link = libexec / "table-watch-mysql"
    link.symlink_to("/opt/old/bin/table-watch")
    (change,) = plan(place, "mysql")
    assert (change.action, change.before) == (Action.REPLACE, "/opt/old/bin/table-watch")
    change.make()
    assert os.readlink(link) == program
    assert sorted(os.listdir(libexec)) == ["table-ldap", "table-mysql", "table-watch-mysql"]


@pytest.mark.parametrize("kind", ["file", "directory", "link", "dangling link"])
def test_what_is_not_ours_is_refused_and_nothing_is_done(place, kind):
    libexec, _ = place
    path = libexec / "table-watch-mysql"
    if kind == "file":
        path.write_text("mine", encoding="utf-8")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("table-ldap" if kind == "link" else "nowhere")
    with pytest.raises(InstallError, match=f"{path} is a "):
        plan(place, "ldap", "mysql")
    with pytest.raises(InstallError, match="left alone"):
        plan_removal(["ldap", "mysql"], str(libexec))
    assert installed(str(libexec)) == []


def test_a_file_that_appears_after_planning_is_not_overwritten(place):
    (change,) = plan(place, "mysql")
    path = place[0] / "table-watch-mysql"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InstallError, match="File exists"):
        change.make()
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_backend_that_is_not_there_is_refused_with_its_package_and_what_there_is(place):
    with pytest.raises(InstallError, match=r"opensmtpd-table-mysqul.*there is: ldap, mysql"):
        plan(place, "mysql", "mysqul")


def test_a_backend_may_be_in_backend_path_only(place, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (place[0] / "table-ldap").rename(elsewhere / "table-ldap")
    (change,) = plan(place, "ldap", backend_path=[str(elsewhere)])
    assert change.path == str(place[0] / "table-watch-ldap")


@pytest.mark.parametrize(
    ("name", "said"),
    [("watch-mysql", "own name, mysql"), ("", "no name"), ("../mysql", "no name")],
)
def test_a_name_that_can_be_no_backends_is_refused(place, name, said):
    with pytest.raises(InstallError, match=said):
        plan(place, name)
    if name != "watch-mysql":
        with pytest.raises(InstallError, match=said):
            plan_removal([name], str(place[0]))


def test_a_backend_named_twice_is_linked_once(place):
    assert len(plan(place, "mysql", "mysql")) == 1


@pytest.mark.parametrize("name", ["table-watch", "watcher"])
def test_a_program_that_is_missing_or_misnamed_is_refused(place, tmp_path, name):
    with pytest.raises(InstallError, match=name):
        plan_install(["mysql"], str(place[0]), str(tmp_path / "none" / name), ())


def test_a_directory_that_is_missing_is_refused(place, tmp_path):
    with pytest.raises(InstallError, match="no such directory"):
        plan_install(["mysql"], str(tmp_path / "none"), place[1], ())


def test_only_links_to_the_supervisor_are_ours(place):
    libexec, _ = place
    for name, target in (
        ("table-watch-a", "/x/table-watch"),
        ("table-watch-b", "table-mysql"),
        ("table-watch-", "/x/table-watch"),
        ("other", "/x/table-watch"),
    ):
        (libexec / name).symlink_to(target)
    assert [name for name in os.listdir(libexec) if is_ours(str(libexec / name))] == [
        "table-watch-a"
    ]


def test_removal_is_of_links_only_and_backends_without_one_are_left_out(place):
    libexec, program = place
    do(plan(place, "mysql"))
    changes = plan_removal(["mysql", "ldap"], str(libexec))
    assert [change.path for change in changes] == [str(libexec / "table-watch-mysql")]
    do(changes)
    assert sorted(os.listdir(libexec)) == ["table-ldap", "table-mysql"]
    assert os.path.exists(program)
