"""Runs many scenarios of the projector, with fresh seeds in every run.

`python -m tests.simulation.projector --seeds 100000`
"""

import sys

from tests.simulation.command_line import Simulation
from tests.simulation.projector.scenario import Scenario, play


def play_all(seeds: range) -> None:
    for seed in seeds:
        play(seed)


SIMULATION = Simulation("tests.simulation.projector", "simulate", str(__doc__), Scenario, play_all, seeds=10_000)

if __name__ == "__main__":
    sys.exit(SIMULATION.main())
