"""``python -m tests.simulation``: the core against a simulated world; see docs/simulation.md."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.simulation.coverage import kinds, transitions
from tests.simulation.many import many, processors
from tests.simulation.plots import script_of
from tests.simulation.run import run
from tests.simulation.script import Script
from tests.simulation.shrink import shrink


def main(arguments=None):
    """Run it; return 1 where a promise was broken."""
    options = _options(arguments)
    if options.replay is not None:
        try:
            script = Script.load(Path(options.replay).read_text())
        except (OSError, ValueError) as error:
            print(f"{options.replay}: {error}; give a script that was printed", file=sys.stderr)
            return 2
        return _tell(script, f"--replay {options.replay}")
    if options.seed is not None:
        return _tell(script_of(options.seed), f"seed {options.seed}")
    began = time.monotonic()
    seeds = range(options.first, options.first + options.seeds)
    failed, counts = many(seeds, options.jobs)
    took = time.monotonic() - began
    print(
        f"{counts['seeds']} seeds in {took:.0f} s: {counts['step']} steps, "
        f"{counts['tick']} wake-ups, {len(failed)} failed"
    )
    _tell_coverage(counts)
    for seed, text in failed:
        print(f"seed {seed}: {text}")
    if failed:
        _tell(script_of(failed[0][0]), f"seed {failed[0][0]}")
    return 1 if failed else 0


def _tell(script, name):
    """Run one script; if it fails, print the shortest one that fails in the same way."""
    violation = run(script).violation
    if violation is None:
        print(f"{name}: every promise was kept")
        return 0
    print(f"{name}: step {violation.step}, after {violation.time:.3f} s: {violation}")
    shorter = shrink(script, violation)
    again = run(shorter).violation
    path = Path(tempfile.gettempdir()) / f"simulation-{script.seed}.json"
    path.write_text(shorter.dump())
    print(f"shortest: {len(shorter.steps)} of {len(script.steps)} steps: {again}")
    print(shorter.dump())
    print(f"run it again: python -m tests.simulation --replay {path}")
    return 1


def _tell_coverage(counts):
    """Print how often everything happened."""
    print("How often each step, state of affairs and transition came up:")
    for name in (*kinds(), *transitions()):
        print(f"  {counts[name]:>9}  {name}")


def _options(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many; default: 200")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--replay", metavar="FILE", help="a script that was printed before")
    parser.add_argument(
        "--jobs", type=int, default=processors(), help="at a time; default: one per processor"
    )
    options = parser.parse_args(arguments)
    if options.seeds < 1 or options.jobs < 1 or options.first < 0:
        parser.error("--seeds and --jobs are at least 1, --first at least 0")
    return options


if __name__ == "__main__":
    sys.exit(main())
