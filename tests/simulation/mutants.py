"""The deliberate bugs that the simulation is to find, each with what it would do to a server.

Where the function a mutant changes is written anew, the mutant has to be, too.
"""

from tests.simulation.mutants_below import KNOWLEDGE, POLICIES, PROTOCOLS
from tests.simulation.mutants_core import CORE

MUTANTS = (*CORE, *POLICIES, *PROTOCOLS, *KNOWLEDGE)
