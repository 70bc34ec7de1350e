"""What a backend was seen to do while one request was with it, and whom that puts the blame on."""

from __future__ import annotations

from tablewatch.knowledge.classify import ErrorClass, Reading, Sign


class Evidence:
    """The stderr lines of one backend since it was given its current request.

    A bare ``error`` answer is no evidence: some backends say it for "not found" (table-redis) or
    always (checks of table-passwd and table-socketmap). Evidence is what the backend wrote.
    """

    __slots__ = ("query_error", "reconnects", "retries", "trouble")

    def __init__(self) -> None:
        self.retries = 0
        self.reconnects = 0
        self.query_error = ""
        self.trouble = ""

    def clear(self) -> None:
        """Begin anew with the next request."""
        if self.trouble or self.reconnects:
            self.retries = self.reconnects = 0
            self.query_error = self.trouble = ""

    def note(self, reading: Reading) -> None:
        """Take one more line into account."""
        if reading.sign is Sign.RECONNECT:
            self.reconnects += 1
        elif reading.sign is Sign.RETRY:
            self.retries += 1
        if reading.error_class is not None:
            self.trouble = reading.text
            if reading.error_class is ErrorClass.QUERY:
                self.query_error = reading.cause

    @property
    def spent(self) -> int:
        """Database reconnects spent on the request, by whichever kind of line tells more."""
        return max(self.retries, self.reconnects)
