"""A tablewatchd of our own."""

import pytest
from tests.cli.check.scene import FakeDaemon


@pytest.fixture
def daemon(tmp_path):
    with FakeDaemon(tmp_path / "control.sock") as made:
        yield made
