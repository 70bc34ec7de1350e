"""The text protocol as smtpd-tables(7) has it, read strictly and written, without our codecs.

What smtpd 7.6 to 7.8 makes of an answer is taken from its table_proc.c: everything it exits on is
a :class:`WireError` here, and so is what it would only survive by luck.
"""

import re

_ANSWER = re.compile(rb"([a-z]+)-result\|([0-9a-f]{8})\|([^\n]+)\n")
_WORD = re.compile(rb"[!-{}~]+")


class WireError(Exception):
    """Bytes on which smtpd would exit."""


def greeting(table, version):
    """Return what smtpd says first."""
    lines = (f"smtpd-version|{version}", "protocol|0.1", f"tablename|{table}", "ready")
    return "".join(f"config|{line}\n" for line in lines).encode()


def request(number, operation, service, key, table="creds"):
    """Return one request line."""
    fields = [b"table|0.1|1700000000.000001", table.encode(), operation.encode()]
    fields += [service.encode()] if service else []
    fields += [b"%08x" % number]
    fields += [key] if key is not None else []
    return b"|".join(fields) + b"\n"


class SmtpdReader:
    """Reads what reaches smtpd: the handshake once, then answers."""

    def __init__(self):
        self.services = None  # known after the handshake
        self._registered = []
        self._buffer = b""

    @property
    def torn(self):
        """Whether the last line has begun and not ended."""
        return bool(self._buffer)

    def read(self, data):
        """Return the answers in `data`: (operation, id, verdict, rest)."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        answers = (self._line(line + b"\n") for line in lines)
        return [answer for answer in answers if answer is not None]

    def _line(self, line):
        if b"\0" in line:
            raise WireError("a NUL")
        if self.services is None:
            return self._register(line)
        found = _ANSWER.fullmatch(line)
        if found is None:
            raise WireError("a line that is no answer")
        operation, id_, outcome = found.groups()
        word, bar, rest = outcome.partition(b"|")
        operation = operation.decode()
        if word == b"error":
            return operation, id_, "error", rest
        if operation == "update" and outcome == b"ok":
            return operation, id_, "found", b""
        if operation != "update" and outcome == b"not-found":
            return operation, id_, "not-found", b""
        if operation == "check" and outcome == b"found":
            return operation, id_, "found", b""
        if operation in ("lookup", "fetch") and word == b"found" and bar and rest:
            return operation, id_, "found", rest
        raise WireError("an answer of no known result, or without its value")

    def _register(self, line):
        word, _, name = line[:-1].partition(b"|")
        if word != b"register" or not _WORD.fullmatch(name):
            raise WireError("a handshake that registers nothing")
        if name != b"ready":
            self._registered.append(name.decode())
        elif not self._registered:
            raise WireError("no service registered")
        else:
            self.services = tuple(self._registered)


class BackendEnd:
    """A backend's end: reads smtpd's requests, writes answers."""

    def __init__(self):
        self.greeted = False
        self._buffer = b""

    def read(self, data):
        """Return the requests in `data`: (id, operation, service, key)."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        requests = []
        for line in lines:
            if not self.greeted:
                if not line.startswith(b"config|"):
                    raise WireError("asked before the greeting")
                self.greeted = line == b"config|ready"
                continue
            fields = line.split(b"|", 7)
            if fields[:2] != [b"table", b"0.1"] or len(fields) < 6:
                raise WireError("a request that is none")
            operation = fields[4].decode()
            count = {"update": 6, "fetch": 7, "check": 8, "lookup": 8}.get(operation)
            if len(fields) != count:
                raise WireError("a request with a wrong number of fields")
            if operation == "update":
                requests.append((fields[5], operation, None, None))
            else:
                key = fields[7] if count == 8 else None
                requests.append((fields[6], operation, fields[5].decode(), key))
        return requests

    @staticmethod
    def welcome(services):
        """Return the end of the handshake."""
        return "".join(f"register|{name}\n" for name in (*services, "ready")).encode()

    @staticmethod
    def answer(request, verdict, value=b"", id_=None, operation=None):
        """Return one answer; `id_` and `operation` where they are to be wrong."""
        own_id, own_operation, _, _ = request
        operation, id_ = operation or own_operation, id_ or own_id
        if verdict == "found" and own_operation == "update":
            outcome = b"ok"
        elif verdict == "found" and own_operation == "check":
            outcome = b"found"
        elif verdict == "found":
            outcome = b"found|" + value
        elif verdict == "not-found" and own_operation != "update":
            outcome = b"not-found"
        else:
            outcome = b"error|" + value if value else b"error"
        return b"%b-result|%b|%b\n" % (operation.encode(), id_, outcome)
