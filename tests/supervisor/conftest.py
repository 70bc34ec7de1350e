"""A workshop for each test: the real program, started as smtpd starts it."""

import pytest
from tests.supervisor.tables import configure
from tests.support.smtpd import FakeSmtpd, Workshop, wait_until

from tablewatch.config.loader import load

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


@pytest.fixture
def start(workshop):
    """Return a function that starts a table with our settings and the backend's."""
    started = []

    def starter(settings="", dialect="text", **backend):
        configure(workshop, settings, dialect, **backend)
        load(str(workshop.config), required=True)  # a broken one would go by the defaults
        smtpd = FakeSmtpd(workshop, dialect)
        started.append(smtpd)
        smtpd.__enter__()
        smtpd.handshake()
        return smtpd

    yield starter
    for smtpd in started:
        smtpd.__exit__()
