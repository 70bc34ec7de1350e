"""The configuration a supervisor works by: what can be used of it, whatever is wrong with it."""

from __future__ import annotations

import os

from tablewatch.config.knowledge_files import directory_beside, read_directory
from tablewatch.config.loader import load
from tablewatch.config.settings import DEFAULT_CONFIG, Config
from tablewatch.errors import ConfigError
from tablewatch.record import replace


def configuration(*, patterns: bool = True) -> tuple[Config | None, list[str]]:
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


def first_configuration() -> tuple[Config, list[str]]:
    """Return what can be used of the configuration, and what is wrong with the rest."""
    config, problems = configuration()
    if config is None:
        config, others = configuration(patterns=False)
        if config is None:
            return Config(), [*others, "running on built-in defaults"]
        problems = [*problems, "running without the patterns in its directory"]
    return config, problems
