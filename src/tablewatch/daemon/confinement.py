"""Giving up, once everything is up, what the daemon has no more use for: pledge(2) and unveil(2).

OpenBSD alone has them, and no Python module for them is maintained, so libc is called by ctypes.
It is an option: nobody but the administrator has tried it. Nothing of it can end the daemon. What
the kernel refuses is one line of the log, and what was forgotten below fails with an error, as the
promise "error" says, where pledge(2) would otherwise kill.

Supervisors are not confined: see docs/security.md.
"""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
import syslog
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tablewatch.config.daemon_settings import DaemonSettings
from tablewatch.daemon.web import web_config
from tablewatch.errors import ConfigError

# What is still to be done, and by which promise.
PROMISES = {
    "stdio": "what is open is read and written; threads, time, memory",
    "rpath": "a reload reads the configuration and certificates, a new part of Python its file",
    "wpath": "incidents are written ...",
    "cpath": "... to new files, which are renamed and removed; the sockets are removed at the end",
    "fattr": "a file of an incident gets its mode",
    "unix": "supervisors and tools come over two sockets",
    "inet": "HTTP is answered; a reload may name other addresses",
    "dns": "they may be names",
    "getpw": "a reload looks up the users in supervisors and operators",
    "ps": "the metrics have what the process itself uses",
    "error": "anything else is an error (ENOSYS), and not the end",
}

_ONLY_OPENBSD = "daemon.confine: only OpenBSD has unveil(2) and pledge(2); on Linux use the unit"
# No such function, a refusal of the kernel, a file changed under our hands.
_TROUBLE = (OSError, AttributeError, TypeError, ValueError, ctypes.ArgumentError, ConfigError)


def confine(
    settings: DaemonSettings,
    config_path: str,
    log: Callable[[int, str], None],
    platform: str = sys.platform,
    libc: object = None,
) -> bool:
    """Confine this process to what `settings` need; return whether it is. Never raises.

    For the moment when everything listens and every module is loaded. `config_path`: the file they
    are from, "" for none. `log` takes a priority of syslog(3) and a line.
    """
    if not platform.startswith("openbsd"):
        log(syslog.LOG_WARNING, _ONLY_OPENBSD)
        return False
    done = []
    for name in ("unveil", "pledge"):
        try:
            function = _function(libc or ctypes.CDLL(None, use_errno=True), name)
            if name == "unveil":
                _unveil_all(function, places(settings, config_path))
            else:
                _call(function, " ".join(PROMISES), None)
            done.append(f"{name}(2)")
        except _TROUBLE as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            log(syslog.LOG_WARNING, f"daemon.confine: no {name}(2) here ({why}); going on without")
    if done:
        log(syslog.LOG_INFO, f"confined by {' and '.join(done)}")
    return len(done) > 1


def places(settings: DaemonSettings, config_path: str) -> dict[str, str]:
    """Return the directories that stay visible, each with what may be done there, as for unveil(2).

    Those that are not there are left out. Raises ConfigError for a web configuration that can't be
    used.
    """
    files = [config_path, settings.web_config]
    if (tls := web_config.load(settings.web_config).tls) is not None:
        files += [tls.cert_file, tls.key_file, tls.client_ca_file]
    found = dict.fromkeys(["/etc", *_of_python()], "r")
    for each in filter(None, files):  # a link has to be found, and what it leads to
        found |= {os.path.dirname(path): "r" for path in (each, os.path.realpath(each))}
    found |= dict.fromkeys((settings.directory, settings.incidents_directory), "rwc")
    return {each: allowed for each, allowed in found.items() if os.path.isdir(each)}


def _of_python() -> Iterable[str]:
    """Yield where modules are that may still be loaded."""
    yield sysconfig.get_path("stdlib")
    yield sysconfig.get_path("platstdlib")
    yield from (each for each in sys.path if os.path.isabs(each))
    yield os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _unveil_all(unveil: Callable[..., int], visible: dict[str, str]) -> None:
    """Hide everything but `visible`. Raises OSError with everything as visible as before."""
    try:
        for path, allowed in visible.items():
            _call(unveil, path, allowed)
        _call(unveil, None, None)
    except OSError:
        # The first call hid everything else; until they are locked there is a way back.
        unveil(b"/", b"rwxc")
        raise


def _function(libc: object, name: str) -> Callable[..., int]:
    function: Any = getattr(libc, name)
    function.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    function.restype = ctypes.c_int
    return function  # type: ignore[no-any-return]


def _call(function: Callable[..., int], *words: str | None) -> None:
    """Call one of the two. Raises OSError."""
    if function(*_encoded(words)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _encoded(words: Iterable[str | None]) -> Iterator[bytes | None]:
    for each in words:
        yield None if each is None else os.fsencode(each)
