"""Every metric about tables and about tablewatchd's sockets. docs/metrics.md is this list, to read.

Names and units are as https://prometheus.io/docs/practices/naming/ asks. The label ``table`` is
added to all that is here but HOST.
"""

from __future__ import annotations

from tablewatch.control.status import LEVELS, HostStatus, TableReport
from tablewatch.daemon.families.backends import BACKENDS
from tablewatch.daemon.families.lookups import LOOKUPS
from tablewatch.daemon.families.protection import PROTECTION
from tablewatch.daemon.families.supervisors import INCIDENTS, SUPERVISORS
from tablewatch.daemon.family import COUNTER, GAUGE, Family, flags

# Of every table, those included that do not answer.
REPORTS: tuple[Family[TableReport], ...] = (
    Family(
        "tablewatch_up",
        GAUGE,
        "Whether the table's supervisor answered; with 0 only its condition is known.",
        lambda report: [((), int(report.status is not None))],
    ),
    Family(
        "tablewatch_condition",
        GAUGE,
        "1 for the level the table is at, 0 for the others.",
        lambda report: flags(report.condition.level, LEVELS),
        ("level",),
    ),
)

# Of tables that answer.
STATUSES = (*LOOKUPS, *PROTECTION, *BACKENDS, *INCIDENTS, *SUPERVISORS)

# Of tablewatchd, without a table.
HOST: tuple[Family[HostStatus], ...] = (
    Family(
        "tablewatch_daemon_supervisors",
        GAUGE,
        "Supervisors connected to tablewatchd.",
        lambda host: [((), host.daemon.supervisors)],
    ),
    Family(
        "tablewatch_daemon_refused_connections_total",
        COUNTER,
        "Connections to a socket of tablewatchd that were not let in, or were put out.",
        lambda host: [
            (("link",), host.daemon.refused_links),
            (("control",), host.daemon.refused_controls),
        ],
        ("socket",),
    ),
)
