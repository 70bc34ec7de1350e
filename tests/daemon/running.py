"""A tablewatchd in a process of its own, with everything it needs in one directory."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from tablewatch.control.client import Control

RUN = "import sys; from tablewatch.daemon.main import main; sys.exit(main())"


def free_port():
    """Return a port nobody listens on (now)."""
    with socket.socket() as finder:
        finder.bind(("127.0.0.1", 0))
        return finder.getsockname()[1]


class Tablewatchd:
    """Its place, its configuration, and the processes that were started there."""

    def __init__(self, path):
        self.path = path
        self.directory = path / "run"
        self.directory.mkdir(mode=0o755)
        self.incidents = path / "incidents"
        self.incidents.mkdir(mode=0o750)
        self.conf = path / "tablewatch.yml"
        self.port = free_port()
        self.configure()
        self._processes = []
        self._lines = []

    def configure(self, text="", **keys):
        """Write the configuration: `keys` of the daemon, then `text`."""
        keys = {"directory": self.directory, "listen": f"'127.0.0.1:{self.port}'", **keys}
        keys.setdefault("incidents_directory", self.incidents)
        written = "".join(f"  {key}: {value}\n" for key, value in keys.items())
        self.conf.write_text(f"daemon:\n{written}{text}")
        self.conf.chmod(0o644)

    def start(self, *options, code=RUN, **environment):
        """Start one; return the process. What it says is collected in ``said``."""
        process = subprocess.Popen(
            [sys.executable, "-c", code, "-f", str(self.conf), *options],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        reader = threading.Thread(target=self._lines.extend, args=(process.stderr,), daemon=True)
        process.reader = reader
        reader.start()
        return process

    def serve(self, *options, **environment):
        """Start one and wait until it serves."""
        process = self.start(*options, **environment)
        self.until("started; sockets in", process)
        return process

    def run(self, *options, **environment):
        """Run one to its end; return its exit status."""
        return self.end(self.start(*options, **environment))

    def end(self, process, number=None):
        """Send a signal, wait for the end, return the exit status."""
        if number is not None:
            process.send_signal(number)
        status = process.wait(60)
        process.reader.join(60)
        return status

    @property
    def said(self):
        """Everything the processes wrote to stderr."""
        return "".join(self._lines)

    def forget(self):
        """Begin anew with ``said``."""
        self._lines.clear()

    def until(self, text, process, times=1):
        """Wait until `text` has been said so often."""
        limit = time.monotonic() + 60
        while self.said.count(text) < times:
            assert process.poll() is None, f"it has ended:\n{self.said}"
            assert time.monotonic() < limit, f"never said {text!r}:\n{self.said}"
            time.sleep(0.01)

    def get(self, path, port=None):
        """Return status and body of a page."""
        address = f"http://127.0.0.1:{port or self.port}{path}"
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def status(self):
        """What it tells the tools."""
        return Control(str(self.directory / "control.sock"), 60).status()

    def close(self):
        """End what still runs."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
            process.reader.join(60)
            process.stderr.close()
