"""One supervisor, put together and at work."""

from __future__ import annotations

import gc
import os
import random
import sys
import time

from tablewatch.config.settings import Config
from tablewatch.core.table import TableCore
from tablewatch.knowledge.classify import Classifier
from tablewatch.knowledge.keys import describe_key
from tablewatch.knowledge.masking import scrub
from tablewatch.supervisor.configuration import configuration
from tablewatch.supervisor.log import LogWriter
from tablewatch.supervisor.loop import Loop
from tablewatch.supervisor.programs import find_backend

_LOG_GRACE = 0.2  # for the last lines to reach syslog; smtpd waits for nobody


def serve(config: Config, problems: list[str], name: str, arguments: list[str]) -> None:
    """Serve smtpd until it is gone.

    `problems` are those of the configuration. The backend is called `name`, its program
    table-NAME, which gets `arguments`.
    """
    log = LogWriter()
    core = TableCore(config, os.urandom(32), random.Random())  # noqa: S311 - jitter only
    now = time.monotonic()
    core.misconfigured(problems, now)
    _warm_up()
    here = os.path.dirname(os.path.abspath(sys.argv[0]))

    def program() -> str:
        return find_backend(name, (here, *core.config.backend_path))

    # A supervisor that somebody runs by hand is no table of the mail server's.
    linked = os.environ.get("TABLEWATCH_LINK") != "no"
    loop = Loop(
        core, program, arguments, log, read_config=configuration, backend=name, linked=linked
    )
    gc.freeze()  # what is there now stays, and need not be looked through again and again
    gc.enable()
    loop.run()
    log.close(_LOG_GRACE)


def _warm_up() -> None:
    """Load what is needed in an incident before there is one.

    The first use of a codec reads a file; while a backend loops, each millisecond costs its
    database connections, and descriptors may have run out by then.
    """
    reading = Classifier().read(b"table[1]: warn: trying to reconnect after error: \xc5\x82")
    scrub(reading.text, [b"\xc5\x82@example.org"])
    describe_key("\u0142@example.org".encode())
