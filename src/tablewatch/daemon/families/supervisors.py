"""The supervisors themselves, and the incidents they tell of."""

from __future__ import annotations

from tablewatch.daemon.family import COUNTER, GAUGE, Family, View, one, words

INCIDENTS: tuple[Family[View], ...] = (
    Family(
        "tablewatch_incidents_total",
        COUNTER,
        "Incidents opened.",
        words("class", lambda status: status.incidents_opened),
        ("class",),
    ),
    Family(
        "tablewatch_incidents_open",
        GAUGE,
        "Incidents that are not over.",
        one(lambda status: sum(each.closed is None for each in status.incidents)),
    ),
    Family(
        "tablewatch_stderr_lines_total",
        COUNTER,
        "Lines the backend wrote to its stderr.",
        one(lambda status: status.stderr_lines),
    ),
    Family(
        "tablewatch_stderr_collapsed_lines_total",
        COUNTER,
        "Of these, lines that were counted in the log and not written again.",
        one(lambda status: status.collapsed_lines),
    ),
)

SUPERVISORS: tuple[Family[View], ...] = (
    Family(
        "tablewatch_supervisor_cpu_seconds_total",
        COUNTER,
        "CPU time of the supervisor.",
        one(lambda status: status.process.cpu),
    ),
    Family(
        "tablewatch_supervisor_resident_memory_bytes",
        GAUGE,
        "Resident memory of the supervisor.",
        one(lambda status: status.process.memory),
    ),
    Family(
        "tablewatch_supervisor_open_fds",
        GAUGE,
        "Open file descriptors of the supervisor.",
        one(lambda status: status.process.descriptors),
    ),
    Family(
        "tablewatch_supervisor_start_time_seconds",
        GAUGE,
        "Start of the supervisor, since the epoch; its counters began then.",
        lambda view: [((), view.started(view.status.age, view.status.pid))],
    ),
    Family(
        "tablewatch_supervisor_internal_errors_total",
        COUNTER,
        "Exceptions in the supervisor's own code; please report them.",
        one(lambda status: status.internal_errors),
    ),
    Family(
        "tablewatch_supervisor_config_errors_total",
        COUNTER,
        "Configurations that could not be used; the one before stays in force.",
        one(lambda status: status.config_errors),
    ),
    Family(
        "tablewatch_supervisor_dropped_events_total",
        COUNTER,
        "Events not told to tablewatchd because it was away or slow.",
        one(lambda status: status.dropped_events),
    ),
    Family(
        "tablewatch_supervisor_dropped_log_lines_total",
        COUNTER,
        "Log lines lost because syslogd did not take them.",
        one(lambda status: status.dropped_lines),
    ),
    Family(
        "tablewatch_supervisor_links_total",
        COUNTER,
        "Connections the supervisor made to tablewatchd.",
        one(lambda status: status.links),
    ),
)
