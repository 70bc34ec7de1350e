"""Stand where a table backend stands, pass on every byte, and write down a copy.

Installed as ``table-NAME`` in smtpd's libexec directory; the programs that NAMEs stand for, and
where the copies go, are in RECORDERS below. Reads and writes one connection on each side: fd 0 of
smtpd's (or of a supervisor's), and fd 0 and 1 of the program's.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from typing import BinaryIO

LIBEXEC = "/usr/libexec/opensmtpd"
RECORDS = "/tmp"  # of the world, where everybody may write
RECORDERS = {
    "table-inner": f"{LIBEXEC}/table-mysql",  # what a backend sees
    "table-outer": f"{LIBEXEC}/table-watch-inner",  # what smtpd sees of a supervisor
}


def main() -> int:
    """Relay until one side closes."""
    name = os.path.basename(sys.argv[0])
    conf = sys.argv[1]
    program = RECORDERS[name]
    ours, theirs = socket.socketpair()
    child = subprocess.Popen([program, conf], stdin=theirs.fileno(), stdout=theirs.fileno())
    theirs.close()
    smtpd = socket.socket(fileno=os.dup(0))
    table = os.path.basename(conf).removesuffix(".conf")
    with open(f"{RECORDS}/{name}.{table}.{os.getpid()}", "ab", buffering=0) as record:
        relay(smtpd, ours, record)
    ours.close()
    smtpd.close()
    os.close(0)
    return child.wait()


def relay(smtpd: socket.socket, program: socket.socket, record: BinaryIO) -> None:
    """Pass bytes on both ways until one side closes; ``record`` gets them in hexadecimal."""
    poll = select.poll()
    ways = {smtpd.fileno(): (smtpd, program, b">"), program.fileno(): (program, smtpd, b"<")}
    for descriptor in ways:
        poll.register(descriptor, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            source, target, mark = ways[descriptor]
            data = source.recv(65536)
            if not data:
                return
            record.write(mark + data.hex().encode() + b"\n")
            target.sendall(data)


if __name__ == "__main__":
    sys.exit(main())
