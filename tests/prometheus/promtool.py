"""Prometheus' own tool, which reads rules and queries as Prometheus does."""

import os
import shutil
import subprocess

import pytest


def promtool(*arguments):
    """Run it; return its exit status and everything it said."""
    program = shutil.which("promtool")
    if program is None:
        reason = "promtool is missing (Debian package prometheus)"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, timeout=150, check=False
    )
    return done.returncode, done.stdout + done.stderr
