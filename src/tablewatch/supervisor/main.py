"""The program ``table-watch``, which smtpd starts as ``table-watch-BACKEND CONF``."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from dataclasses import replace

from tablewatch import __version__, corefile
from tablewatch.config.knowledge_files import directory_beside, read_directory
from tablewatch.config.loader import load
from tablewatch.config.settings import DEFAULT_CONFIG, Config
from tablewatch.core.table import TableCore
from tablewatch.errors import ConfigError
from tablewatch.knowledge.classify import Classifier
from tablewatch.knowledge.keys import describe_key
from tablewatch.knowledge.masking import scrub
from tablewatch.supervisor.log import LogWriter
from tablewatch.supervisor.loop import Loop
from tablewatch.supervisor.programs import backend_name, find_backend

USAGE = """\
usage: table-watch-BACKEND CONF

smtpd starts this program by itself. In smtpd.conf(5), write watch-BACKEND for
BACKEND; `tablewatch install BACKEND` makes the link that smtpd looks for:

    table creds watch-mysql:/etc/mail/mysql.conf

See table-watch(8). To ask a table by hand, use `tablewatch query`.
"""

# smtpd needs its tables as long as it lives, so nothing but its end of the connection closing may
# end a supervisor. smtpd hands these signals over ignored; here it is said once more, on purpose.
_IGNORED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGPIPE,
    signal.SIGQUIT,
    signal.SIGALRM,
    signal.SIGUSR2,
)

_LOG_GRACE = 0.2  # for the last lines to reach syslog; smtpd waits for nobody


def main() -> int:
    """Run one supervisor until smtpd is gone."""
    arguments = sys.argv[1:]
    if arguments in (["-V"], ["--version"]):
        print(f"table-watch {__version__}")
        return 0
    name = backend_name(sys.argv[0])
    if name is None and len(arguments) == 2:  # by hand: table-watch BACKEND CONF
        name, arguments = arguments[0], arguments[1:]
    if name is None or len(arguments) != 1 or arguments[0].startswith("-") or os.isatty(0):
        print(USAGE, end="", file=sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 64
    return _serve(name, arguments)


def _serve(name: str, arguments: list[str]) -> int:
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    corefile.refuse()
    config, problems = _first_configuration()
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
        core, program, arguments, log, read_config=_configuration, backend=name, linked=linked
    )
    loop.run()
    log.close(_LOG_GRACE)
    os._exit(0)  # a log thread stuck in syslog(3) must not keep us


def _warm_up() -> None:
    """Load what is needed in an incident before there is one.

    The first use of a codec reads a file; while a backend loops, each millisecond costs its
    database connections, and descriptors may have run out by then.
    """
    reading = Classifier().read(b"table[1]: warn: trying to reconnect after error: \xc5\x82")
    scrub(reading.text, [b"\xc5\x82@example.org"])
    describe_key("\u0142@example.org".encode())


def _first_configuration() -> tuple[Config, list[str]]:
    """Return what can be used of the configuration, and what is wrong with the rest."""
    config, problems = _configuration()
    if config is None:
        config, others = _configuration(patterns=False)
        if config is None:
            return Config(), [*others, "running on built-in defaults"]
        problems = [*problems, "running without the patterns in its directory"]
    return config, problems


def _configuration(*, patterns: bool = True) -> tuple[Config | None, list[str]]:
    """Return the configuration, or None and what is wrong with its files."""
    named = os.environ.get("TABLEWATCH_CONFIG") or None
    path = named or DEFAULT_CONFIG
    try:
        config = load(path, required=named is not None)
        if patterns:
            config = replace(config, patterns=read_directory(directory_beside(path)))
        return config, []
    except ConfigError as error:
        problems = [str(problem) for problem in error.problems]
        return None, [*problems, "configuration not used; see tablewatch check-config"]
    except Exception as error:
        return None, [f"configuration not used: {type(error).__name__} in reading it"]
