"""Runs many seeds on several processors, with progress on stderr."""

import multiprocessing
import os
import sys
import time
from collections import Counter

from tests.simulation.plots import script_of
from tests.simulation.run import run

# One run in so many is repeated without tablewatchd's questions: they must make no difference.
COMPARED = 8


def outcome_of(script, *, compare):
    """Run `script`; with `compare`, once more without tablewatchd's questions.

    Return what was violated, empty if nothing was, and the counts.
    """
    outcome = run(script)
    if outcome.violation is not None:
        return str(outcome.violation), outcome.counts
    if compare:
        outcome.counts["compared"] += 1
        if run(script, without=("question",)).transcript != outcome.transcript:
            return "questions change nothing: without them it goes another way", outcome.counts
    return "", outcome.counts


def broken(script, *, compare):
    """Return what was violated; empty if nothing was."""
    return outcome_of(script, compare=compare)[0]


def one(seed):
    """Return the seed, what it violated, and the counts."""
    return seed, *outcome_of(script_of(seed), compare=seed % COMPARED == 0)


def many(seeds, jobs, *, enough=5):
    """Return what `seeds` violated, up to about `enough` of them, and all counts."""
    counts, failed = Counter(), []
    progress = Progress(len(seeds))
    with multiprocessing.Pool(jobs) as pool:
        for seed, found, counted in pool.imap_unordered(one, seeds, chunksize=8):
            counts += counted
            if found:
                failed.append((seed, found))
                progress.done()
                print(f"seed {seed}: {found}", file=sys.stderr, flush=True)
            progress.tell(counts["seeds"], counts["step"], len(failed))
            if len(failed) >= enough:
                pool.terminate()
                break
    progress.done()
    return sorted(failed), counts


class Progress:
    """A line on stderr: rewritten on a terminal, one every ten seconds elsewhere."""

    def __init__(self, total):
        self._total = total
        self._terminal = sys.stderr.isatty()
        self._began = self._told = time.monotonic()

    def tell(self, seeds, steps, failed):
        """Say how far it is, if it was not said just now."""
        now = time.monotonic()
        if now - self._told < (0.2 if self._terminal else 10.0):
            return
        self._told = now
        left = (now - self._began) / max(1, seeds) * (self._total - seeds)
        text = f"{seeds} of {self._total} seeds, {steps} steps, {failed} failed, {left:.0f} s left"
        end = "\x1b[K\r" if self._terminal else "\n"
        print(text, end=end, file=sys.stderr, flush=True)

    def done(self):
        """Leave the line."""
        if self._terminal:
            print("\x1b[K", end="", file=sys.stderr, flush=True)


def processors():
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
