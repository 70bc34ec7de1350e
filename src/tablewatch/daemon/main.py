"""The program ``tablewatchd``: options, the process it runs in, signals."""

from __future__ import annotations

import getopt
import os
import signal
import sys
import syslog
import threading
from typing import NamedTuple

from tablewatch import __version__, corefile
from tablewatch.config.loader import load
from tablewatch.config.settings import DEFAULT_CONFIG, Config
from tablewatch.daemon.capacity import take_descriptors
from tablewatch.daemon.log import DEBUG, NORMAL, VERBOSE, Log
from tablewatch.daemon.notify import READY, STOPPING, notify, reloading
from tablewatch.daemon.signals import Signals
from tablewatch.errors import TablewatchError

USAGE = "usage: tablewatchd [-dnv] [-f file]\n"

# A stop takes a fraction of a second. rc.subr(8) and systemd kill what is still there much later;
# whoever waits for a restart should not have to wait for that.
PATIENCE = 10.0

_AS_ROOT = (
    "running as root, which is not needed; stop this and use "
    "rcctl start tablewatchd, or systemctl start tablewatchd"
)


class Options(NamedTuple):
    """The command line."""

    path: str  # of the configuration
    required: bool  # whether it was named, and must be there
    check: bool = False
    verbosity: int = 0

    def read(self) -> Config:
        """Return the configuration. Raises ConfigError."""
        return load(self.path, required=self.required)


def main() -> int:
    """Run the daemon until a signal ends it; return the exit status."""
    options = _options(sys.argv[1:])
    if isinstance(options, int):
        return options
    if options.check:
        return _check(options)
    stream = os.environ.get("JOURNAL_STREAM", "")
    log = Log(options.verbosity, stream=stream)
    try:
        # First of all, and before anything big is loaded: who starts us sees at once if it fails.
        config = options.read()
        _prepare()
        if os.geteuid() == 0:
            log(syslog.LOG_WARNING, _AS_ROOT)
        return _run(config, options, log)
    except TablewatchError as error:
        for line in str(error).splitlines():
            log(syslog.LOG_ERR, line)
    except Exception as error:
        log.failure(error, "tablewatchd")
    return 1


def _options(arguments: list[str]) -> Options | int:
    """Return the options, or the exit status if there is nothing to do."""
    try:
        found, rest = getopt.getopt(arguments, "df:hnv", ["help", "version"])
    except getopt.GetoptError as error:
        print(f"tablewatchd: {error}", file=sys.stderr)
        rest, found = ["?"], []
    flags = dict(found)
    if rest:
        print(USAGE, end="", file=sys.stderr)
        return 1
    if "-h" in flags or "--help" in flags:
        print(USAGE, end="")
        return 0
    if "--version" in flags:
        print(f"tablewatchd {__version__}")
        return 0
    named = flags.get("-f") or os.environ.get("TABLEWATCH_CONFIG")
    verbosity = DEBUG if "-d" in flags else VERBOSE if "-v" in flags else NORMAL
    # Found again after the process has gone to /.
    path = os.path.abspath(named) if named else DEFAULT_CONFIG
    return Options(path, named is not None, "-n" in flags, verbosity)


def _check(options: Options) -> int:
    """Say whether the configuration can be used, and return the exit status.

    Files are read and nothing else is touched, so a daemon that runs is not disturbed.
    """
    try:
        daemon = options.read().daemon
        from tablewatch.daemon.web.access import Access  # noqa: PLC0415 - loads what TLS needs

        Access(daemon.listen, daemon.web_config)
    except TablewatchError as error:
        for line in str(error).splitlines():
            print(line, file=sys.stderr)
        return 1
    print("configuration OK", file=sys.stderr)
    return 0


def _prepare() -> None:
    """Make this process what a daemon should be."""
    os.umask(0o077)
    os.chdir("/")
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass  # a socket of ours in the place of a closed stderr would get the log
    os.close(descriptor)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    corefile.refuse()
    take_descriptors()


def _run(config: Config, options: Options, log: Log) -> int:
    """Serve until a signal, or a defect, ends it; return the exit status."""
    signals = Signals()
    signals.expect(signal.SIGHUP)
    failed: list[str] = []

    def end(failure: threading.ExceptHookArgs) -> None:
        """One of the threads has died: half a daemon is worse than one that is started anew."""
        name = failure.thread.name if failure.thread else "a thread"
        log.failure(failure.exc_value or failure.exc_type(), name)
        failed.append(name)
        signals.wake()

    threading.excepthook = end
    from tablewatch.daemon.service import Service  # noqa: PLC0415 - loads the web server and all

    service = Service(config, log)
    service.start()
    if config.daemon.confine:
        from tablewatch.daemon.confinement import confine  # noqa: PLC0415 - for who wants it

        confine(config.daemon, config.path, log)
    # Not before: until here there is nothing to put in order, and a signal just ends the process.
    signals.expect(signal.SIGTERM, signal.SIGINT)
    notify(READY)
    come: set[signal.Signals] = set()
    while not failed and not come - {signal.SIGHUP}:
        come = signals.wait()
        if signal.SIGHUP in come:
            notify(reloading())
            try:
                service.reload(options.read)
            except Exception as error:
                log.failure(error, "a reload")
            notify(READY)
    notify(STOPPING)
    why = ", ".join(sorted(each.name for each in come) + [f"no {each}" for each in failed])
    log(syslog.LOG_INFO, f"stopping ({why})")
    _limit(log)
    service.close()
    return 1 if failed else 0


def _limit(log: Log) -> None:
    """End the process the hard way if it is still there after a while."""

    def end() -> None:
        log(syslog.LOG_ERR, f"not stopped after {PATIENCE:g} s; leaving without further ado")
        os._exit(1)

    timer = threading.Timer(PATIENCE, end)
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    sys.exit(main())
