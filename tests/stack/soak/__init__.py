"""Half an hour of everything at once: ``python -m tests.stack.soak --minutes 30``.

Two real mail servers with supervised tables beside each other, one database behind both, users of
every kind, tools and scrapes; and faults from a seed, one after another with quiet times between
them. Shown is that nothing grows and that every request is accounted for. The parts:

``sessions``, ``crowd``
    what users do, what they ask the tables for by doing it, and many of them at once
``bed``
    a mail server with its tablewatchd
``faults``, ``faults_processes``, ``storm``
    what is done to them, and the order in which it is done
``samples``, ``tools``
    what processes use while all this goes on; those who look at tablewatchd meanwhile
``flat``, ``accounts``, ``secrets``, ``judge``
    what has to be true afterwards
``chart``, ``graphs``, ``page``
    what is shown of it
``run``, ``main``
    all of it, one after the other; the command line
"""
