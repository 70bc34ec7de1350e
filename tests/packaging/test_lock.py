"""tools/lock.py and requirements-dev.txt: the lock is whole, and fits pyproject.toml."""

import os
import re
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tools import lock

EXTRAS = ["mysql", "postgres", "dev"]
TEXT = lock.LOCK.read_text(encoding="utf-8")
PROJECT = tomllib.loads((lock.ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def everything():
    return [*lock.runtime(), *(each for name in EXTRAS for each in lock.optional(name))]


def build_requirements():
    return [Requirement(text) for text in PROJECT["build-system"]["requires"]]


@pytest.fixture(params=["3.11", "3.12", "3.13"])
def python(request, monkeypatch):
    version = {"python_version": request.param, "python_full_version": f"{request.param}.0"}
    monkeypatch.setattr(lock, "PLATFORM", lock.PLATFORM | version)


@pytest.mark.parametrize(
    "requirement", [*everything(), *build_requirements()], ids=lambda each: each.name
)
def test_what_is_asked_for_is_locked_within_its_bounds(requirement):
    pin = lock.read()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pin.version)


def test_the_extras_are_those_that_are_tested_here():
    assert sorted(PROJECT["project"]["optional-dependencies"]) == sorted(EXTRAS)


@pytest.mark.usefixtures("python")
def test_what_the_packages_need_in_turn_is_locked_within_its_bounds():
    pins = lock.read()
    for name in lock.closure(everything()):
        for needed in lock.needs(Requirement(name)):
            assert needed.specifier.contains(pins[canonicalize_name(needed.name)].version), name


def test_nothing_else_is_locked():
    assert lock.read().keys() == lock.closure(everything()).keys()


def test_no_entry_lacks_its_hashes_and_no_place_is_named():
    entries = [line for line in TEXT.splitlines() if re.match(r"[A-Za-z0-9]", line)]
    assert len(entries) == len(lock.read())
    assert not re.search(r"://|^ *-(?!-hash=sha256:)", TEXT, re.MULTILINE)


def test_the_tests_run_with_what_is_locked():
    strange = {
        f"{pin.name} {metadata.version(name)}, not {pin.version}"
        for name, pin in lock.read().items()
        if metadata.version(name) != pin.version
    }
    if strange and not os.environ.get("CI"):
        pytest.skip(f"this environment is not the Makefile's: {', '.join(sorted(strange))}")
    assert strange == set()


@pytest.mark.parametrize(
    "entry",
    [
        "some-package==1.0\n",
        "some-package==1.0 \\\n    --hash=md5:d41d8cd98f00b204e9800998ecf8427e\n",
        "some-package>=1.0 \\\n    --hash=sha256:" + 64 * "0" + "\n",
    ],
)
def test_an_entry_without_version_or_hash_is_refused(tmp_path, entry):
    path = tmp_path / "requirements.txt"
    path.write_text(TEXT + entry, encoding="utf-8")
    with pytest.raises(ValueError, match=r"some-package.*run make lock"):
        lock.read(path)


def test_the_runtimes_part_of_the_lock_is_printed_as_it_stands(capsys):
    assert lock.main(["runtime", "mysql"]) == 0
    printed = capsys.readouterr().out
    names = re.findall(r"^([\w-]+)==", printed, re.MULTILINE)
    assert names == ["prometheus-client", "psutil", "pymysql", "pyyaml"]
    assert all(pin.entry in printed for name, pin in lock.read().items() if name in names)


def test_without_a_word_its_use_is_told(capsys):
    assert lock.main([]) == 2
    assert capsys.readouterr().err.startswith("usage: ")
