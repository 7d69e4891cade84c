"""Maximal covering with spopt, run by the interpreter of its own environment.

python run_spopt.py INSTANCE.npz: `cost` (n_points, n_sites), `weight` (n_points,), `sites` to open; people within
cost 1 are covered. Prints JSON: `value`, `seconds` (building the model included), `solver`.
"""

import json
import sys
import time

import numpy as np
import pulp
from spopt.locate import MCLP


def main() -> None:
    """Solves one instance with CBC, spopt's usual solver."""
    with np.load(sys.argv[1], allow_pickle=False) as given:
        cost, weight, sites = given["cost"], given["weight"], int(given["sites"])
    began = time.perf_counter()
    model = MCLP.from_cost_matrix(cost, weight, 1.0, p_facilities=sites)
    model = model.solve(pulp.PULP_CBC_CMD(msg=False))
    seconds = time.perf_counter() - began
    value = float(pulp.value(model.problem.objective))
    sys.stdout.write(json.dumps({"value": value, "seconds": seconds, "solver": "CBC"}) + "\n")


if __name__ == "__main__":
    main()
