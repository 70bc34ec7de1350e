"""Some faults of docs/faults.md that no other test does, each to one supervised mail server."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from .faults.catalogue import named
from .faults.judgement import failures
from .faults.lane import Lane
from .faults.trial import Trial
from .mariadb import MariaDB

SECONDS = 4.0  # under load, each
QUICK = (
    ("imsg", "keys of 16 KiB"),
    ("text", "binary keys"),
    ("imsg", "too many connections"),
    ("text", "connections cut"),
    ("imsg", "smtpd killed, throttled"),
)


@pytest.mark.parametrize(("flavour", "name"), QUICK, indirect=["flavour"], scope="session", ids=str)
def test_survives(
    flavour: str, name: str, mariadb: MariaDB, prefix: Path, stack_directory: Path
) -> None:
    fault = named(name)
    fault = fault._replace(seconds=min(fault.seconds, SECONDS))
    directory = Path(tempfile.mkdtemp(dir=stack_directory, prefix="faults-"))
    directory.chmod(0o755)
    seen = Trial(Lane(flavour, directory, mariadb, prefix), fault, supervised=True).run()
    assert not seen.broken
    assert failures(fault, seen) == []
    assert seen.everybody.count() > 0
