"""The configuration as the supervisors of this host see it."""

from __future__ import annotations

import os
import sys

from tablewatch.config.loader import load
from tablewatch.config.settings import DEFAULT_CONFIG, Config
from tablewatch.errors import ConfigError


def read_configuration() -> Config:
    """Return it. Raises ConfigError."""
    path = os.environ.get("TABLEWATCH_CONFIG") or None
    return load(path or DEFAULT_CONFIG, required=path is not None)


def configuration() -> Config:
    """Return it; where the file is broken say so and return the built-in defaults.

    That is what a supervisor does, and the tools are to find the backends it finds.
    """
    try:
        return read_configuration()
    except ConfigError as error:
        print(f"tablewatch: {error}\ntablewatch: using the built-in defaults", file=sys.stderr)
        return Config()
