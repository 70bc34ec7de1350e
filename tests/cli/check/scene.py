"""A tablewatchd that says whatever a test wants, and the plugin run as schedulers run it."""

import json
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.programs import need

from tablewatch.control.records import to_plain

SOURCE = Path(__file__).parents[3] / "src"


def reply(status):
    """The line with which tablewatchd answers, on its control socket, how the host is doing."""
    line = json.dumps({"ok": True, "text": "", "data": {"status": to_plain(status)}})
    return line.encode() + b"\n"


class FakeDaemon:
    """Listens on a control socket. What it `says` may be changed at any time.

    `says`: bytes that are sent to whoever asks, or a function that is given the connection.
    """

    def __init__(self, path, says=b""):
        self.path = str(path)
        self.says = says
        self.questions = []
        self._ending = threading.Event()
        self._threads = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(16)
        os.chmod(self.path, 0o666)
        self._start(self._accept)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def until_the_end(self):
        """Do nothing for as long as the test goes on."""
        self._ending.wait()

    @property
    def ending(self):
        return self._ending.is_set()

    def close(self):
        self._ending.set()
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(self.path)  # wakes the first thread
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        self._listener.close()
        os.unlink(self.path)

    def _start(self, target, *arguments):
        self._threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self):
        while not self.ending:
            connection, _ = self._listener.accept()
            if self.ending:
                connection.close()
            else:
                self._start(self._serve, connection)

    def _serve(self, connection):
        with connection, connection.makefile("rb") as lines:
            line = lines.readline()
            if not line:
                return
            self.questions.append(json.loads(line))
            try:
                if callable(self.says):
                    self.says(connection)
                else:
                    connection.sendall(self.says)
            except OSError:  # the plugin has gone
                pass


class Said:
    """What the plugin printed, in parts."""

    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err
        self.first, *self.below = out.splitlines()
        self.text, _, self.perfdata = self.first.partition(" | ")


def environment(**more):
    """As little as NRPE leaves."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C", "PYTHONPATH": str(SOURCE), **more}


def check(*arguments, python=sys.executable, **options):
    """Run check_tablewatch to its end."""
    command = [python, "-m", "tablewatch.cli.check.main", *map(str, arguments)]
    options.setdefault("env", environment())
    # Standard input is closed, not empty: nobody is there.
    closing = ["/bin/sh", "-c", f"exec {shlex.join(command)} <&-"]
    done = subprocess.run(
        closing, capture_output=True, text=True, timeout=150, check=False, **options
    )
    return Said(done.returncode, done.stdout, done.stderr)


def plugin(directory, python=sys.executable, source=SOURCE):
    """Put a program check_tablewatch into `directory`, as an installation does."""
    program = Path(directory, "check_tablewatch")
    text = f"sys.path.insert(0, {str(source)!r})\nfrom tablewatch.cli.check.main import main"
    program.write_text(f"#!{python}\nimport sys\n{text}\nsys.exit(main())\n")
    program.chmod(0o755)
    return program


@contextmanager
def place_for_everybody():
    """A directory that every user may pass, with a copy of the source, and who is to use it.

    With root's rights that is nobody, with a Python that does not stand in somebody's home.
    """
    user, group, python = pwd.getpwuid(os.geteuid()).pw_name, str(os.getegid()), sys.executable
    if os.geteuid() == 0:
        user, group, python = "nobody", "nogroup", need("/usr/bin/python3", "python3")
    with tempfile.TemporaryDirectory(prefix="tablewatch-") as name:
        place = Path(name)
        shutil.copytree(SOURCE, place / "src", ignore=shutil.ignore_patterns("__pycache__"))
        for each in (place, *place.rglob("*")):
            each.chmod(0o755)
        yield place, user, group, python


class FakeWeb:
    """Listens for HTTP on loopback; `answers` is given the handler of each request."""

    def __init__(self, answers, tls=None):
        self.requests = []
        asked = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append((self.path, dict(self.headers)))
                try:
                    answers(self)
                except OSError:  # the plugin has gone
                    self.close_connection = True

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):  # a handshake that the plugin ends
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join(60)
        self._server.server_close()


def sends(body, code=200, **headers):
    """An answer for FakeWeb."""

    def answer(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer
