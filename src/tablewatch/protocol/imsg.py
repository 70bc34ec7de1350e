"""The imsg protocol of smtpd 7.5 and earlier: binary messages in native byte order.

What smtpd sends and accepts is taken from its table_proc.c and imsg.c as of 6.8.0p2 to 7.5.0p0,
what backends expect from table_api.c of OpenSMTPD-extras 6.7.1.
"""

from __future__ import annotations

from tablewatch.protocol.frames import compose
from tablewatch.protocol.imsg_backend import ImsgBackend
from tablewatch.protocol.imsg_smtpd import ImsgSmtpd
from tablewatch.protocol.imsg_words import (
    API_VERSION,
    OPEN,
    OPENING,
    OPERATIONS,
    QUERY,
    SERVICE_NAMES,
)
from tablewatch.protocol.messages import Hello, Operation, Request

_TYPES = {operation: type_ for type_, operation in OPERATIONS.items()}
_BITS = {name: bits for bits, name in SERVICE_NAMES.items()}
# Which fields a request has: service, key.
_FIELDS = {
    Operation.UPDATE: (False, False),
    Operation.FETCH: (True, False),
    Operation.CHECK: (True, True),
    Operation.LOOKUP: (True, True),
}


class ImsgDialect:
    """Makes the codecs of the imsg protocol, and what smtpd would say in it."""

    name = "imsg"
    has_services = False

    def smtpd_codec(self) -> ImsgSmtpd:
        """Return a fresh codec for smtpd's end."""
        return ImsgSmtpd()

    def backend_codec(self) -> ImsgBackend:
        """Return a fresh codec for one backend process."""
        return ImsgBackend()

    def hello(self, table: str, version: str = "") -> Hello:
        """Compose the greeting of an smtpd, which does not tell its version in this protocol.

        ValueError if the table's name has 2048 bytes or more.
        """
        name = table.encode()
        if len(name) >= OPENING.size - 4 or b"\0" in name:
            raise ValueError("a table's name that no greeting can carry")
        return Hello(table, "", compose(OPEN, OPENING.pack(API_VERSION, name)))

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
        """Compose a request; `table`, `number` and `stamp` appear only in the text protocol.

        ValueError if the fields do not fit the operation, the service exists only in the text
        protocol, or a message can't carry the key (a NUL, or more than 16355 bytes).
        """
        if (service is not None, key is not None) != _FIELDS[operation]:
            raise ValueError(f"no {operation} request can be made of this")
        payload = b""
        if service is not None:
            if service not in _BITS:
                raise ValueError(f"the imsg protocol has no service {service}")
            payload = QUERY.pack(_BITS[service], 0)
        if key is not None:
            if b"\0" in key:
                raise ValueError("a key with a NUL")
            payload += key + b"\0"
        return Request(operation, service, key, b"", compose(_TYPES[operation], payload))


IMSG = ImsgDialect()
