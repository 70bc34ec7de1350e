"""The program ``table-watch``, which smtpd starts as ``table-watch-BACKEND CONF``."""

from __future__ import annotations

import gc
import os
import signal
import sys

from tablewatch import __version__, corefile
from tablewatch.supervisor.apart import read_apart
from tablewatch.supervisor.programs import backend_name

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
    gc.disable()  # until everything is there: nothing of it is garbage
    configuration = read_apart()
    # Imported only now, while the configuration is read: this takes as long.
    from tablewatch.supervisor.service import serve  # noqa: PLC0415

    serve(*configuration(), name, arguments)
    os._exit(0)  # a log thread stuck in syslog(3) must not keep us
