"""Finds, for each mutant, seeds that notice it, and writes them down for the test.

``python -m tests.simulation.find_mutants``: after a change of the simulation, or of what the
mutants change. The cheapest seeds are kept, more of them than the test needs.
"""

import json
import multiprocessing
import sys
import time
from pathlib import Path

from tests.simulation.many import processors
from tests.simulation.mutants import MUTANTS
from tests.simulation.mutation import finds

FOUND = Path(__file__).with_name("mutants.json")
KEPT = 3
_TRIED = 300
_ENOUGH = 3
_RARE = 60  # after so many seeds one that was found is enough


def search(number):
    """Return what was found of one mutant: the cheapest seeds, and how many were tried."""
    found = []
    for seed in range(_TRIED):
        began = time.process_time()
        if finds(MUTANTS[number], seed):
            found.append((time.process_time() - began, seed))
        if len(found) >= _ENOUGH or (found and seed > _RARE):
            break
    return number, [seed for _, seed in sorted(found)[:KEPT]], seed + 1


def main():
    """Search for all, or for those whose sentences hold one of the words given."""
    words = sys.argv[1:]
    numbers = [
        number
        for number, each in enumerate(MUTANTS)
        if not words or any(word in each.sentence for word in words)
    ]
    known = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    known = {each.sentence: known.get(each.sentence, []) for each in MUTANTS}
    with multiprocessing.Pool(processors()) as pool:
        for number, seeds, tried in pool.imap_unordered(search, numbers):
            sentence = MUTANTS[number].sentence
            known[sentence] = seeds
            told = f"{len(seeds)} seeds kept of {tried}" if seeds else f"SURVIVES {tried} seeds"
            print(f"{told}: {sentence}", file=sys.stderr, flush=True)
    FOUND.write_text(json.dumps(known, indent=1) + "\n")
    survivors = [sentence for sentence, seeds in known.items() if not seeds]
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
