"""Keys that are nobody's, and match everybody's where a query takes the key for a pattern."""

from __future__ import annotations

from tablewatch.doctor.keys import NastyKey

PATTERNS = (
    NastyKey("a pattern of LIKE", b"%"),
    NastyKey("a pattern of GLOB", b"*"),
    NastyKey("a regular expression", b"."),
)
