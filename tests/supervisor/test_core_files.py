"""Passwords' hashes pass through a supervisor and its backends: neither leaves a core file."""

import re
import sys
from pathlib import Path

import pytest
from tests.support.smtpd import FakeSmtpd, wait_until


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_neither_a_supervisor_nor_its_backends_may_leave_one(workshop):
    with FakeSmtpd(workshop) as smtpd:
        smtpd.handshake()
        wait_until(workshop.pids, "the backend to start")
        for pid in (smtpd.process.pid, workshop.pids()[0]):
            limits = Path(f"/proc/{pid}/limits").read_text()
            assert re.search(r"^Max core file size +[01] +[01] ", limits, re.M), limits
