"""What differs between the systems smtpd runs on, as far as its administrator is concerned."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

SMTPD_CONFS = ("/etc/mail/smtpd.conf", "/etc/smtpd.conf", "/etc/smtpd/smtpd.conf")


def is_openbsd(platform: str = sys.platform) -> bool:
    """Return whether `platform` (as in sys.platform) is OpenBSD."""
    return platform.startswith("openbsd")


def smtpd_conf(candidates: Iterable[str] = SMTPD_CONFS) -> str | None:
    """Return the smtpd.conf of this host; None if there is none where it is looked for."""
    return next((path for path in candidates if os.path.exists(path)), None)


def restart_command(platform: str = sys.platform) -> str:
    """Return the command that makes smtpd read its configuration again.

    It has to be a restart: smtpd starts its table backends once and can't start another later.
    """
    return "rcctl restart smtpd" if is_openbsd(platform) else "systemctl restart opensmtpd"


def backend_package(backend: str, platform: str = sys.platform) -> str:
    """Return how the program table-`backend` gets onto this system, as half a sentence."""
    if is_openbsd(platform):
        return f"pkg_add opensmtpd-table-{backend}"
    return f"on Debian: apt install opensmtpd-table-{backend} (Debian 12: opensmtpd-extras)"
