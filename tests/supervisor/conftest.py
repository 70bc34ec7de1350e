"""A workshop for each test: the real program, started as smtpd starts it."""

import pytest
from tests.support.smtpd import FakeSmtpd, Workshop, wait_until

QUIET = "{spares: 0, log: {syslog: false}}"


@pytest.fixture
def workshop(tmp_path):
    made = Workshop(tmp_path)
    made.configure(QUIET)
    return made


@pytest.fixture(params=["text", "imsg"])
def dialect(request):
    return request.param


@pytest.fixture
def smtpd(workshop, dialect):
    """A table in either protocol, its handshake done."""
    workshop.configure(QUIET, protocol=dialect)
    with FakeSmtpd(workshop, dialect) as started:
        started.handshake()
        wait_until(workshop.pids, "the backend to start")
        yield started
