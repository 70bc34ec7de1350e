import os
import pwd

import pytest

from tablewatch.cli.access import Account, account, read_obstacles, run_obstacles

NOBODY_WE_KNOW = Account("_smtpd", 65000, frozenset({65000}))


@pytest.fixture
def place(tmp_path_factory):
    """A directory with nothing in the way but what the test puts there."""
    path = tmp_path_factory.mktemp("open")
    closed = [str(parent) for parent in path.parents if not parent.stat().st_mode & 1]
    path.chmod(0o755)
    return path, closed


def obstacles(found, closed):
    """Those that are the test's, not those of the directory pytest made."""
    return [each for each in found if not any(each.startswith(f"{path} is") for path in closed)]


def program(path, text="#!/bin/sh\n", mode=0o755):
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return str(path)


def test_nothing_is_in_the_way_of_an_open_program(place):
    path, closed = place
    assert obstacles(run_obstacles(program(path / "p"), NOBODY_WE_KNOW), closed) == []


def test_a_closed_directory_is_named_with_its_mode(place):
    path, closed = place
    home = path / "home"
    home.mkdir()
    inside = program(home / "p")
    home.chmod(0o700)
    assert obstacles(run_obstacles(inside, NOBODY_WE_KNOW), closed) == [
        f"{home} is closed to _smtpd (mode 0700)"
    ]


def test_a_link_into_a_closed_directory_is_followed(place):
    path, closed = place
    home = path / "home"
    home.mkdir()
    program(home / "p")
    (path / "link").symlink_to("home/p")
    home.chmod(0o710)
    found = obstacles(run_obstacles(str(path / "link"), NOBODY_WE_KNOW), closed)
    assert found == [f"{home} is closed to _smtpd (mode 0710)"]


def test_a_link_that_lies_in_a_closed_directory_does_not_help_even_if_it_leads_out(place):
    path, closed = place
    home = path / "home"
    home.mkdir(mode=0o700)
    (home / "link").symlink_to(program(path / "p"))
    found = obstacles(run_obstacles(str(home / "link"), NOBODY_WE_KNOW), closed)
    assert found == [f"{home} is closed to _smtpd (mode 0700)"]


@pytest.mark.parametrize(
    "text",
    ["#!{0} -I\n", "#! {0}\n", "#!/bin/sh\n'''exec' \"{0}\" \"$0\" \"$@\"\n' '''\n"],
)
def test_the_interpreter_counts_too(place, text):
    path, closed = place
    home = path / "home"
    home.mkdir()
    python = program(home / "python3")
    home.chmod(0o700)
    found = run_obstacles(program(path / "p", text.format(python)), NOBODY_WE_KNOW)
    assert obstacles(found, closed) == [f"{home} is closed to _smtpd (mode 0700)"]


def test_an_interpreter_that_is_not_there_is_named(place):
    path, closed = place
    found = run_obstacles(program(path / "p", f"#!{path}/python3\n"), NOBODY_WE_KNOW)
    assert obstacles(found, closed) == [f"{path}/python3 does not exist"]


def test_a_program_for_its_owner_only_is_named(place):
    path, _ = place
    file = program(path / "p", mode=0o700)
    assert f"{file} can't be executed by _smtpd (mode 0700)" in run_obstacles(file, NOBODY_WE_KNOW)


def test_a_script_must_be_readable_and_not_only_executable(place):
    path, closed = place
    file = program(path / "p", mode=0o711)
    assert obstacles(run_obstacles(file, NOBODY_WE_KNOW), closed) == [
        f"{file} can't be read by _smtpd (mode 0711)"
    ]


def test_the_most_particular_bits_count_owner_before_group_before_others(place):
    path, closed = place
    file = program(path / "c", mode=0o604)
    if os.geteuid() == 0:
        os.chown(file, 65002, 65003)  # root itself is stopped by nothing
    owner = Account("owner", os.stat(file).st_uid, frozenset())
    group = Account("member", 65001, frozenset({os.stat(file).st_gid}))
    assert obstacles(read_obstacles(file, NOBODY_WE_KNOW), closed) == []
    assert obstacles(read_obstacles(file, owner), closed) == []
    assert obstacles(read_obstacles(file, group), closed) == [
        f"{file} can't be read by member (mode 0604)"
    ]


def test_nothing_stops_root(place):
    path, _ = place
    root = Account("root", 0, frozenset({0}))
    assert read_obstacles(program(path / "c", mode=0o000), root) == []


def test_a_loop_of_links_ends(place):
    path, closed = place
    (path / "a").symlink_to("b")
    (path / "b").symlink_to("a")
    found = run_obstacles(str(path / "a"), NOBODY_WE_KNOW)
    assert obstacles(found, closed) == [f"{path}/a does not exist"]


def test_the_first_user_that_exists_is_taken_with_its_groups():
    me = pwd.getpwuid(os.geteuid())
    found = account(["no-such-user", me.pw_name, "root"])
    assert found is not None
    assert (found.name, found.uid) == (me.pw_name, me.pw_uid)
    assert me.pw_gid in found.groups
    assert account(["no-such-user"]) is None
