"""Every fault there is, in the order of the table."""

from __future__ import annotations

from . import acts_backends, acts_database, acts_host, acts_keys, acts_programs
from .fault import Fault

PARTS: tuple[tuple[str, tuple[Fault, ...]], ...] = (
    ("Keys", acts_keys.FAULTS),
    ("Backends that are killed or stopped", acts_backends.FAULTS),
    ("The database", acts_database.FAULTS),
    ("Backends that go wrong", acts_programs.FAULTS),
    ("The host, and tablewatch itself", acts_host.FAULTS),
)
FAULTS: tuple[Fault, ...] = tuple(fault for _, faults in PARTS for fault in faults)


def named(name: str) -> Fault:
    """The fault of that name; KeyError."""
    return {fault.name: fault for fault in FAULTS}[name]
