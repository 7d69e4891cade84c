"""Figures of the planning model: proven gaps at province size, beside greedy, HiGHS on the whole model, and MCLP.

    python -m benchmarks.openings [--quick] [--out FILE.json]

spopt lives in an environment of its own (`SPOPT_PYTHON`, the path of its interpreter); without it that row says so.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.placement_instances import province
from recsys.errors import FitError
from recsys.placement.greedy import solve_greedy
from recsys.placement.instance import Placement, PlacementInstance
from recsys.placement.solve import solve
from recsys.placement.tight import solve_whole
from tests.recsys.placement.test_solve import instance as small_instance


def _row(task: str, plan: Placement, cpu: float) -> dict[str, Any]:
    gap = f"{plan.gap:.4%}" if np.isfinite(plan.bound) else "-"
    print(f"{task:44s} {plan.method:12s} value {plan.objective:12.2f} gap {gap:>9s} "
          f"{plan.seconds:7.1f} s ({cpu:7.1f} s CPU)", flush=True)  # fmt: skip
    return {"task": task, "method": plan.method, "value": plan.objective, "gap": plan.gap, "bound": plan.bound,
            "seconds": plan.seconds, "cpu_seconds": cpu, "classes": int(plan.classes.sum())}  # fmt: skip


def _timed(task: str, answer: Any, rows: list[dict[str, Any]]) -> None:
    began = time.process_time()
    try:
        plan = answer()
    except FitError as failure:
        print(f"{task:44s} {failure}", flush=True)
        rows.append({"task": task, "failed": str(failure)})
        return
    rows.append(_row(task, plan, time.process_time() - began))


def small_instances(n: int) -> dict[str, Any]:
    equal = 0
    for seed in range(n):
        one = small_instance(1000 + seed, n_points=30, n_categories=3, n_venues=int(4 + seed % 9))
        exact, blocks = solve_whole(one, 60.0, 1e-9), solve(one, 60.0, 1e-8)
        equal += abs(exact.objective - blocks.objective) <= 1e-4
    print(f"small instances: equal to the exact optimum on {equal} of {n}", flush=True)
    return {"task": "small instances", "equal": equal, "n": n}


def mclp(one: PlacementInstance, n_sites: int) -> dict[str, Any]:
    """The uncapacitated case of one category, demand covered within reach or not, beside spopt's MCLP."""
    free = replace(
        one,
        demand=one.demand[:, :1],
        pair_weight=np.ones(len(one.pair_point)),
        seats=np.full(one.n_venues, one.demand[:, 0].sum()),
        slots=np.ones(one.n_venues, dtype=np.int64),
        cost=np.ones((1, one.n_venues)),
        allowed=np.ones((1, one.n_venues), dtype=bool),
        teachers=np.full(1, np.inf),
        budget=float(n_sites),
    )
    plan = solve(free, 60.0, 1e-7)
    answer = {"task": f"uncapacitated, {n_sites} sites", "value": plan.objective, "seconds": plan.seconds}
    python = os.environ.get("SPOPT_PYTHON")
    if python is None:
        answer["spopt"] = "not run: SPOPT_PYTHON is not set"
    else:
        far = np.full((len(free.demand), free.n_venues), 9.0)
        far[free.pair_point, free.pair_venue] = 0.5
        script = (
            "import sys,json,time,numpy as np,pulp;from spopt.locate import MCLP;z=np.load(sys.argv[1]);t=time.time();"
            "m=MCLP.from_cost_matrix(z['cost'],z['weight'],1.0,p_facilities=int(z['p']));"
            "m=m.solve(pulp.PULP_CBC_CMD(msg=False));print(json.dumps([float(m.problem.objective.value()),time.time()-t]))"
        )
        file = Path(os.environ.get("TMPDIR", "/tmp")) / f"mclp-{os.getpid()}.npz"
        np.savez(file, cost=far, weight=free.demand[:, 0], p=n_sites)
        done = subprocess.run([python, "-c", script, str(file)], capture_output=True, text=True, check=False)
        file.unlink()
        lines = done.stdout.strip().splitlines()
        answer["spopt"] = json.loads(lines[-1]) if done.returncode == 0 else done.stderr.strip().splitlines()[-1]
    print(answer, flush=True)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time and of the size")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--no-rivals", action="store_true", help="without HiGHS on the whole model")
    given = parser.parse_args()
    part = 0.1 if given.quick else 1.0
    size = {"n_points": int(1853 * part), "n_venues": int(500 * part)}
    rows: list[dict[str, Any]] = [small_instances(20 if given.quick else 200)]
    plain, city, county = province(1, **size)
    fair = plain.relative_floor(city, np.full(16, 0.15)).relative_floor(county, np.full(county.max() + 1, 0.08))
    many, _, _ = province(1, **{**size, "n_venues": int(2000 * part)})
    for name, one, seconds, gap in (
        ("budget, 500 venues", plain, 120.0, 2e-4),
        ("equity by city and county, 500 venues", fair, 300.0, 5e-3),
        ("budget, 2,000 venues", many, 600.0, 5e-3),
    ):
        limit = max(seconds * part, 20.0)
        _timed(name, lambda one=one: solve_greedy(one), rows)
        _timed(name, lambda one=one, limit=limit, gap=gap: solve(one, limit, gap), rows)
        if not given.no_rivals:
            _timed(name, lambda one=one, limit=limit, gap=gap: solve_whole(one, limit, gap), rows)
    rows.append(mclp(plain, max(int(60 * part), 5)))
    if given.out is not None:
        given.out.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
