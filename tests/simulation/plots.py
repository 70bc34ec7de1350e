"""From a seed to a script: what kind of trouble it is about, and what happens in it."""

from tests.simulation.configs import ENFORCING, OBSERVING
from tests.simulation.scenes import Plot
from tests.simulation.script import Script

_VERSIONS = (None, None, "7.6.0", "7.6.0", "7.7.0", "7.8.0-portable", "7.9.0", "7.9.0")
_CUTS = ("whole", "whole", "whole", "halves", "bytes")

_SCENES = {
    Plot.poison: 3,
    Plot.outage: 3,
    Plot.deaths: 4,
    Plot.damage: 2,
    Plot.torn: 1,
    Plot.runaways: 3,
    Plot.lost_connections: 1,
    Plot.strangers: 2,
    Plot.crowd: 2,
    Plot.floods: 1,
    Plot.operator: 3,
    Plot.reload: 1,
    Plot.trouble_of_our_own: 1,
    Plot.lost_trial: 1,
    Plot.quiet: 3,
}


def script_of(seed):
    """Return the script of a seed."""
    plot = Plot(seed)
    dice = plot.dice
    kind = dice.random()
    clean = kind < 0.06
    plot.observes = 0.06 <= kind < 0.2
    version = plot.one_of(_VERSIONS)
    config = plot.one_of(sorted(ENFORCING))
    if plot.observes and plot.chance(0.7):
        config = plot.one_of(sorted(OBSERVING))
    if clean:
        config = plot.one_of(("default", "plain", "tiny", "two spares"))
        plot.do("greet")
        plot.do("wait", 0.3)
        for _ in range(dice.randint(10, 60)):
            plot.answered(("poison", "bounded", "good", "good", "bar", "long"), numbers=40)
        plot.steps = [
            ("ask", "lookup", "userinfo", *step[3:]) if step[0] == "ask" else step
            for step in plot.steps
        ]
    else:
        plot.begin()
        scenes = list(_SCENES)
        favourites = dice.sample(scenes, 4)
        for _ in range(dice.randint(2, 9)):
            pool = favourites if plot.chance(0.6) else scenes
            weights = [_SCENES[each] for each in pool]
            dice.choices(pool, weights)[0](plot)
            if plot.chance(0.25):
                plot.do("question")
        if seed % 8 == 3:
            plot.forgiven()
        if seed % 8 == 5:
            plot.blinded()
        if plot.chance(0.2):
            plot.ask()
            plot.do("close")
    return Script(
        seed,
        version,
        config,
        cut=plot.one_of(_CUTS) if not clean else "whole",
        unbounded=plot.chance(0.6),
        auth=version is not None and (plot.chance(0.3) or config == "keys shown"),
        clean=clean,
        steps=tuple(plot.steps),
    )
