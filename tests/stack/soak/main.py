"""The command line of the soak."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ..requirements import missing
from ..smtpd import FLAVOURS
from ..world import StackError
from . import graphs, page
from .judge import judge
from .run import Plan, soak

DESCRIPTION = """\
Two real mail servers under a mixed load, and faults from a seed, one after another; then what has
to be true of it all is judged. Exit status: 0 if all of it is, 1 if not, or if the run failed.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Soak, judge, show and write."""
    args = _parser().parse_args(argv)
    flavours = [args.flavour] if args.flavour else sorted(FLAVOURS)
    lacking = [each for flavour in flavours for each in missing(flavour)]
    if lacking:
        print(f"The real stack can't be run here; missing: {'; '.join(lacking)}", file=sys.stderr)
        return 1
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {text}", flush=True)

    say(f"{args.minutes:g} minutes, seed {args.seed}: {', '.join(flavours)}")
    try:
        soaked = soak(Plan(args.seed, args.minutes * 60, flavours), say)
    except StackError as error:
        print(f"The run failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted: everything was ended, nothing is judged or written", file=sys.stderr)
        return 130
    judged = judge(soaked)
    say("done")
    print("\n" + page.text(soaked, judged))
    if args.write:
        images = args.write.parent / "images"
        images.mkdir(parents=True, exist_ok=True)
        graphs.write(soaked, images)
        args.write.write_text(page.markdown(soaked, judged), encoding="utf-8")
        print(f"written to {args.write}")
    return 0 if all(each.right for each in judged) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.stack.soak", description=DESCRIPTION)
    parser.add_argument("--minutes", type=_minutes, default=30.0, metavar="N", help="default: 30")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="default: 1")
    parser.add_argument(
        "--flavour", choices=sorted(FLAVOURS), help="one mail server alone; default: both"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page as Markdown")
    return parser


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes up to a day's 1440")
    return minutes
