import contextlib
import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tablewatch.config import loader
from tablewatch.config.document import Document
from tablewatch.config.settings import Config
from tablewatch.errors import ConfigError

ME = os.geteuid()
OTHER = 1 + max(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid < 60_000)
as_root = pytest.mark.skipif(ME != 0, reason="only root can give files away")


@contextlib.contextmanager
def without_privileges():
    """Be somebody whom modes of files concern."""
    if ME != 0:
        yield
        return
    os.seteuid(OTHER)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def folder():
    """A directory that everybody can look into."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def file(folder):
    path = folder / "tablewatch.yml"
    path.write_text("defaults: {deadline: 3s}\n")
    path.chmod(0o644)
    return path


def refusal(path, *, required=True):
    with pytest.raises(ConfigError) as error:
        loader.load(str(path), required=required)
    (problem,) = error.value.problems
    assert problem.file == str(path)
    return problem.message


def test_a_file_is_loaded(file):
    config = loader.load(str(file), required=True)
    assert config.path == str(file)
    assert config.defaults.deadline == 3.0


def test_a_missing_file_gives_the_built_in_defaults(folder):
    assert loader.load(str(folder / "none.yml"), required=False) == Config()
    assert loader.read(str(folder / "none" / "none.yml"), required=False) == Document()


def test_a_missing_file_that_was_asked_for_is_an_error(folder):
    assert "no such file" in refusal(folder / "none.yml")


def test_a_link_to_nothing_is_no_missing_file(folder):
    link = folder / "link.yml"
    link.symlink_to("nowhere")
    assert "no such file" in refusal(link, required=False)


def test_a_broken_file_is_an_error_required_or_not(file):
    file.write_text("defaults: {dedline: 3s}\n")
    assert 'did you mean "deadline"' in refusal(file, required=False)


def test_a_directory_is_refused(folder):
    assert refusal(folder) == "is a directory; name a file"


def test_a_named_pipe_is_refused_without_waiting_for_a_writer(folder):
    os.mkfifo(folder / "pipe", 0o644)
    assert refusal(folder / "pipe") == "is no regular file; name a file"


def test_a_file_over_one_mebibyte_is_refused(file):
    file.write_bytes(b"#" * loader.MAX_BYTES)
    assert loader.load(str(file), required=True).path == str(file)
    file.write_bytes(b"#" * (loader.MAX_BYTES + 1))
    assert "larger than 1 MiB" in refusal(file)


def test_a_file_that_is_not_utf8_is_refused_with_the_line(file):
    file.write_bytes("# żółw\ntables:\n  ".encode() + b"\xb3: {}\n")
    with pytest.raises(ConfigError) as error:
        loader.load(str(file), required=True)
    (problem,) = error.value.problems
    assert problem.line == 3
    assert "the byte 0xb3 is not UTF-8" in problem.message


def test_a_byte_order_mark_does_no_harm(file):
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert loader.load(str(file), required=True).defaults.deadline == 3.0


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "/x\udcff\ud800"])
def test_a_path_that_cannot_be_one_is_refused(path):
    assert "can't be opened" in refusal(path)


def test_a_loop_of_links_is_refused(folder):
    (folder / "loop").symlink_to("loop")
    assert "can't be opened" in refusal(folder / "loop")


def test_an_unreadable_file_says_who_must_read_it(file):
    file.chmod(0)
    with without_privileges():
        name = loader._user(os.geteuid())
        assert refusal(file) == f"permission denied; user {name} needs to read it: chmod o+r {file}"


def test_a_closed_directory_is_named(folder):
    inner = folder / "closed" / "deeper"
    inner.mkdir(parents=True)
    (inner / "x.yml").write_text("")
    inner.parent.chmod(0)
    try:
        with without_privileges():
            message = refusal(inner / "x.yml")
    finally:
        inner.parent.chmod(0o755)
    assert f"needs to pass {inner.parent}: chmod o+x {inner.parent}" in message


@pytest.mark.parametrize(("mode", "who"), [(0o664, "its group"), (0o646, "everybody")])
def test_a_file_that_others_can_write_is_refused_with_the_command(file, mode, who):
    file.chmod(mode)
    message = refusal(file)
    assert f"can be written by {who} (mode {mode:04o})" in message
    command = message.partition("run: ")[2]
    subprocess.run(command, shell=True, check=True)
    assert loader.load(str(file), required=True).defaults.deadline == 3.0


@as_root
def test_a_file_of_somebody_else_is_refused_with_the_command(file):
    os.chown(file, OTHER, -1)
    message = refusal(file)
    assert f"belongs to uid {OTHER}, not to root" in message
    subprocess.run(message.partition("run: ")[2], shell=True, check=True)
    assert loader.load(str(file), required=True).defaults.deadline == 3.0


@as_root
def test_a_file_of_the_reader_or_of_root_is_trusted(file):
    with without_privileges():
        assert loader.load(str(file), required=True).defaults.deadline == 3.0
    os.chown(file, OTHER, -1)
    with without_privileges():
        assert loader.load(str(file), required=True).defaults.deadline == 3.0


def test_another_reader_is_told_what_it_would_be_told(file):
    assert loader.file_trouble(str(file), ME) == ""
    trouble = loader.file_trouble(str(file), OTHER)
    assert ("belongs to" in trouble) == (ME != 0)


def test_a_path_is_quoted_in_commands(folder):
    path = folder / "two words.yml"
    path.write_text("")
    path.chmod(0o666)
    assert f"chmod go-w '{path}'" in refusal(path)


def test_of_a_link_the_file_it_leads_to_counts(file, folder):
    link = folder / "link.yml"
    link.symlink_to(file)
    assert loader.load(str(link), required=True).path == str(link)
    file.chmod(0o666)
    assert f"chmod go-w {file}" in refusal(link)


def test_a_directory_in_which_the_file_can_be_replaced_is_refused(file, folder):
    folder.chmod(0o777)
    message = refusal(file)
    assert message.startswith("its directory can be written by everybody")
    assert f"chmod go-w {folder}" in message


def test_the_sticky_bit_keeps_the_file_from_being_replaced(file, folder):
    folder.chmod(0o1777)
    assert loader.load(str(file), required=True).defaults.deadline == 3.0


def test_a_backend_path_others_can_write_is_refused_even_if_sticky(file, folder):
    place = folder / "libexec"
    place.mkdir()
    file.write_text(f"\nbackend_path: [{place}]\n")
    for mode in (0o777, 0o1777, 0o775):
        place.chmod(mode)
        with pytest.raises(ConfigError) as error:
            loader.load(str(file), required=True)
        (problem,) = error.value.problems
        assert (problem.line, problem.key) == (2, "backend_path")
        assert f"chmod go-w {place}" in problem.message
    place.chmod(0o755)
    assert loader.load(str(file), required=True).backend_path == (str(place),)


def test_a_backend_path_that_is_not_there_is_no_error(file, folder):
    file.write_text(f"backend_path: {folder}/none\n")
    assert loader.load(str(file), required=True).backend_path == (f"{folder}/none",)
    assert not loader.directory_exists(f"{folder}/none")


def test_a_backend_path_that_is_a_file_is_refused(file):
    file.write_text(f"backend_path: {file}\n")
    assert "is no directory" in refusal(file)


def test_a_directory_of_sockets_that_nobody_else_can_write_is_no_trouble(folder):
    place = folder / "run"
    assert loader.sockets_trouble(str(place)) == ""  # not there
    place.mkdir()
    place.chmod(0o2751)
    assert loader.sockets_trouble(str(place)) == ""


@as_root
def test_a_directory_of_sockets_may_be_the_daemons_own(folder):
    place = folder / "run"
    place.mkdir(mode=0o751)
    os.chown(place, OTHER, -1)
    assert loader.sockets_trouble(str(place)) == ""
    # ... unless anybody could have made it before the daemon did.
    folder.chmod(0o1777)
    assert "where anybody can make it first" in loader.sockets_trouble(str(place))
    os.chown(place, 0, -1)
    assert loader.sockets_trouble(str(place)) == ""
    folder.chmod(0o777)
    assert "where anybody can make it first" in loader.sockets_trouble(str(place))


@pytest.mark.parametrize("mode", [0o2770, 0o757])
def test_a_directory_of_sockets_that_others_can_write_is_trouble(folder, mode):
    place = folder / "run"
    place.mkdir()
    place.chmod(mode)
    trouble = loader.sockets_trouble(str(place))
    assert "another program could put its own sockets there" in trouble
    subprocess.run(trouble.partition("run: ")[2], shell=True, check=True)
    assert loader.sockets_trouble(str(place)) == ""


def test_a_directory_for_everybody_is_not_told_to_become_another(folder):
    folder.chmod(0o1777)
    trouble = loader.sockets_trouble(str(folder))
    assert "name a directory of its own" in trouble
    assert "chmod" not in trouble


def test_a_directory_of_sockets_that_is_a_file_is_trouble(file):
    assert "is no directory" in loader.sockets_trouble(str(file))


def test_a_directory_of_sockets_is_no_matter_of_the_file(file, folder):
    folder_of_sockets = folder / "run"
    folder_of_sockets.mkdir()
    folder_of_sockets.chmod(0o777)
    file.write_text(f"daemon: {{directory: {folder_of_sockets}}}\n")
    assert loader.load(str(file), required=True).daemon.directory == str(folder_of_sockets)


def test_without_a_file_no_yaml_parser_is_loaded():
    code = (
        "import sys; from tablewatch.config import load; load('/nonexistent', required=False); "
        "sys.exit('yaml' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_descriptor_is_left_open(file, folder):
    def count():
        return len(os.listdir("/dev/fd"))

    file.chmod(0o644)
    before = count()
    for path in (file, folder, folder / "none"):
        with contextlib.suppress(ConfigError):
            loader.load(str(path), required=True)
    assert count() == before
