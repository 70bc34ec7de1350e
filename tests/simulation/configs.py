"""The settings a simulated table may go by, by name: small limits, so that they are met."""

from dataclasses import replace

from tablewatch.config.settings import (
    BreakerSettings,
    BudgetSettings,
    Config,
    FilterSettings,
    IncidentSettings,
    LogSettings,
    QuarantineSettings,
    RateSettings,
    RestartSettings,
    RunawaySettings,
    TableSettings,
    TraceSettings,
)

_PLAIN = TableSettings(spares=0)
_DEFAULT = TableSettings()
_THROTTLE = TableSettings(
    on_exhausted="throttle", spares=0, deadline=20.0, runaway=RunawaySettings(throttle_limit=5.0)
)
_TINY = TableSettings(
    quarantine=QuarantineSettings(max_keys=3, duration=5.0, max_duration=20.0),
    incidents=IncidentSettings(quiet=3.0),
    log=LogSettings(interval=1.0),
    spare_max_age=10.0,
)
_TRACE = TraceSettings(enabled=True, seconds=0.5)

ENFORCING = {
    "plain": _PLAIN,
    "default": _DEFAULT,
    "two spares": replace(_DEFAULT, spares=2, spare_max_age=20.0),
    "throttle": _THROTTLE,
    "throttle and spares": replace(_THROTTLE, spares=2, trace=_TRACE),
    "probe": TableSettings(
        breaker=BreakerSettings(threshold=2, probe="credentials good.1.probe@example.org")
    ),
    "tiny": _TINY,
    "trace": replace(_DEFAULT, trace=_TRACE),
    "strict": TableSettings(
        start_grace=0.0,
        register_wait=0.0,
        max_retries=0,
        filter=FilterSettings(charset="ascii", max_length=200),
        rates=RateSettings(lookups=3, retries=1, reconnects=1, action="tempfail"),
        runaway=RunawaySettings(throttle_limit=1.0, window=0.5, grace=0.0),
    ),
    "quick": TableSettings(
        deadline=0.5,
        update_deadline=2.0,
        start_grace=0.2,
        start_timeout=2.0,
        services=("credentials", "userinfo"),
        restart=RestartSettings(burst=1, min_delay=0.5, max_delay=4.0, reset_after=5.0),
    ),
    "eager": TableSettings(
        breaker=BreakerSettings(threshold=1, min_open=0.5, max_open=4.0, reset_after=5.0),
        quarantine=QuarantineSettings(duration=4.0, max_duration=8.0, not_found=("userinfo",)),
    ),
    "patient": TableSettings(
        max_retries=20, budget=BudgetSettings(ratio=0.5, per_second=5, window=4.0)
    ),
    "poor": TableSettings(
        max_retries=5, spares=0, budget=BudgetSettings(ratio=0.1, per_second=1, window=2.0)
    ),
    "no quarantine": TableSettings(quarantine=QuarantineSettings(enabled=False)),
    "keys shown": TableSettings(log=LogSettings(show_keys=True, interval=5.0), spares=1),
}
OBSERVING = {
    f"observe {name}": replace(ENFORCING[name], mode="observe")
    for name in ("default", "throttle", "strict", "tiny", "probe")
}
CONFIGS = {name: Config(defaults=each) for name, each in (ENFORCING | OBSERVING).items()}
