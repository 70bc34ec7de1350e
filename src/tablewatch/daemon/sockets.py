"""The unix sockets tablewatchd listens on."""

from __future__ import annotations

import contextlib
import os
import socket
import stat

from tablewatch.config.loader import sockets_trouble
from tablewatch.errors import DaemonError


def listen(path: str, mode: int) -> socket.socket:
    """Return a socket that listens at `path`, with permissions `mode`.

    A socket left by a daemon that is gone is replaced. Raises DaemonError, with what to do.
    """
    check(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISSOCK(os.lstat(path).st_mode):
                raise DaemonError(f"{path}: is in the way and no socket; remove it")
            os.unlink(path)
        # Not by chmod(2): in a directory of another user it could be led to any file of ours.
        before = os.umask(0o777 & ~mode)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        listener.listen(128)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise DaemonError(f"{path}: can't listen there ({reason})") from None
    except BaseException:
        listener.close()
        raise
    return listener


def check(path: str) -> None:
    """Raise DaemonError if a socket can't be made at `path`, or is in use."""
    _check_folder(os.path.dirname(path))
    if _is_alive(path):
        raise DaemonError(f"{path}: a tablewatchd is running there already; stop it first")


def _check_folder(folder: str) -> None:
    if not os.path.exists(folder):
        raise DaemonError(
            f"{folder}: no such directory; make it (on Debian with -g opensmtpd): "
            f"install -d -o _tablewatch -g _smtpd -m 2751 {folder}"
        )
    if trouble := sockets_trouble(folder):
        raise DaemonError(f"{folder}: {trouble}")


def _is_alive(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except BlockingIOError:  # its queue is full: alive, if not well
            return True
        except (OSError, ValueError):
            return False
        return True
