"""The steps of a script: everything that can happen to a table from outside.

Each is a function of the world and of what stands in the script. A step that can't be, because
there is no such backend or smtpd is gone, does nothing: so any part of a script is a script.
"""

from tests.simulation import administrator, ambush, imsg_wire, lines
from tests.simulation.configs import CONFIGS
from tests.simulation.keys import compose

MOODS = ("well", "down", "frozen", "slow", "refusing", "crowded", "column", "collation")
MEASURES = ("honest", "missing", "partial", "backwards", "boundless")
GARBAGE = {
    "bytes": b"\xff\xfe nonsense\n",
    "part": b"x",
    "answer": b"lookup-result|ffffffff|found|x\n",
    "zeros": b"\0" * 64,
    "handshake": b"register|ready\n",
}
DAMAGE = ("line", "operation", "fields", "control", "overlong", "nothing")

# --- time -----------------------------------------------------------------------------------------


def wait(world, seconds):
    world.pass_time(seconds)


def leap(world, seconds):
    world.leap(seconds)


# --- smtpd ----------------------------------------------------------------------------------------


def greet(world):
    world.ledger.greeted_observing = world.observing
    world.smtpd.greet()


def ask(world, operation, service, nature, number):
    if world.script.version is None and service in ("auth", "unknown"):
        service = "credentials"
    if nature == "torn" and world.script.version not in ("7.6.0", "7.7.0"):
        nature = "good"
    key = None if operation == "fetch" else compose(nature, number, service)
    torn = nature == "torn" and operation != "fetch"
    world.counts[f"key: {nature}"] += 1
    world.smtpd.want(operation, service, key, torn=torn)


def crowd(world, service, nature, number, count):
    for each in range(number, number + count):
        ask(world, "lookup", service, nature, each)


def update(world):
    world.smtpd.want("update", None, None)


def damage(world, kind):
    """smtpd sends what it never should."""
    smtpd, text = world.smtpd, world.script.version is not None
    if not smtpd.welcomed or smtpd.gone or smtpd.waiting:
        return
    if kind == "line":
        if text:
            world.to_core(b"who is there?\n")
        else:
            world.to_core(imsg_wire.message(99, b"who is there?"))
        return
    head = b"table|0.1|1.0|creds|"
    raw = {
        "operation": head + b"guess|credentials|IDENTITY|zqkx\n",
        "fields": head + b"lookup|credentials|IDENTITY\n",
        "control": head + b"lookup|credentials|IDENTITY|zqk\rx\n",
        "overlong": head + b"lookup|credentials|IDENTITY|" + b"zqk" * 30_000 + b"\n",
        "nothing": head + b"lookup|credentials|IDENTITY|zqk\0x\n",
    }[kind]
    if text:
        operation = "guess" if kind == "operation" else "lookup"
        smtpd.want(operation, "credentials", b"zqk", raw=raw)


def close(world):
    world.smtpd_exits()
    world.pass_time(0.01)


# --- the database, and the backends ---------------------------------------------------------------


def mood(world, name):
    world.mood = name
    world.ledger.all_keys_fail = world.ledger.all_keys_fail or name == "collation"
    world.counts[f"mood: {name}"] += 1


def fate(world, name, count):
    """How the next starts go."""
    world.fates.extend([name] * count)


def die(world, number, how):
    process = world.pick(number)
    if process is not None:
        process.die(how)


def hang(world, number):
    process = world.pick(number)
    if process is not None:
        process.hang()


def burn(world, number):
    process = world.pick(number)
    if process is not None:
        process.burning = True


def leak(world, number, what):
    process = world.pick(number)
    if process is not None:
        setattr(process, what, {"memory": 10**10, "descriptors": 1000}[what])


def garble(world, number, what):
    """A backend sends what is no answer, unasked."""
    process = world.pick(number)
    if process is None or not process.alive or process.stopped_at is not None:
        return
    if what == "handshake" and not process.ready:
        return  # that would be a handshake
    if process.halved:
        return  # that might end its answer
    process.damaged = True
    process.write(GARBAGE[what])


def say(world, number, what):
    process = world.pick(number)
    if process is not None and process.alive:
        process.say(*lines.SPONTANEOUS[what])


def flood(world, number, count, kinds):
    process = world.pick(number)
    if process is not None and process.alive:
        process.say(*lines.flood(count, kinds))


def haunt(world, what):
    """A backend that is long gone is heard of again, all at once."""
    gone = [each for each in world.processes.values() if each.ended]
    for process in gone[-2:]:
        world.arrived(process, GARBAGE[what], None, last=False)
        world.heard(process, [lines.GONE, lines.RECONNECT])
        world.lost(process, "exited with status 0")


def measure(world, how):
    world.measures = how
    world.ledger.lied = world.ledger.lied or how in ("boundless", "backwards")


# --- the supervisor -------------------------------------------------------------------------------


def reload(world, name):
    world.ledger.gone_by(CONFIGS[name].defaults)
    if CONFIGS[name].defaults.mode == "observe":
        world.ledger.paused_until = 0.0
    world.begin_reload()
    world.call(world.core.reload, CONFIGS[name])
    world.reloading = False
    world.pass_time(0.0)


def misconfigure(world):
    world.call(lambda now: world.core.misconfigured(["line 3: no such key"], now))


def report(world):
    world.call(lambda now: world.core.report(now, "counters"))


def fail(world):
    """An exception of our own, between two events."""
    ambush.clear(world)
    world.ledger.failed()
    world.call(lambda now: world.core.failed(now, "ValueError"))


def trap(world, place):
    """An exception of our own, the next time the core comes by."""
    ambush.plant(world, place)


STEPS = {
    each.__name__: each
    for each in (
        wait,
        leap,
        greet,
        ask,
        crowd,
        update,
        damage,
        close,
        mood,
        fate,
        die,
        hang,
        burn,
        leak,
        garble,
        say,
        flood,
        haunt,
        measure,
        reload,
        misconfigure,
        report,
        fail,
        trap,
    )
} | administrator.STEPS


def carry_out(world, step):
    """Do one step of a script and check everything."""
    name, *arguments = step
    if world.left:
        return
    world.counts[f"step: {name}"] += 1
    STEPS[name](world, *arguments)
    world.check()
