"""The small worlds that the simulator's own tests look at."""

from tests.recsys.simulation.conftest import folder, truth

__all__ = ["folder", "truth"]
