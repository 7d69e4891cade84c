"""Figures of the planning model: proven gaps at province size, beside greedy, HiGHS on the whole model, and MCLP.

    python -m benchmarks.openings [--quick] [--only WORDS] [--rivals limit|taken|none] [--hard] [--seeds 1-3]
        [--out FILE.json]

HiGHS on the whole tightened model (one thread) gets the same limit, or with `--rivals taken` the time that our plan
took. `--only cities`: plans of single cities alone. spopt is installed into an environment of its own. `--hard`
adds the same tasks with people reached over 12 km.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.counties import seeds_of
from benchmarks.openings.placement_instances import part_of, province
from benchmarks.openings.placement_small import brute_force, small_instance
from benchmarks.peers.environments import HERE, Peer, PeerError
from recsys.errors import FitError
from recsys.placement.fast import solve_fast
from recsys.placement.instance import Placement, PlacementInstance
from recsys.placement.proof.priced import PROVEN
from recsys.placement.solve import solve
from recsys.placement.whole.greedy import solve_greedy
from recsys.placement.whole.tight import solve_whole

SPOPT = Peer("spopt", ("spopt==0.7.0", "pulp<3"), ())
HARD_KM = 12.0
CITY_SECONDS = 10.0

Row = dict[str, Any]


def show(row: Row) -> Row:
    """Prints a row as soon as it is there."""
    gap = f"{row['gap']:.4%}" if np.isfinite(row.get("gap", np.nan)) else "-"
    print(f"{row['task']:52s} {row['method']:12s} value {row['value']:12.2f} gap {gap:>9s} {row['seconds']:7.2f} s",
          flush=True)  # fmt: skip
    return row


def timed(task: str, answer: Callable[[], Placement]) -> Row:
    """One plan as a row; where the whole model gives none its value is NaN."""
    began = time.perf_counter()
    try:
        plan = answer()
    except FitError:
        return show({"task": task, "method": "whole model", "value": np.nan, "gap": np.nan,
                     "seconds": time.perf_counter() - began})  # fmt: skip
    gap = plan.gap if np.isfinite(plan.bound) else np.nan
    return show({"task": task, "method": plan.method, "value": plan.objective, "gap": gap,
                 "bound": plan.bound, "seconds": plan.seconds, "classes": int(plan.classes.sum())})  # fmt: skip


def beside(task: str, one: PlacementInstance, limit: float, gap: float, rivals: str) -> list[Row]:
    """Our plan, greedy, and HiGHS on the whole model."""
    ours = timed(task, lambda: solve(one, limit, gap))
    rows = [ours, timed(task, lambda: solve_greedy(one))]
    if rivals != "none":
        seconds = limit if rivals == "limit" else float(ours["seconds"])
        rows.append(timed(task, lambda: solve_whole(one, seconds, gap)))
    return rows


def provinces(part: float, reach_km: float, only: str, rivals: str, seed: int) -> list[Row]:
    """The three tasks at province size, and floors that bind in more places."""
    size = {"n_points": int(1853 * part), "n_venues": int(500 * part), "reach_km": reach_km}
    plain, city, county = province(seed, **size)

    def floors(of_city: float, of_county: float) -> PlacementInstance:
        fair = plain.relative_floor(city, np.full(16, of_city))
        return fair.relative_floor(county, np.full(county.max() + 1, of_county))

    many, _, _ = province(seed, **{**size, "n_venues": int(2000 * part)})
    tasks = [
        (f"budget, {plain.n_venues} venues", plain, 120.0, 2e-4),
        ("floors 15 % a city, 8 % a county", floors(0.15, 0.08), 300.0, 5e-3),
        ("floors 25 % a city, 20 % a county", floors(0.25, 0.20), 300.0, 5e-3),
        (f"budget, {many.n_venues} venues", many, 600.0, 5e-3),
    ]
    rows = []
    for name, one, limit, gap in tasks:
        if only in name:
            rows += beside(f"{name}, {reach_km:g} km, seed {seed}", one, max(limit * part, 20.0), gap, rivals)
    return rows


def small_instances(n: int) -> Row:
    """How often the plan equals the best of all plans on instances of 4 to 12 venues."""
    began, equal = time.perf_counter(), 0
    for seed in range(n):
        one = small_instance(1000 + seed, 10 + seed % 20, 1 + seed % 2, 4 + seed % 9)
        equal += int(abs(solve(one, 60.0, 1e-8).objective - brute_force(one)) <= 1e-4)
    seconds = time.perf_counter() - began
    print(f"small instances: equal to the best of all plans on {equal} of {n}, {seconds:.0f} s", flush=True)
    return {"task": "small instances", "equal": equal, "n": n, "seconds": seconds}


def sliders(n_venues: int) -> list[Row]:
    """Fast plans of single counties."""
    one, _, county = province(1, n_venues=n_venues)
    rows = []
    parts = [part_of(one, county == c) for c in range(0, county.max() + 1, 5) if (county == c).any()]
    plans = [solve_fast(part) for part in parts if part.n_venues]
    seconds, gaps = np.array([p.seconds for p in plans]), np.array([p.gap for p in plans])
    print(f"fast plans of {len(plans)} counties, {n_venues} venues: seconds median {np.median(seconds):.3f} most "
          f"{seconds.max():.3f}; gap median {np.median(gaps):.2%} most {gaps.max():.2%}", flush=True)  # fmt: skip
    rows.append({"task": f"counties, {n_venues} venues", "method": "fast", "seconds": float(seconds.max()),
                 "gap": float(np.median(gaps)), "gap_most": float(gaps.max())})  # fmt: skip
    return rows


def cities(n_venues: int, seed: int) -> list[Row]:
    """The plan of each city alone, as good as can be proven in 10 s."""
    one, city, _ = province(seed, n_venues=n_venues)
    rows = []
    for c in np.argsort(-np.bincount(city)):
        part = part_of(one, city == c)
        task = f"city {c}, {part.n_venues} venues, seed {seed}"
        rows.append(timed(task, lambda part=part: solve(part, CITY_SECONDS, 0.0)))
    proven = [row["gap"] <= PROVEN for row in rows]
    print(f"{sum(proven)} of {len(rows)} cities proven in {CITY_SECONDS:g} s", flush=True)
    return rows


def mclp(one: PlacementInstance, n_sites: int) -> list[Row]:
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
    task = f"covering without capacities, {n_sites} sites"
    rows = [timed(task, lambda: solve(free, 60.0, 1e-7)), timed(task, lambda: solve_greedy(free))]
    far = np.full((len(free.demand), free.n_venues), 9.0)
    far[free.pair_point, free.pair_venue] = 0.5
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mclp.npz"
        np.savez(file, cost=far, weight=free.demand[:, 0], sites=n_sites)
        try:
            SPOPT.prepare()
        except PeerError as failure:
            print(f"spopt could not be installed: {failure}", flush=True)
            return rows
        command = [str(SPOPT.python), str(HERE / "run_spopt.py"), str(file)]
        answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return [*rows, show({"task": task, "method": "spopt MCLP", "gap": np.nan, **answer})]


def main() -> None:
    """Runs the tasks and prints a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time and of the size")
    parser.add_argument("--only", default="", help="tasks at province size whose name holds these words, no others")
    parser.add_argument("--rivals", choices=("limit", "taken", "none"), default="limit")
    parser.add_argument("--hard", action="store_true", help="also with people reached over 12 km")
    parser.add_argument("--seeds", default="1", help="instances at province size: `1-3` or `1,5`")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    part = 0.1 if given.quick else 1.0
    rows: list[Row] = []
    if not given.only:
        rows.append(small_instances(20 if given.quick else 200))
        rows += mclp(province(1, n_points=int(1853 * part), n_venues=int(500 * part))[0], max(int(60 * part), 5))
        rows += sliders(200 if given.quick else 2000)
    for seed in seeds_of(given.seeds):
        if given.only in "cities":
            rows += cities(200 if given.quick else 2000, seed)
        rows += provinces(part, 8.0, given.only, given.rivals, seed)
        if given.hard:
            rows += provinces(part, HARD_KM, given.only, given.rivals, seed)
    if given.out is not None:
        given.out.write_text(json.dumps(rows, indent=1, default=float), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
