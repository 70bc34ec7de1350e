"""Where the status comes from: the control socket, or tablewatchd's page."""

from __future__ import annotations

import os

from tablewatch.cli.check.options import SOCKET, Options
from tablewatch.control.client import Control
from tablewatch.control.status import HostStatus
from tablewatch.errors import ConfigError, DaemonAbsent


def status(options: Options) -> tuple[HostStatus, str]:
    """Return the status, and where it was got.

    Raises DaemonAbsent (nobody is there), DaemonSilent (no answer in time), and ControlError
    for whatever can't be understood or is refused.
    """
    if options.url:
        # Only now: a check over the socket has no use for HTTP and TLS.
        from tablewatch.cli.check.web import fetch  # noqa: PLC0415

        return fetch(options), options.url
    if options.socket:
        return Control(options.socket, options.seconds).status(), options.socket
    try:
        return Control(SOCKET, options.seconds).status(), SOCKET
    except DaemonAbsent as absent:
        # Reading the file takes longer than asking, and hardly anybody moves the socket.
        try:
            moved = _configured()
        except ConfigError as error:
            hint = f"or name its socket with -s, as the configuration does not: {error.problems[0]}"
            raise DaemonAbsent(f"{absent}; {hint}") from None
        if moved == SOCKET:
            raise
    return Control(moved, options.seconds).status(), moved


def _configured() -> str:
    """Return the control socket by the configuration. Raises ConfigError."""
    from tablewatch.config import DEFAULT_CONFIG, load  # noqa: PLC0415
    from tablewatch.config.daemon_settings import CONTROL_SOCKET  # noqa: PLC0415

    named = os.environ.get("TABLEWATCH_CONFIG")  # as for every tool
    config = load(named or DEFAULT_CONFIG, required=bool(named))
    return f"{config.daemon.directory}/{CONTROL_SOCKET}"
