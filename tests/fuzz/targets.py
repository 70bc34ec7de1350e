"""The list of all fuzz targets, by name."""

from __future__ import annotations

# Each of these adds its targets.
from tests.fuzz import backend_side, control, smtpd_side, supervisor_end
from tests.fuzz.configuration import CONFIGURATION
from tests.fuzz.dialogue import CODECS
from tests.fuzz.doctor import DOCTOR
from tests.fuzz.http import HTTP
from tests.fuzz.messages import CONTROL
from tests.fuzz.regexes import REGEXES
from tests.fuzz.stderr import STDERR
from tests.fuzz.target import Target
from tests.fuzz.traces import TRACES
from tests.fuzz.views import VIEWS

__all__ = ["TARGETS", "backend_side", "control", "smtpd_side", "supervisor_end"]

TARGETS: dict[str, Target] = {
    **CODECS,
    **STDERR,
    **CONFIGURATION,
    **CONTROL,
    **VIEWS,
    **HTTP,
    **DOCTOR,
    **TRACES,
    **REGEXES,
}
