"""Runs many scenarios of the whole system, with fresh seeds in every run.

`python -m tests.simulation.system --seeds 20000`
"""

import sys

from tests.simulation.command_line import Simulation
from tests.simulation.system.reconciliation import play_all
from tests.simulation.system.scenario import Scenario

SIMULATION = Simulation("tests.simulation.system", "simulate-system", str(__doc__), Scenario, play_all, seeds=20_000)

if __name__ == "__main__":
    sys.exit(SIMULATION.main())
