"""Core files: this process shall leave none, nor what it starts.

Passwords' hashes pass through the memory of a supervisor and its backends, a private key lies in
that of a daemon that speaks TLS, and a doctor has the passwords of databases.
"""

from __future__ import annotations

import contextlib
import resource
import sys


def refuse(platform: str = sys.platform) -> None:
    """Leave no core file, and have no child leave one; there is no way back.

    Linux does not heed a limit of 0 where core files go to a program, as systemd-coredump(8) and
    apport have it: that is given everything. 1 it takes for "none at all", wherever they would go
    (do_coredump in fs/coredump.c), and is too little for a file. Elsewhere 0 says it.
    """
    for least in (1, 0) if platform == "linux" else (0,):
        # Whoever is at 0 for good can't have more; then the limit stays as it is.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (least, least))
            return
