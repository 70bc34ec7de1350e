"""What ``tablewatch query`` prints: answers on stdout and the rest on stderr, or all as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from tablewatch.knowledge.masking import printable, scrub
from tablewatch.protocol.messages import Answer, Operation, Verdict

# Lines shown per answer: a loop writes thousands a second, and they are all alike.
MAX_LINES = 100


class Report:
    """Shows one answer after the other, and what the backend logged meanwhile.

    With `many` questions an answer is preceded by its key and a tab.
    """

    def __init__(
        self, name: str, operation: Operation, service: str | None, *, as_json: bool, many: bool
    ) -> None:
        """`name`: of the program that is asked, to go before what it logs."""
        self._name = name
        self._operation = operation
        self._service = service
        self._as_json = as_json
        self._many = many
        self._log: list[str] = []
        self._unshown = 0

    def heard(self, line: bytes) -> None:
        """Show a line of the backend's stderr, unless there have been too many already.

        Passwords are left out even here: nobody asked for the backend's own.
        """
        if len(self._log) >= MAX_LINES:
            self._unshown += 1
            return
        text = scrub(printable(line), (), show_keys=True)
        self._log.append(text)
        if not self._as_json:
            self.note(text, self._name)

    def answered(
        self, key: bytes | None, answer: Answer, cause: str, protocol: str, seconds: float
    ) -> None:
        """Show what the backend said; `cause`: what its log says about an error, if anything."""
        self._tell_unshown()
        result = answer.verdict.value
        if self._operation is Operation.UPDATE and answer.verdict is Verdict.FOUND:
            result = "ok"
        if self._as_json:
            outcome = {
                "result": result,
                "value": _text(answer.value) if answer.value else None,
                "message": _text(answer.message) or cause or None,
            }
            self._print_json(key, outcome, protocol, seconds)
        elif answer.verdict is Verdict.FOUND:
            self._print_value(key, answer.value or result.encode())
        elif answer.verdict is Verdict.ERROR:
            reasons = [each for each in (printable(answer.message), cause) if each]
            self._complain(key, ": ".join(["backend answered error", *reasons]))
        elif not self._many:
            self._complain(key, result)
        self._end()

    def failed(self, key: bytes | None, why: str, protocol: str, seconds: float) -> None:
        """Show why there is no answer."""
        self._tell_unshown()
        if self._as_json:
            outcome = {"result": "failed", "value": None, "message": why}
            self._print_json(key, outcome, protocol, seconds)
        else:
            self._complain(key, why)
        self._end()

    def note(self, text: str, speaker: str = "tablewatch") -> None:
        """Write a line to stderr."""
        print(f"{speaker}: {text}", file=sys.stderr, flush=True)

    def _print_value(self, key: bytes | None, value: bytes) -> None:
        """Print a value as the bytes it is; on a terminal, which it could drive, as text."""
        shown = [key, value] if self._many and key is not None else [value]
        if sys.stdout.isatty():
            shown = [printable(each).encode(errors="backslashreplace") for each in shown]
        sys.stdout.buffer.write(b"\t".join(shown) + b"\n")
        sys.stdout.buffer.flush()

    def _complain(self, key: bytes | None, text: str) -> None:
        self.note(f"{printable(key)}: {text}" if key is not None else text)

    def _print_json(
        self, key: bytes | None, outcome: Mapping[str, str | None], protocol: str, seconds: float
    ) -> None:
        record = {
            "operation": self._operation.value,
            "service": self._service,
            "key": None if key is None else _text(key),
            **outcome,
            "protocol": protocol,
            "seconds": round(seconds, 6),
            "log": self._log,
            "log_left_out": self._unshown,
        }
        print(json.dumps(record), flush=True)

    def _tell_unshown(self) -> None:
        if self._unshown and not self._as_json:
            self.note(f"... and {self._unshown} more lines", self._name)

    def _end(self) -> None:
        """Begin with the lines of the next answer."""
        self._log = []
        self._unshown = 0


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
