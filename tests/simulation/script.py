"""What happens in one simulated run: a few circumstances and a list of steps, as JSON."""

import json
from dataclasses import asdict, dataclass, field, replace


@dataclass(frozen=True)
class Script:
    """`version` None is the imsg protocol; `seed` is for the core's own dice.

    `cut`: how bytes arrive, whole or in pieces. `unbounded`: the backends never give up retrying.
    `steps`: the name of a step and its arguments, each.
    """

    seed: int
    version: str | None
    config: str
    cut: str = "whole"
    unbounded: bool = True
    auth: bool = False
    clean: bool = False  # nothing is wrong but keys: see invariants.py
    steps: tuple = field(default=())

    def with_steps(self, steps):
        """Return the same with other steps."""
        return replace(self, steps=tuple(steps))

    def dump(self):
        """Return it as JSON, a line per step."""
        fields = asdict(self)
        steps = ",\n".join("    " + json.dumps(list(step)) for step in fields.pop("steps"))
        head = ",\n".join(f"  {json.dumps(key)}: {json.dumps(fields[key])}" for key in fields)
        return f'{{\n{head},\n  "steps": [\n{steps}\n  ]\n}}\n'

    @classmethod
    def load(cls, text):
        """Return the script in `text`. Raises ValueError for anything else."""
        try:
            fields = json.loads(text)
            return cls(**{**fields, "steps": tuple(tuple(each) for each in fields["steps"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"this is no script of a simulation: {error}") from None
