"""Which program a backend's name stands for."""

from __future__ import annotations

import os
from collections.abc import Iterable

from tablewatch.errors import BackendNotFound

LINK_PREFIX = "table-watch-"
BACKEND_PREFIX = "table-"


def backend_name(argv0: str) -> str | None:
    """Return ``mysql`` for ``/usr/libexec/opensmtpd/table-watch-mysql``; None if it names none."""
    name = os.path.basename(argv0)
    return name[len(LINK_PREFIX) :] or None if name.startswith(LINK_PREFIX) else None


def find_backend(name: str, directories: Iterable[str]) -> str:
    """Return the executable ``table-NAME`` in the first of `directories` that has one.

    Raises BackendNotFound, naming every place looked at.
    """
    if not name or "/" in name:
        raise BackendNotFound(f"{name!r} is no name of a table backend (mysql, postgres, ...)")
    candidates = [os.path.join(directory, BACKEND_PREFIX + name) for directory in directories]
    for path in candidates:
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise BackendNotFound(
        f"no program {BACKEND_PREFIX}{name}; looked at {', '.join(candidates) or 'nothing'}. "
        "Install the package of the backend, or set backend_path in tablewatch.yml"
    )
