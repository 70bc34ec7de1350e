"""The imsg protocol of smtpd 6.8 to 7.5, read strictly and written, without our codecs."""

import struct

from tests.simulation.text_wire import WireError

_HEADER = struct.Struct("=IHHII")
_QUERY = struct.Struct("=iQ" if struct.calcsize("P") == 8 else "=iI")
_RESULT = struct.Struct("=i")
_OPERATIONS = {4: "update", 5: "check", 6: "lookup", 7: "fetch"}
_TYPES = {name: number for number, name in _OPERATIONS.items()}
_VERDICTS = {1: "found", 0: "not-found", -1: "error"}
_NUMBERS = {name: number for number, name in _VERDICTS.items()}
_SERVICES = [
    "alias",
    "domain",
    "credentials",
    "netaddr",
    "userinfo",
    "source",
    "mailaddr",
    "addrname",
    "mailaddrmap",
    "relayhost",
    "string",
    "regex",
]
OK, OPEN = 0, 2


def message(kind, payload=b""):
    """Return one message."""
    return _HEADER.pack(kind, _HEADER.size + len(payload), 0, 0, 0) + payload


def greeting(table, _version):
    """Return what smtpd says first."""
    return message(OPEN, struct.pack("=I2048s", 2, table.encode()))


def request(_number, operation, service, key, table="creds"):
    """Return one request."""
    payload = b""
    if service is not None:
        payload += _QUERY.pack(1 << _SERVICES.index(service), 0)
    if key is not None:
        payload += key + b"\0"
    return message(_TYPES[operation], payload)


class _Reader:
    def __init__(self):
        self._buffer = b""

    @property
    def torn(self):
        """Whether the last message has begun and not ended."""
        return bool(self._buffer)

    def messages(self, data):
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            kind, length, flags, _, _ = _HEADER.unpack_from(self._buffer)
            if flags or not _HEADER.size <= length <= 16384:
                raise WireError("a message of impossible length")
            if len(self._buffer) < length:
                return
            payload = self._buffer[_HEADER.size : length]
            self._buffer = self._buffer[length:]
            yield kind, payload


class SmtpdReader(_Reader):
    """Reads what reaches smtpd: the handshake once, then answers.

    An answer is (None, None, verdict, value): order is all there is.
    """

    def __init__(self):
        super().__init__()
        self.services = None

    def read(self, data):
        """Return the answers in `data`."""
        return [answer for each in self.messages(data) if (answer := self._read(*each)) is not None]

    def _read(self, kind, payload):
        if kind != OK:
            raise WireError(f"a message of type {kind}")
        if self.services is None:
            if payload:
                raise WireError("stray bytes in the handshake")
            self.services = ()
            return None
        if len(payload) < _RESULT.size:
            raise WireError("an answer without a result")
        verdict = _VERDICTS.get(_RESULT.unpack_from(payload)[0])
        value = payload[_RESULT.size :]
        if verdict is None or (value and verdict != "found"):
            raise WireError("an unknown result, or stray bytes")
        if value and (len(value) < 2 or value.find(b"\0") != len(value) - 1):
            raise WireError("a value that is empty or not terminated")
        return None, None, verdict, value[:-1]


class BackendEnd(_Reader):
    """A backend's end: reads smtpd's requests, writes answers."""

    def __init__(self):
        super().__init__()
        self.greeted = False

    def read(self, data):
        """Return the requests in `data`: (None, operation, service, key)."""
        requests = []
        for kind, payload in self.messages(data):
            if not self.greeted:
                if kind != OPEN or len(payload) != 2052:
                    raise WireError("asked before the greeting")
                self.greeted = True
                continue
            operation = _OPERATIONS.get(kind)
            if operation is None:
                raise WireError("a request that is none")
            service = key = None
            if operation != "update":
                bits, parameters = _QUERY.unpack_from(payload)
                if parameters or bits.bit_count() != 1:
                    raise WireError("a request of no service")
                service, rest = _SERVICES[bits.bit_length() - 1], payload[_QUERY.size :]
                if operation != "fetch":
                    key, end, rest = rest.partition(b"\0")
                    if not end:
                        raise WireError("a key that does not end")
                if rest:
                    raise WireError("a request with stray bytes")
            requests.append((None, operation, service, key))
        return requests

    @staticmethod
    def welcome(_services):
        """Return the end of the handshake."""
        return message(OK)

    @staticmethod
    def answer(request, verdict, value=b"", id_=None, operation=None):
        """Return one answer. There is no id that could be wrong: the type is, instead."""
        payload = _RESULT.pack(_NUMBERS[verdict])
        if verdict == "found" and request[1] in ("lookup", "fetch"):
            payload += value + b"\0"
        return message(OK if id_ is None and operation is None else 1, payload)
