"""What a supervised and a bare run of the demo look like when all goes as it should."""

from tablewatch.cli.demo.measured import Run, Visit
from tablewatch.cli.demo.scenario import sessions


def good_run():
    run = Run("watched", began=100.0, ended=106.0, connections=5, repeat_connections=0)
    run.visits = [
        Visit(session, 100.0 + session.step, 100.1 + session.step, 100.2 + session.step)
        for session in sessions()
    ]
    for visit in run.visits:
        visit.reply = visit.session.expected
    return run


def bare_run():
    run = good_run()
    for visit in run.visits:
        if visit.session.poisoned or visit in run.others():
            visit.answered = visit.reply = None
    run.connections, run.repeat_connections, run.left_over = 20_000, None, [4711]
    return run
