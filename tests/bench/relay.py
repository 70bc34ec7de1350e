"""The least that a relay in Python can do: bytes to and from a backend, and nothing else.

Run as ``relay.py PROGRAM CONF``; descriptor 0 is the connection to smtpd. What the supervisor takes
longer than this is what it does.
"""

import os
import select
import socket
import sys


def main() -> None:
    ours, theirs = socket.socketpair()
    descriptor = theirs.fileno()
    copies = [(os.POSIX_SPAWN_DUP2, descriptor, number) for number in (0, 1)]
    os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=copies)
    theirs.close()
    other = {0: ours.fileno(), ours.fileno(): 0}
    poll = select.poll()
    for each in other:
        poll.register(each, select.POLLIN)
    while True:
        for ready, _ in poll.poll():
            data = os.read(ready, 65536)
            if not data:
                return
            os.write(other[ready], data)


if __name__ == "__main__":
    main()
