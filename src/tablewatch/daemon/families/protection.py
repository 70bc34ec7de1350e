"""What keeps the database from harm: budget, breaker, quarantine."""

from __future__ import annotations

from tablewatch.control.status import BREAKER_STATES
from tablewatch.daemon.family import COUNTER, GAUGE, Family, View, flags, one, words

PROTECTION: tuple[Family[View], ...] = (
    Family(
        "tablewatch_retries_total",
        COUNTER,
        "Retries the backend announced on its stderr.",
        words("class", lambda status: status.retries),
        ("class",),
    ),
    Family(
        "tablewatch_reconnects_total",
        COUNTER,
        "Connections to the database the backend made anew.",
        words("class", lambda status: status.reconnects),
        ("class",),
    ),
    Family(
        "tablewatch_retry_budget_balance",
        GAUGE,
        "Reconnects the table may spend now; below 0 it is in debt.",
        one(lambda status: status.budget.balance),
    ),
    Family(
        "tablewatch_retry_budget_reserve",
        GAUGE,
        "Reconnects a table can spend that has answered nothing yet.",
        one(lambda status: status.budget.reserve),
    ),
    Family(
        "tablewatch_breaker_state",
        GAUGE,
        "1 for the state the breaker is in, 0 for the others.",
        lambda view: flags(view.status.breaker.state, BREAKER_STATES),
        ("state",),
    ),
    Family(
        "tablewatch_breaker_openings_total",
        COUNTER,
        "How often the breaker opened.",
        one(lambda status: status.breaker.opened),
    ),
    Family(
        "tablewatch_quarantine_keys",
        GAUGE,
        "Keys refused one by one.",
        one(lambda status: status.quarantine.size),
    ),
    Family(
        "tablewatch_quarantine_limit",
        GAUGE,
        "Keys that can be refused one by one; more evict the oldest.",
        one(lambda status: status.quarantine.limit),
    ),
    Family(
        "tablewatch_quarantine_kinds",
        GAUGE,
        "Kinds of keys refused as a whole.",
        one(lambda status: len(status.quarantine.kinds)),
    ),
    Family(
        "tablewatch_quarantine_hits_total",
        COUNTER,
        "Lookups of quarantined keys.",
        one(lambda status: status.quarantine.hits),
    ),
    Family(
        "tablewatch_quarantine_evictions_total",
        COUNTER,
        "Keys that left the quarantine early because it was full.",
        one(lambda status: status.quarantine.evictions),
    ),
)
