"""tools/dist.py: a release is the same whoever makes it, and complete."""

import gzip
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from datetime import UTC, datetime

import pytest
from tools import dist, lock

EPOCH = 1_700_000_000
NOT_SOURCE = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info", "*.pyc")
# Continuous integration's own; whoever has the repository has it.
NOT_IN_SDIST = (".ci/", ".github/")


def tree(origin, directory, *, umask, mtime, owner):
    """A copy of the sources as somebody else has checked them out."""
    shutil.copytree(origin, directory, ignore=NOT_SOURCE)
    shutil.copy(lock.ROOT / ".gitignore", directory)
    for path in [directory, *directory.rglob("*")]:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~umask | 0o600)
        os.utime(path, (mtime, mtime))
        if os.geteuid() == 0:
            os.chown(path, owner, owner)
    return directory


def released(root, directory, *, umask, zone):
    """The files of a release, made by a process with that umask and time zone."""
    command = "from pathlib import Path; import sys; from tools import dist; "
    command += f"dist.release(Path({str(directory)!r}), Path({str(root)!r}))"
    subprocess.run(
        [sys.executable, "-c", command],
        cwd=root,
        env=os.environ
        | {"SOURCE_DATE_EPOCH": str(EPOCH), "TZ": zone, "PYTHONDONTWRITEBYTECODE": "1"},
        umask=umask,
        timeout=120,
        check=True,
    )
    return {path.name: path for path in directory.iterdir()}


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    base = tmp_path_factory.mktemp("releases")
    one = tree(lock.ROOT, base / "one", umask=0o022, mtime=EPOCH - 86_400, owner=0)
    other = tree(one, base / "an other" / "place", umask=0o077, mtime=EPOCH + 9_999, owner=65534)
    return (
        released(one, base / "dist", umask=0o022, zone="UTC"),
        released(other, base / "other" / "dist", umask=0o077, zone="Pacific/Auckland"),
    )


@pytest.fixture(scope="module")
def release(releases):
    return releases[0]


def the(release, ending):
    (path,) = (path for name, path in release.items() if name.endswith(ending))
    return path


def in_wheel(release):
    with zipfile.ZipFile(the(release, ".whl")) as archive:
        return {each.filename: each for each in archive.infolist()}


def in_sdist(release):
    with tarfile.open(the(release, ".tar.gz")) as archive:
        return {each.name.partition("/")[2]: each for each in archive if each.isfile()}


def sources(under=""):
    """The repository's files, without those that were deleted but not yet committed."""
    if (lock.ROOT / ".git").exists() and shutil.which("git"):
        command = [*dist.GIT, "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listed = subprocess.run(command, cwd=lock.ROOT, capture_output=True, text=True, check=True)
        names = set(listed.stdout.split("\0")) - {""}
    else:
        ignored = NOT_SOURCE("", [path.name for path in lock.ROOT.rglob("*")])
        names = {
            str(path.relative_to(lock.ROOT))
            for path in lock.ROOT.rglob("*")
            if path.is_file() and not ignored & set(path.relative_to(lock.ROOT).parts)
        }
    return {name for name in names if name.startswith(under) and (lock.ROOT / name).is_file()}


def test_two_people_make_the_same_bytes(releases):
    one, other = (
        {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in release.items()}
        for release in releases
    )
    assert len(one) == 4
    assert one == other


def test_the_wheel_holds_every_file_of_the_package_and_no_other(release):
    packaged = {name for name in in_wheel(release) if name.startswith("tablewatch/")}
    assert packaged == {name.removeprefix("src/") for name in sources("src/")}


@pytest.mark.parametrize("room", ["man", "rc.d", "systemd", "prometheus", "grafana"])
def test_the_wheel_brings_what_an_administrator_copies_and_reads(release, room):
    wheel = {name.rpartition("/")[2] for name in in_wheel(release) if "/data/share/" in name}
    wanted = {name.rpartition("/")[2] for name in sources(f"{room}/")}
    assert wanted
    assert wanted <= wheel


def test_the_wheel_says_what_it_is(release):
    with zipfile.ZipFile(the(release, ".whl")) as archive:
        (about,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(about).decode()
        programs = archive.read(about.replace("METADATA", "entry_points.txt")).decode()
        licence = archive.read(about.replace("METADATA", "licenses/LICENSE")).decode()
    assert "Requires-Python: >=3.11\n" in text
    assert licence == (lock.ROOT / "LICENSE").read_text(encoding="utf-8")
    assert licence.startswith("ISC License")
    for name in ("tablewatch", "tablewatchd", "check_tablewatch", "table-watch"):
        assert f"\n{name} = tablewatch." in programs


def test_the_sdist_holds_every_file_of_the_repository(release):
    wanted = {name for name in sources() if not name.startswith(NOT_IN_SDIST)}
    assert wanted ^ set(in_sdist(release)) <= {"PKG-INFO", ".gitignore"}


def test_every_time_in_it_is_the_releases(release):
    moment = datetime.fromtimestamp(EPOCH, UTC)
    assert {each.mtime for each in in_sdist(release).values()} == {EPOCH}
    # A zip counts in steps of two seconds.
    assert {each.date_time for each in in_wheel(release).values()} == {
        (*moment.timetuple()[:5], moment.second // 2 * 2)
    }
    with gzip.open(the(release, ".tar.gz")) as stream:
        stream.read(1)
        assert stream.mtime == EPOCH


def test_nobody_in_particular_owns_it_and_everybody_may_read_it(release):
    for each in in_sdist(release).values():
        assert (each.uid, each.gid, each.uname, each.gname) == (0, 0, "", "")
        assert each.mode in (0o644, 0o755)
    for each in in_wheel(release).values():
        assert stat.S_IMODE(each.external_attr >> 16) in (0o644, 0o755, 0o664, 0o775)


def test_the_sums_are_those_of_the_files(release):
    lines = release[dist.SUMS].read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert listed == {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in release.items()
        if name != dist.SUMS
    }


def test_a_release_takes_the_place_of_the_last_one(monkeypatch, tmp_path):
    monkeypatch.setattr(
        dist,
        "_run",
        lambda command, root, **environment: (
            (tmp_path / "tablewatch-2.0-py3-none-any.whl").touch(),
            (tmp_path / "tablewatch-2.0.tar.gz").touch(),
        ),
    )
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    for name in ("tablewatch-1.0.tar.gz", "tablewatch-1.0.cdx.json", "kept.txt", dist.SUMS):
        (tmp_path / name).write_text("old\n", encoding="utf-8")
    dist.release(tmp_path, lock.ROOT)
    assert {path.name for path in tmp_path.iterdir()} == {
        "kept.txt",
        "SHA256SUMS",
        "tablewatch-2.0-py3-none-any.whl",
        "tablewatch-2.0.tar.gz",
        "tablewatch-2.0.cdx.json",
    }


def test_what_cannot_be_built_is_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    (tmp_path / "pyproject.toml").write_text("[build-system]\n", encoding="utf-8")
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    assert dist.main([str(tmp_path / "dist")]) == 1
    assert "-m build" in capsys.readouterr().err.partition("no release was made: ")[2]


def repository(path):
    """A repository with one commit, owned by somebody else if that is possible."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed (Debian package git)")
    date = {"GIT_COMMITTER_DATE": f"{EPOCH} +0200", "GIT_AUTHOR_DATE": f"{EPOCH + 5} +0000"}
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], [*author, "commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run(["git", *arguments], cwd=path, env=os.environ | date, check=True)
    if os.geteuid() == 0:
        for each in [path, *path.rglob("*")]:
            os.chown(each, 65534, 65534)


def test_the_time_of_a_release_is_its_commits(monkeypatch, tmp_path):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    repository(tmp_path)
    assert dist.epoch(tmp_path) == EPOCH


def test_without_git_a_release_of_a_repository_is_refused(monkeypatch, tmp_path):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(dist.ReleaseError, match="git cannot be run"):
        dist.epoch(tmp_path)


def test_a_time_that_is_stated_is_the_releases(monkeypatch, tmp_path):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "123")
    assert dist.epoch(tmp_path) == 123
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert dist.epoch(tmp_path) == dist.DEFAULT_EPOCH
