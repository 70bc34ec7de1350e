"""Programs that a test needs and a bare machine lacks."""

import os
import shutil

import pytest


def need(program: str, package: str = "") -> str:
    """Return the path of `program`; without it skip the test, in continuous integration fail it."""
    path = shutil.which(program)
    if path is None:
        reason = f"{program} is not installed (Debian package {package or program})"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return path
