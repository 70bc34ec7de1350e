"""Runs the fuzz targets, each for so many seconds; see docs/fuzzing.md.

Exit code 0 if nothing was found, 1 if something was, 2 if it could not be run.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import textwrap
import traceback
from pathlib import Path

from tests.fuzz import chance_engine, coverage_engine
from tests.fuzz.outcome import Job, Outcome
from tests.fuzz.progress import Progress
from tests.fuzz.shrink import failure, shrunk
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

_ENGINES = {coverage_engine.NAME: coverage_engine, chance_engine.NAME: chance_engine}
_WORK = Path("build") / "fuzz"


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; return the exit code."""
    options = _options(arguments)
    if options.list:
        for target in TARGETS.values():
            print(f"{target.name}  ({len(target.corpus())} inputs kept)")
            print(textwrap.fill(target.invariant, 78, initial_indent="  ", subsequent_indent="  "))
        return 0
    unknown = sorted(set(options.target) - TARGETS.keys())
    if unknown:
        print(f"no target {', '.join(unknown)}; --list shows which there are", file=sys.stderr)
        return 2
    targets = [TARGETS[name] for name in options.target] or list(TARGETS.values())
    if options.replay:
        return _replay(targets, options.replay)
    if options.engine == coverage_engine.NAME and not coverage_engine.available():
        print("atheris is not installed: pip install atheris (Linux, x86-64)", file=sys.stderr)
        return 2
    try:
        return _run(targets, options)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 2


def _options(arguments: list[str] | None) -> argparse.Namespace:
    best = coverage_engine if coverage_engine.available() else chance_engine
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="per target (60)")
    parser.add_argument("--target", action="append", default=[], metavar="NAME", help="only this")
    parser.add_argument("--list", action="store_true", help="show the targets and end")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="give the targets this input")
    parser.add_argument(
        "--engine", choices=_ENGINES, default=best.NAME, help=f"default here: {best.NAME}"
    )
    parser.add_argument(
        "--work", type=Path, default=_WORK, metavar="DIR", help=f"for what turns up ({_WORK})"
    )
    return parser.parse_args(arguments)


def _run(targets: list[Target], options: argparse.Namespace) -> int:
    engine = _ENGINES[options.engine]
    job = Job(options.seconds, options.work)
    many = "s" * (len(targets) != 1)
    print(f"{len(targets)} target{many}, {options.seconds:g} s each, with {engine.NAME}")
    findings = troubles = 0
    for target in targets:
        progress = Progress(target.name)
        outcome = engine.fuzz(target, job, progress.tell)
        progress.end(outcome)
        findings += outcome.finding is not None
        if outcome.trouble:
            troubles += 1
            print(f"  {outcome.trouble}", file=sys.stderr)
        if outcome.finding is not None:
            _report(target, outcome, job.work)
    print(f"{findings or 'no'} finding{'s' * (findings != 1)}")
    return 1 if findings else 2 if troubles else 0


def _report(target: Target, outcome: Outcome, work: Path) -> None:
    """Keep the finding, as small as it gets, and say how to see it again."""
    assert outcome.finding is not None
    data = shrunk(target.check, outcome.finding)
    folder = work / "findings" / target.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(data).hexdigest()[:12]
    path.write_bytes(data)
    error = failure(target.check, data)
    if error is None:
        said = f"not reproduced: it took longer than a run may take, or its memory ({work}/*.log)"
    else:
        said = "".join(traceback.format_exception_only(error)).strip()
    print(textwrap.indent(said[:2000], "  "))
    print(f"  {len(data)} bytes in {path}; to see it again:")
    print(f"  python -m tests.fuzz --target {target.name} --replay {path}")
    print(f"  once it is mended, keep it: cp {path} {target.folder}/WHAT-IT-WAS")


def _replay(targets: list[Target], path: Path) -> int:
    try:
        data = path.read_bytes()
    except OSError as error:
        print(f"can't read {path}: {error.strerror}", file=sys.stderr)
        return 2
    broken = 0
    for target in targets:
        why = failure(target.check, data)
        broken += why is not None
        print(f"{target.name}: {'holds' if why is None else 'broken'}")
        if why is not None:
            traceback.print_exception(why)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
