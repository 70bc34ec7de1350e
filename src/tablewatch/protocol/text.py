"""The text protocol of smtpd 7.6 and later: lines, fields separated by ``|`` (smtpd-tables(7))."""

from __future__ import annotations

import re

from tablewatch.protocol.messages import Hello, Operation, Request
from tablewatch.protocol.text_backend import TextBackend
from tablewatch.protocol.text_smtpd import TextSmtpd
from tablewatch.protocol.text_words import REQUESTS


class TextDialect:
    """Makes the codecs of the text protocol, and what smtpd would say in it."""

    name = "text"
    has_services = True

    def smtpd_codec(self) -> TextSmtpd:
        """Return a fresh codec for smtpd's end."""
        return TextSmtpd()

    def backend_codec(self) -> TextBackend:
        """Return a fresh codec for one backend process."""
        return TextBackend()

    def hello(self, table: str, version: str = "") -> Hello:
        """Compose the greeting of an smtpd of this version. ValueError if a line can't carry it."""
        if re.search(r"[\r\n\0]", table + version):
            raise ValueError("a table's name or version that no greeting can carry")
        lines = (f"smtpd-version|{version}", "protocol|0.1", f"tablename|{table}", "ready")
        return Hello(table, version, "".join(f"config|{line}\n" for line in lines).encode())

    def request(
        self,
        table: str,
        operation: Operation,
        service: str | None = None,
        key: bytes | None = None,
        *,
        number: int = 1,
        stamp: float = 0.0,
    ) -> Request:
        """Compose a request. `number` (32 bits) is its id, `stamp` the time since the epoch in s.

        ValueError if the fields do not fit the operation or a line can't carry the key.
        """
        fields: list[bytes] = [table.encode(), operation.value.encode()]
        id_ = b"%08x" % (number & 0xFFFFFFFF)
        fields += [id_] if service is None else [service.encode(), id_]
        if key is not None:
            fields.append(key)
        if len(fields) - 1 != REQUESTS[fields[1]][1] or (key and re.search(rb"[\r\n\0]", key)):
            raise ValueError(f"no {operation} request can be made of this")
        raw = b"table|0.1|%.6f|%b\n" % (stamp, b"|".join(fields))
        return Request(operation, service, key, id_, raw)


TEXT = TextDialect()
