"""A table backend that misbehaves on demand, in either protocol. Run as ``table-bench CONF``.

Keys: ``loop...`` reconnects for ever as table-mysql 6.7.1 does, at its pace; ``bad...`` is answered
`error` with a line that blames the key; ``flood KIND LINES RATE`` is found, and so many lines a
second are written to stderr meanwhile, see FLOODS. Anything else is found. CONF is JSON:
``stamps``, a file that gets the time of each retry of a loop (nanoseconds, 8 bytes each),
``written``, one that gets the number of lines of a flood when it is over.
"""

import json
import os
import struct
import sys
import time

HEADER = struct.Struct("=IHHII")
ERROR = b"Illegal mix of collations (latin1_swedish_ci,IMPLICIT) and (utf8mb4_general_ci,COERCIBLE)"
TURN = 0.0007  # seconds: 1,400 reconnects a second, as measured with table-mysql and MariaDB
LETTERS = bytes.maketrans(b"0123456789", b"aeiknorstu")


def alike(number: int) -> bytes:
    return b"table-mysql[1]: debug: fetched a row of the result\n"


def counted(number: int) -> bytes:
    return b"table-mysql[1]: debug: fetched row %d of the result\n" % number


def keyed(number: int) -> bytes:
    key = (b"%d" % (number * 7919)).translate(LETTERS)
    return b"table-ldap[1]: debug: ldap_query: filter=(uid=%b@example.org), ret=1\n" % key


def mixed(number: int) -> bytes:
    which = number % 8
    if which < 2:
        return (counted, keyed)[which](number)
    return (
        b"table-ldap[1]: info: table-ldap: %d entries\n" % number,
        b"table-postgres[1]: warn: PQexecPrepared: ERROR:  deadlock detected\n",
        b"DETAIL:  Process %d waits for ShareLock\n" % number,
        b"LINE 1: select password from users where login = $1\n",
        b"                                         ^\n",
        b"a library at 0x%x has something to say\n" % number,
    )[which - 2]


# Lines that are all the same, that differ in a number, in a key; several kinds in turn.
FLOODS = {"alike": alike, "counted": counted, "keyed": keyed, "mixed": mixed}


def say(text: bytes) -> None:
    os.write(2, b"table-mysql[%d]: %b\n" % (os.getpid(), text))


def loop(stamps: str) -> None:
    with open(stamps, "wb", buffering=0) as file:
        while True:
            file.write(struct.pack("=Q", time.perf_counter_ns()))
            say(b"warn: trying to reconnect after error: " + ERROR + b" for operation '='")
            say(b"debug: (re)connecting")
            time.sleep(TURN)
            say(b"debug: connected")


def flood(kind: str, lines: int, rate: int, written: str) -> None:
    """Write the lines from a process of its own, for answers must not wait."""
    if os.fork():
        return
    line = FLOODS[kind]
    began = time.perf_counter()
    for number in range(lines):
        if number % 100 == 0:
            time.sleep(max(0.0, began + number / rate - time.perf_counter()))
        os.write(2, line(number))
    with open(f"{written}.new", "w", encoding="ascii") as file:
        json.dump({"lines": lines, "seconds": time.perf_counter() - began}, file)
    os.rename(f"{written}.new", written)
    os._exit(0)


def found(key: bytes, conf: dict[str, str]) -> bool:
    """Do what the key says; return whether it is found."""
    if key.startswith(b"loop"):
        loop(conf["stamps"])
    if key.startswith(b"flood"):
        _, kind, lines, rate = key.split()
        flood(kind.decode(), int(lines), int(rate), conf["written"])
    if key.startswith(b"bad"):
        say(b"warn: mysql_stmt_execute: " + ERROR + b" for operation '='")
        return False
    return True


def read() -> bytes:
    data = os.read(0, 65536)
    if not data:
        os._exit(0)
    return data


def text(data: bytes, conf: dict[str, str]) -> None:
    while not data.endswith(b"config|ready\n"):
        data += read()
    os.write(0, b"register|credentials\nregister|userinfo\nregister|ready\n")
    while True:
        data = read()
        while not data.endswith(b"\n"):
            data += read()
        fields = data[:-1].split(b"|", 7)
        outcome = b"found|value" if found(fields[7], conf) else b"error"
        os.write(0, b"lookup-result|%b|%b\n" % (fields[6], outcome))


def imsg(data: bytes, conf: dict[str, str]) -> None:
    first = True
    while True:
        while len(data) < HEADER.size or len(data) < HEADER.unpack_from(data)[1]:
            data += read()
        kind, length, _, _, _ = HEADER.unpack_from(data)
        message, data = data[:length], data[length:]
        payload = b""
        if kind == 3:
            return
        if not first:
            payload = b"\1\0\0\0value\0" if found(message[28:-1], conf) else b"\xff\xff\xff\xff"
        first = False
        os.write(0, HEADER.pack(0, HEADER.size + len(payload), 0, 0, os.getpid()) + payload)


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        conf = json.load(file)
    data = read()
    (text if data[:1] == b"c" else imsg)(data, conf)


if __name__ == "__main__":
    main()
