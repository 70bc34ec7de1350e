"""A table backend that does what its key says. CONF names a file that gets its process ids.

The program's name ends in its protocol (`table-text`, `table-imsg`). A greeting in the other one
has the effect it has on the real ones: imsg sees an impossible length and leaves, text waits for
the end of the line. The name `table-down` leaves at once, as with the database down.
"""

import os
import struct
import sys
import time

HEADER = struct.Struct("=IHHII")
VALUES = {b"alice": b"$6$hash", b"bytes \xff": b"value \xfe", b"pipe|": b"a|b", b"-dash": b"yes"}


def say(text):
    os.write(2, f"fake[{os.getpid()}]: {text}\n".encode())


def read(count):
    data = b""
    while len(data) < count:
        more = os.read(0, count - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


def read_line():
    line = b""
    while not line.endswith(b"\n"):
        line += read(1)
    return line[:-1]


class Text:
    def handshake(self):
        while read_line() != b"config|ready":
            pass
        os.write(1, b"register|credentials\nregister|source\nregister|ready\n")

    def request(self):
        fields = read_line().split(b"|", 7)
        self.table, self.operation = fields[3].decode(), fields[4].decode()
        self.id = fields[5] if self.operation == "update" else fields[6]
        return fields[7] if len(fields) > 7 else b""

    def answer(self, result, value=b"", times=1):
        known = {"found": b"found", "not-found": b"not-found", "error": b"error|out of order"}
        outcome = known[result]
        if result == "found" and self.operation == "update":
            outcome = b"ok"
        elif result == "found" and self.operation != "check":
            outcome += b"|" + value
        line = b"%b-result|%b|%b\n" % (self.operation.encode(), self.id, outcome)
        os.write(1, line * times)


class Imsg:
    def message(self):
        kind, length, _, _, _ = HEADER.unpack(read(HEADER.size))
        if not HEADER.size <= length <= 16384:
            say("fatal: imsg_get: Result too large")
            sys.exit(1)
        return kind, read(length - HEADER.size)

    def handshake(self):
        kind, payload = self.message()
        assert kind == 2
        self.table = payload[4:].rstrip(b"\0").decode()
        os.write(0, HEADER.pack(0, HEADER.size, 0, 0, 0))

    def request(self):
        kind, payload = self.message()
        if kind == 3:
            sys.exit(0)
        self.operation = {4: "update", 5: "check", 6: "lookup", 7: "fetch"}[kind]
        return payload[4 + struct.calcsize("N") :].rstrip(b"\0")

    def answer(self, result, value=b"", times=1):
        payload = struct.pack("=i", {"found": 1, "not-found": 0, "error": -1}[result])
        if result == "found" and self.operation in ("lookup", "fetch"):
            payload += value + b"\0"
        message = HEADER.pack(0, HEADER.size + len(payload), 0, 0, 0) + payload
        os.write(0, message * times)


def loop():
    while True:
        say(
            "warn: trying to reconnect after error: Illegal mix of collations "
            "(latin1_swedish_ci,IMPLICIT) and (utf8mb4_general_ci,COERCIBLE) for operation '='"
        )
        say("debug: (re)connecting")


def child():
    if os.fork() == 0:
        note()
        while True:
            time.sleep(60)
    while True:
        time.sleep(60)


def note():
    with open(sys.argv[1], "a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")


def main():
    note()
    program = os.path.realpath(__file__)
    if program.endswith("-down"):
        say("fatal: could not connect")
        sys.exit(1)
    protocol = Imsg() if program.endswith("-imsg") else Text()
    protocol.handshake()
    say("debug: started")
    while True:
        key = protocol.request()
        if key == b"error":
            protocol.answer("error")
        elif key == b"loop":
            loop()
        elif key == b"hang":
            child()
        elif key == b"die":
            say("fatal: as asked")
            sys.exit(3)
        elif key == b"twice":
            protocol.answer("found", b"once", times=2)
        elif key == b"empty":
            protocol.answer("found", b"")
        elif key == b"garbage":
            os.write(0 if isinstance(protocol, Imsg) else 1, b"hello, world, this is no answer\n")
        elif key == b"log":
            say("warn: red \x1b[31malert")
            protocol.answer("found", b"logged")
        elif key == b"flood":
            for number in range(500):
                say(f"debug: line {number}")
            protocol.answer("found", b"flooded")
        elif key == b"table":
            protocol.answer("found", protocol.table.encode())
        elif protocol.operation in ("fetch", "update"):
            protocol.answer("found", b"192.0.2.1")
        elif key in VALUES:
            protocol.answer("found", VALUES[key])
        else:
            protocol.answer("not-found")


if __name__ == "__main__":
    main()
