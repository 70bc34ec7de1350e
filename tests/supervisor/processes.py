"""Processes to be looked at: what they run, and how they are started and ended."""

import contextlib
import os
import subprocess
import sys

BURN = "import os\nos.write(1, b'.')\nwhile True: pass"
WAIT = "import os\nos.write(1, b'.')\nos.read(0, 1)"
WITH_CHILD = """\
import os
import socket
if os.fork():
    os.read(0, 1)
else:
    os.write(1, b'.')
    while True: pass
"""
CONNECTED = """\
import os, socket
kept = [socket.create_connection(('127.0.0.1', {port})) for _ in range({count})]
pair = socket.socketpair()
os.dup2(pair[0].fileno(), 2)
os.dup(kept[0].fileno()), os.dup(0)
pair[0].close(), pair[1].close()
os.write(1, b'.')
os.read(0, 1)
"""


@contextlib.contextmanager
def starting():
    """A function that runs a program's text until it has written a dot; all are ended."""
    started = []

    def start(code):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
        )
        started.append(process)
        assert process.stdout.read(1) == b"."
        return process

    try:
        yield start
    finally:
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, 9)
            process.wait()
            process.stdin.close()
            process.stdout.close()
