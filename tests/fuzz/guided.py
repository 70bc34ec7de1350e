"""One target, led by the coverage of src/tablewatch: atheris (libFuzzer).

Run in a process of its own, as libFuzzer ends the one it is in::

    python -m tests.fuzz.guided NAME [libFuzzer's arguments]
"""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    """Fuzz until libFuzzer's arguments say that it is enough."""
    name, *arguments = sys.argv[1:]
    atheris = importlib.import_module("atheris")
    # What is imported from here on tells where it has been.
    with atheris.instrument_imports(include=["tablewatch"]):
        targets = importlib.import_module("tests.fuzz.targets")
    atheris.Setup([sys.argv[0], *arguments], targets.TARGETS[name].check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
