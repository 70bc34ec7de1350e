"""A stage for the rc.d script: an rc.subr(8), stand-ins for what OpenBSD has, a daemon to run."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCRIPT = ROOT / "rc.d" / "tablewatchd"

# dash, which is Debian's sh, has no pipefail, and mksh handles SIGALRM, which is to end it.
SU = """#!/bin/bash
while [ "$1" != -c ] || [ "$2" = daemon ]; do shift; done
exec env -i PATH="$PATH" STAGE="$STAGE" /bin/bash -c "$2"
"""
LOGGER = '#!/bin/sh\nexec cat >>"$STAGE/log"\n'
INSTALL = """#!/bin/sh
echo "$@" >>"$STAGE/installed"
exec mkdir -p -m 755 "$8"
"""
ID = "#!/bin/sh\necho 0\n"
GETCAP = "#!/bin/sh\nexit 1\n"
DAEMON = """#!{python}
import sys
sys.path[:0] = {path!r}
from tablewatch.daemon.main import main
sys.exit(main())
"""


class Stage:
    """Everything in one directory; what rc.subr and the script name elsewhere is moved there."""

    def __init__(self, path, subr, shell):
        self.path = path
        self.run = path / "run"
        self.incidents = path / "incidents"
        self.conf = path / "tablewatch.yml"
        self.complaint = path / "complaint"
        self._bin = path / "bin"
        self._bin.mkdir()
        self.daemon = self._program(
            "tablewatchd", DAEMON.format(python=sys.executable, path=sys.path)
        )
        for name, text in {"su": SU, "logger": LOGGER, "install": INSTALL, "id": ID}.items():
            self._program(name, text)
        self._program("getcap", GETCAP)
        finder = (HERE / "processes.py").read_text()
        for name in ("pgrep", "pkill"):
            self._program(name, f"#!{sys.executable}\n{finder}")
        moved = {
            "/etc/rc.d/rc.subr": path / "rc.subr",
            "/etc/rc.conf": path / "rc.conf",
            "/var/run/rc.d": path / "rundir",
            "/var/run/tablewatch": self.run,
            "/var/db/tablewatch/incidents": self.incidents,
            "/usr/local/tablewatch/bin/tablewatchd": self.daemon,
            "#!/bin/ksh": f"#!{shell}",
        }
        self.script = path / "tablewatchd"
        for source, copy in ((subr, path / "rc.subr"), (SCRIPT, self.script)):
            text = Path(source).read_text()
            for old, new in moved.items():
                text = text.replace(old, str(new))
            copy.write_text(text)
            copy.chmod(0o755)
        self.flags(f"-f {self.conf}")

    def _program(self, name, text):
        file = self._bin / name
        file.write_text(text)
        file.chmod(0o755)
        return file

    def flags(self, text):
        """Set the daemon's flags as rcctl(8) does."""
        (self.path / "rc.conf.local").write_text(f"tablewatchd_flags={shlex.quote(text)}\n")

    def configure(self, **keys):
        """Write the configuration of the daemon, with its directories where the script makes them.

        The keys of a test come first.
        """
        keys |= {"directory": self.run, "incidents_directory": self.incidents}
        text = "".join(f"  {key}: {value}\n" for key, value in keys.items())
        self.conf.write_text(f"daemon:\n{text}")
        self.conf.chmod(0o644)

    def rc(self, *arguments):
        """Run the script; return its exit status and what it printed to stdout."""
        environment = {**os.environ, "PATH": f"{self._bin}:{os.environ['PATH']}"}
        environment["STAGE"] = str(self.path)
        # Into files: shells that wait for the daemon would keep a pipe open.
        said = self.path / "said"
        with said.open("w") as output, self.complaint.open("w") as errors:
            done = subprocess.run(
                [str(self.script), *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                timeout=120,
                check=False,
                start_new_session=True,
            )
        return done.returncode, said.read_text().strip()

    def pids(self):
        """The daemons that run."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if str(self.daemon).encode() in words[1:2]:
                    found.append(int(entry.name))
        return found

    @property
    def log(self):
        """What went to syslog."""
        file = self.path / "log"
        return file.read_text() if file.exists() else ""

    def installed(self):
        """How install(1) was called."""
        return (self.path / "installed").read_text().splitlines()

    def until(self, condition):
        """Wait for `condition`, however slow the machine."""
        limit = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < limit, f"waited in vain; the log:\n{self.log}"
            time.sleep(0.02)

    def close(self):
        """End what still runs."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self.until(lambda: not self.pids())
