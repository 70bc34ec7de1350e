"""Files of incidents: whole or not there, ours or left alone, and never where they don't belong."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time

import pytest
from tests.support import incidents
from tests.support.hubs import as_root

from tablewatch.control.records import to_plain
from tablewatch.control.wire import encode
from tablewatch.daemon.incident_files import MAX_BYTES, IncidentFiles


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "incidents"
    path.mkdir(mode=0o750)
    return path


def line(report=None):
    return encode(to_plain(incidents.kept(report)))


def write(folder, name, data):
    with IncidentFiles(str(folder)).opened() as opened:
        opened.write(name, data)


def read(folder):
    with IncidentFiles(str(folder)).opened() as opened:
        return opened.read()


def test_what_was_written_is_read_back(folder):
    for report in (incidents.told(), incidents.over()):
        write(folder, report.id, line(report))
    found, strange = read(folder)
    assert found == [incidents.kept(incidents.over()), incidents.kept()]
    assert strange == []


@pytest.mark.parametrize("mask", [0o077, 0, 0o777])
def test_the_group_may_read_it_and_nobody_else_whatever_the_umask(folder, mask):
    before = os.umask(mask)
    try:
        write(folder, "a-1", line())
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "a-1.json").stat().st_mode) == 0o640
    assert [each.name for each in folder.iterdir()] == ["a-1.json"]


def test_what_is_written_again_takes_the_place_of_the_old(folder):
    write(folder, "a-1", line() * 3)
    write(folder, "a-1", b"{}\n")
    assert (folder / "a-1.json").read_bytes() == b"{}\n"


def test_what_a_crash_left_half_written_is_no_incident_and_is_used_again(folder):
    half = folder / ".unfinished"
    half.write_bytes(line()[:100])
    assert read(folder) == ([], [])
    write(folder, "k7f3-2", line())
    assert read(folder) == ([incidents.kept()], [])
    assert not half.exists()


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_a_link_in_the_way_is_not_followed(folder, tmp_path, link):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    precious.chmod(0o600)
    getattr(folder / ".unfinished", link)(precious)
    write(folder, "a-1", line())
    getattr(folder / "k7f3-2.json", link)(precious)
    assert any("k7f3-2.json: left alone:" in each for each in read(folder)[1])
    assert precious.read_text() == "precious"
    assert stat.S_IMODE(precious.stat().st_mode) == 0o600


def test_removing_what_is_not_there_is_no_error(folder):
    write(folder, "a-1", line())
    with IncidentFiles(str(folder)).opened() as opened:
        opened.remove("a-1")
        opened.remove("a-1")
    assert list(folder.iterdir()) == []


STRANGE = {
    "k7f3-2.json": (line()[:-20], "no JSON"),
    "k7f3-3.json": (line(), "it is of an incident with another name"),
    "k7f3-4.json": (b"", "no JSON"),
    "k7f3-5.json": (b"\xff" * 100, "no JSON"),
    "k7f3-6.json": (b'{"told": 1.0}\n', "Kept.report is missing"),
    "k7f3-7.json": (b" " * (MAX_BYTES + 1), f"more than {MAX_BYTES} bytes"),
    "k7f3-8.json": (b"[" * 100_000, "no JSON"),
    "README": (b"", "no incident has such a name"),
    "last.json": (line(), "no incident has such a name"),
    "k7f3-2.json.bak": (line(), "no incident has such a name"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_none_of_ours_is_named_and_left_alone(folder, name):
    data, why = STRANGE[name]
    (folder / name).write_bytes(data)
    write(folder, "k7f3-1", line(incidents.over()))
    found, strange = read(folder)
    assert [each.report.id for each in found] == ["k7f3-1"]
    assert [each.split(": ", 2)[:2] for each in strange] == [[name, "left alone"]]
    assert why in strange[0]
    assert (folder / name).read_bytes() == data


def test_a_pipe_or_a_directory_holds_nothing_up(folder):
    os.mkfifo(folder / "a-1.json")
    (folder / "a-2.json").mkdir()
    found, strange = read(folder)
    assert found == []
    assert [each.partition(":")[0] for each in strange] == ["a-1.json", "a-2.json"]


def test_of_many_strange_files_a_few_are_named(folder):
    for number in range(500):
        (folder / f"strange{number:03}.x").touch()
    strange = read(folder)[1]
    assert len(strange) == 11
    assert strange[-1] == "490 more files: left alone as well"


@pytest.mark.parametrize("mode", [0o770, 0o757])
def test_a_directory_others_can_write_to_is_not_used(folder, mode):
    folder.chmod(mode)
    files = IncidentFiles(str(folder))
    with pytest.raises(OSError, match=f"chmod go-w {folder}") as raised, files.opened():
        pass
    assert files.trouble(raised.value).startswith(f"{folder}: others than its owner")


def test_a_directory_that_is_not_there_is_told_with_the_command(tmp_path):
    files = IncidentFiles(str(tmp_path / "x"))
    with pytest.raises(FileNotFoundError) as raised, files.opened():
        pass
    command = f"install -d -o _tablewatch -g _tablewatch -m 0750 {tmp_path}/x"
    assert files.trouble(raised.value).endswith(f"; make it with: {command}")
    assert files.trouble(OSError(errno.ENOSPC, "No space left")).endswith("; make room")
    denied = PermissionError(errno.EACCES, "Permission denied")
    assert files.trouble(denied).endswith(f"; give it to our user: chown _tablewatch {tmp_path}/x")
    assert files.trouble(OSError(errno.EIO, "I/O error")) == f"{tmp_path}/x: I/O error"


def test_no_descriptor_is_left(folder):
    write(folder, "a-1", line())
    (folder / "a-2.json").write_bytes(b"damaged")
    before = sorted(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else []
    for _ in range(20):
        write(folder, "a-1", line())
        read(folder)
    after = sorted(os.listdir("/proc/self/fd")) if before else []
    assert len(after) == len(before)


WRITER = """
import sys
from tablewatch.daemon.incident_files import IncidentFiles
lines = [line + b"\\n" for line in sys.stdin.buffer.read().splitlines()]
print("ready", flush=True)
with IncidentFiles(sys.argv[1]).opened() as folder:
    while True:
        for line in lines:
            folder.write("k7f3-2", line)
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(folder):
    long = line(incidents.told(lines=["x" * 3000] * 20))
    write(folder, "k7f3-2", line())
    for number in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            process.stdin.write(line() + long)
            process.stdin.close()
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.003 * number)  # another moment each time
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
        found, strange = read(folder)
        assert strange == []
        assert [each.report.id for each in found] == ["k7f3-2"]


@as_root
def test_a_full_disk_leaves_the_old_file_as_it_was(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir(mode=0o750)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k,mode=0750", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this host lets nobody mount a small disk")
    try:
        write(folder, "k7f3-2", line())
        with pytest.raises(OSError, match="No space left"):
            write(folder, "k7f3-2", json.dumps("x" * 100_000).encode())
        assert read(folder) == ([incidents.kept()], [])
    finally:
        subprocess.run(["umount", str(folder)], check=True)
