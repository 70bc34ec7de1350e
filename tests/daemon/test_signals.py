import subprocess
import sys

# The process of the tests has signals of its own; each of these runs in one of its own.
START = """
import os, signal, sys
from tablewatch.daemon.signals import Signals
signals = Signals()
"""


def run(text):
    return subprocess.run(
        [sys.executable, "-c", START + text], capture_output=True, text=True, check=False
    )


def test_expected_signals_come_one_after_the_other():
    done = run("""
signals.expect(signal.SIGHUP, signal.SIGTERM)
for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
    os.kill(os.getpid(), number)
    print(*(each.name for each in signals.wait()))
""")
    assert done.stdout.split() == ["SIGHUP", "SIGHUP", "SIGTERM"]


def test_a_signal_that_came_before_anybody_waited_is_not_lost():
    done = run("""
signals.expect(signal.SIGHUP)
os.kill(os.getpid(), signal.SIGHUP)
signals.expect(signal.SIGTERM)
os.kill(os.getpid(), signal.SIGTERM)
print(sorted(each.name for each in signals.wait()))
""")
    assert done.stdout == "['SIGHUP', 'SIGTERM']\n"


def test_others_do_what_they_always_do():
    assert run("os.kill(os.getpid(), signal.SIGTERM)").returncode == -15


def test_a_signal_that_was_ignored_by_who_started_us_is_heard():
    done = run("""
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signals.expect(signal.SIGHUP)
os.kill(os.getpid(), signal.SIGHUP)
print(*(each.name for each in signals.wait()))
""")
    assert done.stdout == "SIGHUP\n"


def test_a_thread_may_be_hit_and_the_main_thread_hears_of_it():
    done = run("""
import threading
signals.expect(signal.SIGHUP)
threading.Thread(target=lambda: signal.raise_signal(signal.SIGHUP)).start()
print(*(each.name for each in signals.wait()))
""")
    assert done.stdout == "SIGHUP\n"


def test_however_many_come_meanwhile_each_kind_is_heard_once():
    done = run("""
signals.expect(signal.SIGHUP, signal.SIGTERM)
for _ in range(10_000):
    os.kill(os.getpid(), signal.SIGHUP)
os.kill(os.getpid(), signal.SIGTERM)
print(sorted(each.name for each in signals.wait()))
os.kill(os.getpid(), signal.SIGHUP)
print(sorted(each.name for each in signals.wait()))
""")
    assert (done.stdout, done.stderr) == ("['SIGHUP', 'SIGTERM']\n['SIGHUP']\n", "")


def test_waiting_can_be_ended_without_a_signal():
    done = run("""
import threading
threading.Timer(0, signals.wake).start()
print(signals.wait())
for _ in range(100_000):
    signals.wake()
print(signals.wait())
""")
    assert (done.stdout, done.stderr) == ("set()\nset()\n", "")


def test_waiting_is_ended_by_a_signal_from_outside():
    done = subprocess.Popen(
        [
            sys.executable,
            "-c",
            START
            + """
signals.expect(signal.SIGTERM)
print("ready", flush=True)
print(*(each.name for each in signals.wait()))
""",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with done:
        assert done.stdout.readline() == "ready\n"
        done.terminate()
        assert done.stdout.read() == "SIGTERM\n"
