"""What a backend was seen to do while one request was with it, and whom that puts the blame on."""

from __future__ import annotations

from tablewatch.knowledge.classify import ErrorClass, Reading, Sign

# What weighs more when one request saw errors of several classes comes later: a query error is
# followed by the reconnect it causes, and a wrong password explains why a connection was lost.
_BY_WEIGHT = (
    None,
    ErrorClass.UNKNOWN,
    ErrorClass.CONNECTION,
    ErrorClass.CONFIGURATION,
    ErrorClass.QUERY,
)


class Evidence:
    """The stderr lines of one backend since it was given its current request.

    A bare ``error`` answer is no evidence: some backends say it for "not found" (table-redis) or
    always (checks of table-passwd and table-socketmap). Evidence is what the backend wrote.
    """

    __slots__ = ("error", "reconnects", "retries", "throttled")

    def __init__(self) -> None:
        self.retries = 0
        self.reconnects = 0
        self.throttled = 0.0  # seconds the backend was stopped for it
        self.error: Reading | None = None

    def clear(self) -> None:
        """Begin anew with the next request."""
        self.retries = self.reconnects = 0
        self.throttled = 0.0
        self.error = None

    def note(self, reading: Reading) -> None:
        """Take one more line into account."""
        if reading.sign is Sign.RECONNECT:
            self.reconnects += 1
        elif reading.sign is Sign.RETRY:
            self.retries += 1
        weight = _BY_WEIGHT.index
        if weight(reading.error_class) > weight(self.error_class):
            self.error = reading

    @property
    def error_class(self) -> ErrorClass | None:
        """The class of the weightiest error; None where none was seen."""
        return self.error.error_class if self.error is not None else None

    @property
    def cause(self) -> str:
        """That error in plain words; never a part of what the backend wrote."""
        return self.error.cause if self.error is not None else ""

    @property
    def spent(self) -> int:
        """Database reconnects spent on the request, by whichever kind of line tells more."""
        return max(self.retries, self.reconnects)
