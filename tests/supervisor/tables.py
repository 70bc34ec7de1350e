"""What the tests of the real program have in common: asking, and looking at its processes."""

import signal

import psutil
from tests.support.smtpd import wait_until

from tablewatch.protocol.messages import Verdict

LOG = "log: {syslog: false}"


def is_error(answer):
    return answer.verdict is Verdict.ERROR


def is_found(answer, key):
    return answer.verdict is Verdict.FOUND and answer.value == b"value of " + key


def events(smtpd):
    """Return what the backends noted."""
    return [event for event, _ in smtpd.workshop.seen()]


def who_answered(smtpd, key):
    """Ask, expect the value; return the pid of the backend that gave it."""
    assert is_found(smtpd.ask(key), key)
    event, pid = [each for each in smtpd.workshop.seen() if each[0].startswith("lookup")][-1]
    assert event == f"lookup {key.decode()}"
    return pid


def spare_of(smtpd):
    """Wait until there is a ready spare; return its pid."""
    wait_until(lambda: "spare is ready" in smtpd.log(), "a spare")
    return smtpd.workshop.pids()[1]


def status(pid):
    try:
        return psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return None


def wait_until_stopped(pid):
    wait_until(lambda: status(pid) == psutil.STATUS_STOPPED, "the backend to be stopped")


def cpu_of(pid):
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def configure(workshop, settings="", dialect="text", **backend):
    """Write our settings and the backend's."""
    text = ", ".join(part for part in (settings, LOG) if part)
    workshop.configure(f"{{{text}}}", protocol=dialect, **backend)


def reload(smtpd, said="configuration read anew"):
    """Send SIGHUP and wait until it was obeyed."""
    before = smtpd.log().count(said)
    smtpd.process.send_signal(signal.SIGHUP)
    wait_until(lambda: smtpd.log().count(said) > before, "the configuration to be read")


def database(workshop, up=True):
    """Bring the fake database up or down; return what `fake_backend.py` is to look at."""
    path = workshop.path / "database"
    path.touch() if up else path.unlink(missing_ok=True)
    return str(path)
