"""A directory that other users can reach, as the daemon's own is; pytest's are private."""

import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def shared_path():
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)
