"""Whose code our programs run: their own, whatever lies where they are started from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tablewatch import __version__

SOURCE = Path(__file__).parents[2] / "src"
# As pip writes it for an entry of [project.scripts].
SCRIPT = """\
#!{python}
import sys
from {module} import main
sys.exit(main())
"""
PROGRAMS = {
    "table-watch": "tablewatch.supervisor.main",
    "tablewatchd": "tablewatch.daemon.main",
    "tablewatch": "tablewatch.cli.main",
    "check_tablewatch": "tablewatch.cli.check.main",
}
FOREIGN = "raise SystemExit('a module that lies about')\n"
# Loaded by all of them, by one of them, and what everything is in.
NAMES = ("os.py", "json.py", "yaml.py", "psutil.py", "argparse.py", "sitecustomize.py")


@pytest.fixture
def foreign(tmp_path):
    """A directory of somebody's, with modules that have the names of ours."""
    folder = tmp_path / "foreign"
    (folder / "tablewatch").mkdir(parents=True)
    for name in (*NAMES, "tablewatch/__init__.py"):
        (folder / name).write_text(FOREIGN)
    return folder


@pytest.fixture
def prefix(tmp_path):
    """Our programs as they are installed, in a directory of their own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, module in PROGRAMS.items():
        (folder / name).write_text(SCRIPT.format(python=sys.executable, module=module))
        (folder / name).chmod(0o755)
    return folder


def version(program, folder):
    return subprocess.run(
        [program, "--version"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_modules_in_the_directory_it_is_started_in_are_not_loaded(prefix, foreign, name):
    done = version(prefix / name, foreign)
    assert "lies about" not in done.stderr
    assert __version__ in done.stdout, done.stderr


def test_modules_beside_the_link_that_smtpd_runs_are_not_loaded(prefix, foreign):
    (foreign / "table-watch-mysql").symlink_to(prefix / "table-watch")
    done = version(foreign / "table-watch-mysql", foreign)
    assert "lies about" not in done.stderr
    assert __version__ in done.stdout, done.stderr
