"""The program ``check_tablewatch``: ask, judge, say, and exit with the state, whatever happens."""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass, field

from tablewatch.cli.check import wording
from tablewatch.cli.check.judgement import judge
from tablewatch.cli.check.options import Options, UsageError, parse
from tablewatch.cli.check.perfdata import Perfdata
from tablewatch.cli.check.sources import status
from tablewatch.cli.check.states import State
from tablewatch.control.figures import age, several, took
from tablewatch.errors import ControlError, DaemonAbsent, DaemonSilent


@dataclass(frozen=True, slots=True)
class _Outcome:
    state: State
    said: str
    below: list[str] = field(default_factory=list)
    perfdata: list[Perfdata] = field(default_factory=list)


def main(argv: list[str] | None = None) -> int:
    """Check by the command line `argv` (default: ours); return the state as exit status."""
    try:
        outcome = _timed(parse(sys.argv[1:] if argv is None else argv))
    except UsageError as error:
        outcome = _Outcome(State.UNKNOWN, str(error), ["See: check_tablewatch --help"])
    except SystemExit:  # argparse has printed the help, or the version
        _say("")
        return State.UNKNOWN
    except KeyboardInterrupt:
        outcome = _Outcome(State.UNKNOWN, "interrupted")
    except Exception as error:
        outcome = _unforeseen(error)
    _say(wording.output(outcome.state, outcome.said, outcome.below, outcome.perfdata))
    return outcome.state


def _timed(options: Options) -> _Outcome:
    """Check in a thread: a resolver that hangs, for one, can't be interrupted in any other way."""
    outcomes: list[_Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(_check(options)), daemon=True)
    thread.start()
    thread.join(options.seconds)
    return outcomes[0] if outcomes else _late(options)


def _check(options: Options) -> _Outcome:
    began = time.monotonic()
    try:
        host, where = status(options)
        elapsed = time.monotonic() - began
        judgement = judge(host, options)
        below = wording.details(judgement, options.verbose)
        if options.verbose > 2:
            daemon = host.daemon
            below += [
                f"asked {where}, {took(elapsed)}; tablewatchd {daemon.release}, pid {daemon.pid}, "
                f"for {age(daemon.age)}, {several(daemon.supervisors, 'supervisor')}"
            ]
        return _Outcome(judgement.state, wording.summary(judgement), below, judgement.perfdata)
    except DaemonSilent:
        return _late(options)
    except DaemonAbsent as error:
        return _Outcome(State.CRITICAL, "tablewatchd can't be reached", [str(error)])
    except ControlError as error:
        return _Outcome(State.UNKNOWN, str(error))
    except Exception as error:
        return _unforeseen(error)


def _late(options: Options) -> _Outcome:
    where = options.url or options.socket or "its control socket"
    todo = f"asked {where}; look at the log of tablewatchd, then restart it"
    return _Outcome(options.late, f"no answer within {options.seconds:g} s", [todo])


def _unforeseen(error: Exception) -> _Outcome:
    said = f"unforeseen {type(error).__name__}: {error}"
    return _Outcome(State.UNKNOWN, said, ["This is a mistake in check_tablewatch; report it."])


def _say(text: str) -> None:
    """Print it. A reader that has left changes nothing about the state."""
    out = sys.stdout
    if out is None:  # closed by whoever started us
        return
    try:
        if hasattr(out, "reconfigure"):
            out.reconfigure(errors="backslashreplace")
        out.write(text)
        out.flush()
    except OSError:
        # Nothing may be written at exit, either: Python would change the exit status.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


if __name__ == "__main__":
    sys.exit(main())
