"""Every fault on the real stack, bare beside supervised: ``python -m tests.stack.faults``.

The protocols have a database and a mail server each, so both are done at the same time.
``--write FILE`` writes what was seen down as Markdown; that is where docs/faults.md comes from.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from textwrap import fill, indent

from .. import install
from ..compare import Stack
from ..requirements import missing
from ..smtpd import FLAVOURS
from .catalogue import FAULTS, PARTS
from .fault import Fault
from .judgement import verdict
from .lane import Lane, lane
from .page import markdown, sentence, unsurvived
from .seen import Seen, keep, kept
from .trial import Trial

Say = Callable[[str], None]


def main() -> int:
    """Do the faults and show what became of the mail servers."""
    args = arguments()
    wanted = [fault for fault in FAULTS if not args.only or fault.name in args.only]
    if args.list:
        for fault in wanted:
            print(fault.name, indent(fill(sentence(fault.words), 76), "    "), sep="\n")
        return 0
    flavours = [args.flavour] if args.flavour else sorted(FLAVOURS)
    lacking = [each for flavour in flavours for each in missing(flavour)]
    if lacking:
        print(f"The real stack can't be run here; missing: {'; '.join(lacking)}", file=sys.stderr)
        return 1
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {text}", flush=True)

    found = Results(args.keep)
    with tempfile.TemporaryDirectory(prefix="tablewatch-faults-") as name, ExitStack() as stack:
        directory = Path(name)
        directory.chmod(0o755)
        say("installing")
        wheel = install.build_wheel(directory / "wheel")
        lanes = [stack.enter_context(lane(each, directory, wheel)) for each in flavours]
        versions = {
            each.flavour: Stack(directory, each.database, {}).versions(each.flavour)
            for each in lanes
        }
        todo = [
            (each, [one for one in cells(each, wanted) if args.only or not found.has(each, *one)])
            for each in lanes
        ]
        say(f"{sum(len(each) for _, each in todo)} to do, {len(todo)} at a time")
        side_by_side([partial(do_all, here, each, found, say) for here, each in todo])
    say("done")
    if args.write:
        args.write.write_text(markdown(PARTS, found.seen, versions), encoding="utf-8")
        print(f"written to {args.write}")
    failed = unsurvived(PARTS, found.seen)
    print(f"{len(failed)} supervised mail servers did not survive unexplained", *failed, sep="\n  ")
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    """What was asked for; ends with a message when that can't be."""
    parser = argparse.ArgumentParser(prog="python -m tests.stack.faults", description=__doc__)
    names = [fault.name for fault in FAULTS]
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=names, help="only these")
    parser.add_argument("--flavour", choices=sorted(FLAVOURS), help="only one protocol")
    parser.add_argument("--list", action="store_true", help="tell what there is, do nothing")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the result as Markdown")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FILE",
        help="what was seen is kept there; what is there is not done again, but for --only",
    )
    return parser.parse_args()


class Results:
    """What was seen, in a file if there is one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.seen = kept(path) if path else []

    def add(self, new: Seen) -> None:
        """Add it, in place of what was seen of the same before."""
        with self._lock:
            self.seen = [each for each in self.seen if _of(each) != _of(new)] + [new]
            if self._path:
                keep(self._path, self.seen)

    def has(self, here: Lane, fault: Fault, supervised: bool) -> bool:
        """Whether it was done already."""
        return (fault.name, here.flavour, supervised) in map(_of, self.seen)


def _of(seen: Seen) -> tuple[str, str, bool]:
    return seen.fault, seen.flavour, seen.supervised


def cells(here: Lane, wanted: Iterable[Fault]) -> list[tuple[Fault, bool]]:
    """Which faults to do to one flavour's mail servers, and whether supervised."""
    return [
        (fault, supervised)
        for fault in wanted
        if here.flavour in fault.flavours
        for supervised in (False, True)
        if supervised or not fault.only_supervised
    ]


def do_all(here: Lane, todo: Iterable[tuple[Fault, bool]], found: Results, say: Say) -> None:
    """Do faults to one flavour's mail servers, one after another."""
    for fault, supervised in todo:
        seen = Trial(here, fault, supervised).run()
        side = "tablewatch" if supervised else "bare"
        told = seen.broken.partition("\n")[0] or verdict(fault, seen)
        say(f"{fault.name}: {here.flavour}, {side}: {told}")
        found.add(seen)
        here.restore()


def side_by_side(jobs: Sequence[Callable[[], None]]) -> None:
    """Do all jobs at the same time; raise what one of them raised."""
    errors: list[Exception] = []

    def do(job: Callable[[], None]) -> None:
        try:
            job()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=do, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


if __name__ == "__main__":
    sys.exit(main())
