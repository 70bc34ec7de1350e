"""A table backend that does what its key says, in either protocol. Run as `table-fake CONF`.

Keys: `loop` reconnects for ever as table-mysql 6.7.1 does, `silent-loop` spins without a word,
`hang` never answers, `die` exits, `twice` answers twice, `empty` answers with an empty value,
`foreign` answers for another request, `garbage` writes what is no answer, `flood` logs a lot and
answers, `flood-blame`... too, but then blames the key, `stray` starts a child that keeps stderr
open and dies, `count-loop` is `loop` with an event for each turn, `mute-loop` closes its connection
first, `burn` works hard and answers, `slow` takes its time, `error` is answered so without a word,
`grow` takes memory, `leak` takes descriptors; what latin1 can't hold costs two reconnects and is
answered `error`, as with table-mysql 1.2; anything else is found.
CONF is JSON: `start` (ok, fail, hang), `log` (a file that gets one line per event), `database` (a
file without which there is none), `record` (a file that gets every byte read), `pid` (to put into
messages instead of one's own).
"""

import json
import os
import struct
import sys
import time

IMSG = struct.Struct("=IHHII")
LATIN1 = "Illegal mix of collations (latin1_swedish_ci,IMPLICIT) and (utf8mb4_general_ci,COERCIBLE)"


def say(text):
    sys.stderr.write(f"fake[{os.getpid()}]: {text}\n")
    sys.stderr.flush()


class Text:
    """The text protocol on fd 0 and 1."""

    def __init__(self, record, pid):
        self.lines = os.fdopen(0, "rb", buffering=0, closefd=False)
        self.record = record

    def read(self):
        line = self.lines.readline()
        self.record(line)
        return line.rstrip(b"\n").split(b"|") if line else None

    def write(self, data):
        os.write(1, data)

    def handshake(self):
        while (line := self.read()) is not None and line != [b"config", b"ready"]:
            pass
        self.write(b"register|credentials\nregister|userinfo\nregister|ready\n")

    def next(self):
        fields = self.read()
        if fields is None:
            return None
        if fields[4] == b"update":
            return "update", b"", fields[5]
        return fields[4].decode(), b"|".join(fields[7:]), fields[6]

    def answer(self, operation, id_, value):
        text = b"error" if value is None else b"found|" + value
        text = b"ok" if operation == "update" else text
        return f"{operation}-result|".encode() + id_ + b"|" + text + b"\n"


class Imsg:
    """The imsg protocol on fd 0."""

    def __init__(self, record, pid):
        self.record = record
        self.pid = pid

    def read(self, count):
        data = b""
        while len(data) < count:
            more = os.read(0, count - len(data))
            if not more:
                return None
            self.record(more)
            data += more
        return data

    def message(self):
        header = self.read(IMSG.size)
        if header is None:
            return None
        kind, length, _, _, _ = IMSG.unpack(header)
        return kind, self.read(length - IMSG.size) if length > IMSG.size else b""

    def write(self, data):
        os.write(0, data)

    def handshake(self):
        self.message()
        self.write(IMSG.pack(0, IMSG.size, 0, 0, self.pid))

    def next(self):
        message = self.message()
        if message is None or message[0] == 3:
            return None
        names = {4: "update", 5: "check", 6: "lookup", 7: "fetch"}
        return names[message[0]], message[1][12:-1], b""

    def answer(self, operation, id_, value):
        payload = struct.pack("=i", -1 if value is None else 1)
        if operation in ("lookup", "fetch") and value is not None:
            payload += value + b"\0"
        return IMSG.pack(0, IMSG.size + len(payload), 0, 0, self.pid) + payload


def loop(each_turn=lambda: None):
    while True:
        each_turn()
        say(f"warn: trying to reconnect after error: {LATIN1} for operation '='")
        say("debug: (re)connecting")
        say("debug: connected")


def in_latin1(key):
    try:
        key.decode("utf-8").encode("latin-1")
    except UnicodeDecodeError:
        return True  # a single byte is a character of latin1
    except UnicodeEncodeError:
        return False
    return True


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        conf = json.load(file)
    log = open(conf["log"], "a", encoding="utf-8")  # noqa: SIM115

    def note(text):
        log.write(f"{text} {os.getpid()}\n")
        log.flush()

    note("start")
    if conf.get("start") == "fail":
        say("fatal: could not connect")
        sys.exit(1)
    while conf.get("start") == "hang":
        time.sleep(1)
    recording = open(conf["record"], "ab", buffering=0) if "record" in conf else None  # noqa: SIM115
    record = recording.write if recording else lambda data: None
    kind = Imsg if conf.get("protocol") == "imsg" else Text
    protocol = kind(record, conf.get("pid", os.getpid()))
    protocol.handshake()
    kept = []
    while (request := protocol.next()) is not None:
        operation, key, id_ = request
        note(f"{operation} {key.decode('utf-8', 'backslashreplace')}")
        answer = protocol.answer(operation, id_, b"value of " + key)
        if operation != "update" and "database" in conf and not os.path.exists(conf["database"]):
            say("warn: mysql_real_connect: Can't connect to MySQL server on 'db' (111)")
            answer = protocol.answer(operation, id_, None)
        elif key == b"loop":
            loop()
        elif key == b"count-loop":
            loop(lambda: note("turn"))
        elif key == b"mute-loop":
            os.close(0)
            os.dup2(2, 1)
            os.execvp("yes", ["yes", "fake[1]: warn: trying to reconnect after error: gone away"])
        elif key.startswith(b"burn"):
            until = time.process_time() + 0.03
            while time.process_time() < until:
                pass
        elif key == b"slow":
            time.sleep(0.6)
        elif key == b"error":
            answer = protocol.answer(operation, id_, None)
        elif key == b"grow":
            kept.append(b"x" * 100_000_000)
        elif key == b"leak":
            kept += [os.dup(2) for _ in range(60)]
        elif not in_latin1(key):
            for _ in range(2):
                say(f"warn: trying to reconnect after error: {LATIN1} for operation '='")
                say("debug: (re)connecting")
            answer = protocol.answer(operation, id_, None)
        elif key == b"silent-loop":
            while True:
                pass
        elif key == b"hang":
            while True:
                time.sleep(1)
        elif key == b"die":
            say("fatal: as asked")
            sys.exit(3)
        elif key == b"twice":
            answer += answer
        elif key == b"empty":
            answer = protocol.answer(operation, id_, b"")
        elif key == b"foreign":
            answer = protocol.answer(operation, b"ffffffff", b"somebody else's")
        elif key == b"garbage":
            answer = b"\xff\xfe nonsense\n" * 4
        elif key == b"flood":
            for number in range(20_000):
                say(f"debug: line {number}")
        elif key.startswith(b"flood-blame"):
            os.write(2, b"fake[1]: debug: the same again\n" * 10_000)
            say(f'warn: key too long: "{key.decode()}"')
            answer = protocol.answer(operation, id_, None)
        elif key == b"stray":
            if os.fork() == 0:
                time.sleep(600)
            os._exit(0)
        protocol.write(answer)


if __name__ == "__main__":
    main()
