"""pgrep(1) and pkill(1) of OpenBSD as far as rc.subr(8) uses them, for one directory's processes.

Run as pgrep or pkill with STAGE in the environment; a pattern matches only processes that have
that directory in their command line, so nothing else on the machine can be meant.
"""

import os
import re
import signal
import sys
from pathlib import Path


def main():
    name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
    number, pattern, parent = signal.SIGTERM, None, None
    while arguments:
        option = arguments.pop(0)
        if option == "-xf":
            pattern = re.compile(arguments.pop(0))
        elif option == "-P":
            parent = int(arguments.pop(0))
        elif option == "-T":
            arguments.pop(0)
        elif option != "-q":
            word = option[1:]
            number = int(word) if word.isdigit() else signal.Signals[f"SIG{word}"]
    found = [
        pid
        for pid, words, its_parent in running()
        if (parent is None or its_parent == parent)
        and (pattern is None or (pattern.fullmatch(words) and os.environ["STAGE"] in words))
    ]
    for pid in found if name == "pkill" else ():
        os.kill(pid, number)
    return 0 if found else 1


def running():
    """Yield pid, command line and parent of each process but ourselves; zombies have no line."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode()
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, UnicodeDecodeError):
            continue
        if words:
            yield int(entry.name), words, parent


if __name__ == "__main__":
    sys.exit(main())
