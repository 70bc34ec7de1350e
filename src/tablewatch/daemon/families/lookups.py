"""What smtpd asked, and what it was told."""

from __future__ import annotations

from collections import Counter

from tablewatch.daemon.family import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    INFO,
    Family,
    Samples,
    View,
    latencies,
    one,
    words,
)
from tablewatch.daemon.labels import NONE, text, word


def _info(view: View) -> Samples:
    status = view.status
    known = (status.backend, status.protocol, status.mode, status.smtpd_version)
    return [(tuple(text(each) for each in known), 1)]


def _requests(view: View) -> Samples:
    bounded: Counter[tuple[str, ...]] = Counter()
    for operation, services in view.status.requests.items():
        for service, count in services.items():
            labels = (word("operation", operation), word("lookup_service", service or NONE))
            bounded[labels] += count
    return bounded.items()


def _last_good(view: View) -> Samples:
    age = view.status.last_good
    return [] if age is None else [((), view.taken - age)]


LOOKUPS: tuple[Family[View], ...] = (
    Family(
        "tablewatch_table_info",
        INFO,
        "What the table is made of; always 1.",
        _info,
        ("backend", "protocol", "mode", "smtpd_version"),
    ),
    Family(
        "tablewatch_paused",
        GAUGE,
        "Whether an operator has paused the table: every lookup gets a temporary error.",
        one(lambda status: int(status.pause is not None)),
    ),
    Family(
        "tablewatch_requests_total",
        COUNTER,
        "Requests of smtpd.",
        _requests,
        ("operation", "lookup_service"),
    ),
    Family(
        "tablewatch_answers_total",
        COUNTER,
        "Answers to smtpd.",
        words("verdict", lambda status: status.answers),
        ("verdict",),
    ),
    Family(
        "tablewatch_request_failures_total",
        COUNTER,
        "Requests answered with an error, the backend's own (reason error) or tablewatch's.",
        words("reason", lambda status: status.failures),
        ("reason",),
    ),
    Family(
        "tablewatch_tempfails_total",
        COUNTER,
        "Errors that tablewatch answered in place of the backend.",
        words("reason", lambda status: status.tempfails),
        ("reason",),
    ),
    Family(
        "tablewatch_refusals_total",
        COUNTER,
        "Lookups answered not-found without asking the backend, as configured.",
        words("reason", lambda status: status.refusals),
        ("reason",),
    ),
    Family(
        "tablewatch_observed_total",
        COUNTER,
        "What would have been done, had the mode not been observe.",
        words("reason", lambda status: status.observed),
        ("reason",),
    ),
    Family(
        "tablewatch_requests_waiting",
        GAUGE,
        "Requests of smtpd without an answer yet.",
        one(lambda status: status.waiting),
    ),
    Family(
        "tablewatch_request_duration_seconds",
        HISTOGRAM,
        "Time from a request's arrival to its answer, as smtpd waited for it.",
        latencies(lambda status: status.latency),
        ("operation",),
    ),
    Family(
        "tablewatch_last_good_answer_timestamp_seconds",
        GAUGE,
        "When smtpd last got an answer that was no error, since the epoch.",
        _last_good,
    ),
    Family(
        "tablewatch_deadline_misses_total",
        COUNTER,
        "Requests the backend did not answer in time.",
        one(lambda status: status.deadline_misses),
    ),
)
