"""Plans of openings and latent demand against the truth: simulated counties, decided from bookings alone.

python -m benchmarks.plans [--seeds 0-3] [--users 18000] [--shapes logit,gravity] [--budget 20] [--out FILE]

Each county is simulated, read as tables, learned from, and planned; the plan's true value stands beside the
oracle's plan (which knows each person's tastes), the plan over samples, and simple rules'. Below: how far people who
come were predicted too high, how often the 80 % interval of a week held, and latent demand by township and category
without supply, its rank correlation with the truth and its total. Many openings: `--users 5000 --budget 40`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.counties import county, seeds_of
from features.openings.inputs import opening_inputs
from features.openings.latent_demand import latent_demand
from recsys.openings.question import Question
from recsys.openings.suggest import suggest
from recsys.simulation.score_openings import score_suggestions


def judged(seed: int, shape: str, users: int, weeks: int, budget: int) -> dict[str, object]:
    """Figures of one county's plan."""
    dataset, truth = county(seed, shape, users, weeks)
    started = time.process_time()
    inputs = opening_inputs(dataset)
    learned = time.process_time()
    plan = suggest(inputs, budget)
    planned = time.process_time()
    score = score_suggestions(truth, plan, budget)
    over = suggest(inputs, budget, question=Question(budget=budget, over_samples=True))
    over_samples = score_suggestions(truth, over, budget)["share_of_oracle"]
    latent = latent_demand(dataset, inputs)
    best, predicted = score["oracle_value"], score["predicted"]
    return {
        "shape": shape,
        "seed": seed,
        "of oracle": score["share_of_oracle"],
        "over samples": over_samples,
        **{rule: value / best for rule, value in score["rules"].items()},
        "openings": len(plan),
        "predicted": predicted["total"],
        "true": score["value"],
        "predicted / true - 1": predicted["bias"],
        "week covered": predicted["coverage80_of_a_week"],
        "mean covered": predicted["coverage80_of_the_mean"],
        **_latent(latent, truth.tables["latent"]),
        "learn s": learned - started,
        "plan s": planned - learned,
        "violations": sum(score["violations"].values()),
    }


def _latent(learned: pd.DataFrame, true: pd.DataFrame) -> dict[str, float]:
    """Rank correlation and total of what is not offered, over the pairs that both call without supply."""
    both = learned.merge(
        true[~true["has_supply"]], left_on=["region_id", "category"], right_on=["township_id", "category"]
    )
    wanted = both["demand_if_offered"]
    return {
        "latent pairs": len(both),
        "latent rank": float(both["mean"].corr(wanted, method="spearman")),
        "latent total": float(both["mean"].sum() / wanted.sum() - 1),
        "latent covered": float(((wanted >= both["q0.1"]) & (wanted <= both["q0.9"])).mean()),
    }


def _pooled(table: pd.DataFrame) -> pd.Series:
    """Attendance and coverage of all openings of a shape; with the standard error over counties."""
    n, total = table["openings"], table["predicted"].sum() / table["true"].sum() - 1
    covered = np.average(table["week covered"], weights=n)
    error = table["week covered"].std() / np.sqrt(len(table))
    return pd.Series({"openings": n.sum(), "predicted / true - 1": total, "week covered": covered, "+-": error})


def main() -> None:
    """Runs the counties and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0-3")
    parser.add_argument("--shapes", default="logit,gravity")
    parser.add_argument("--users", type=int, default=18_000)
    parser.add_argument("--weeks", type=int, default=26)
    parser.add_argument("--budget", type=int, default=20)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    rows = []
    for shape in args.shapes.split(","):
        for seed in seeds_of(args.seeds):
            rows.append(judged(seed, shape, args.users, args.weeks, args.budget))
            print({name: round(value, 3) if isinstance(value, float) else value for name, value in rows[-1].items()})
    table = pd.DataFrame(rows)
    print(f"\n{table.round(3).to_string(index=False)}")
    numbers = table.select_dtypes(include=np.number).columns.drop("seed")
    print(f"\nmeans\n{table.groupby('shape', sort=False)[list(numbers)].mean().round(3).to_string()}")
    pooled = pd.DataFrame(
        {shape: _pooled(part) for shape, part in [*table.groupby("shape", sort=False), ("all", table)]}
    )
    print(f"\nall openings\n{pooled.T.round(3).to_string()}")
    if args.out is not None:
        table.to_csv(args.out, index=False)


if __name__ == "__main__":
    main()
