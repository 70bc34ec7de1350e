"""What a simulated run ends with when a promise was broken."""


class Violation(Exception):
    """`invariant`: which promise; `detail`: what was seen. `step`: number of the step, from 0."""

    def __init__(self, invariant, detail):
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant
        self.detail = detail
        self.step = -1
        self.time = 0.0


def ensure(holds, invariant, detail=""):
    """Raise Violation unless it holds."""
    if not holds:
        raise Violation(invariant, detail)
