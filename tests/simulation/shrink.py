"""Makes a script that breaks a promise as short as it can be, and still break the same one."""

from dataclasses import replace

from tests.simulation.run import run


def shrink(script, violation, *, tries=600):
    """Return the shortest script found that violates the same invariant."""
    hunt = _Hunt(violation.invariant, tries)
    script = hunt.best(script, script.with_steps(script.steps[: violation.step + 1]))
    size = max(1, len(script.steps) // 2)
    while size:
        before = len(script.steps)
        script = hunt.without_pieces(script, size)
        if size == 1 and len(script.steps) == before:
            break
        size = max(1, size // 2)
    for plainer in ({"cut": "whole"}, {"unbounded": False}, {"auth": False}, {"config": "default"}):
        script = hunt.best(script, replace(script, **plainer))
    return script


class _Hunt:
    """Tries scripts, a limited number of them."""

    def __init__(self, invariant, tries):
        self._invariant = invariant
        self._left = tries

    def best(self, script, shorter):
        """Return `shorter` if it fails in the same way."""
        if self._left <= 0 or shorter == script:
            return script
        self._left -= 1
        found = run(shorter).violation
        return shorter if found is not None and found.invariant == self._invariant else script

    def without_pieces(self, script, size):
        """Leave out pieces of so many steps wherever that can be, from the end on."""
        at = len(script.steps) - size
        while at > -size:
            start = max(0, at)
            script = self.best(
                script, script.with_steps(script.steps[:start] + script.steps[at + size :])
            )
            at -= size
        return script
