"""What the administrator wants, as frozen records: read with :func:`load`, explained by tools."""

from tablewatch.config.loader import load
from tablewatch.config.settings import DEFAULT_CONFIG, Config, TableSettings

__all__ = ["DEFAULT_CONFIG", "Config", "TableSettings", "load"]
