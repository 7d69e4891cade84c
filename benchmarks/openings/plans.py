"""Plans of openings and latent demand against the truth: simulated counties, decided from bookings alone.

python -m benchmarks.openings.plans [--seeds 0-3] [--users 18000] [--shapes logit,gravity] [--budget 20] [--out FILE]

Each county is simulated, read as tables, learned from, and planned; the plan's true value stands beside the
oracle's plan (which knows each person's tastes), the plan over samples, and simple rules'; `gap` is how far the best
plan can be above it, as everything was learned. Below: how far people who come were predicted too high, how often the
80 % interval of a week held, and latent demand by township and category without supply, its rank correlation with the
truth and its total. Many openings: `--users 5000 --budget 40`.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from benchmarks.counties import Row, county_parser, each_county
from features.openings.inputs import opening_inputs
from features.openings.latent_demand import latent_demand
from recsys.dataset import Dataset
from recsys.openings.question import Question
from recsys.openings.suggest import planned, suggest
from recsys.simulation.scoring.openings import score_suggestions
from recsys.simulation.truth.oracle import Truth


def judged(dataset: Dataset, truth: Truth, budget: int) -> Row:
    """Figures of one county's plan."""
    started = time.process_time()
    inputs = opening_inputs(dataset)
    learned = time.process_time()
    plan = suggest(inputs, budget)
    ended = time.process_time()
    score = score_suggestions(truth, plan, budget)
    over = suggest(inputs, budget, question=Question(budget=budget, over_samples=True))
    over_samples = score_suggestions(truth, over, budget)["share_of_oracle"]
    gap = planned(inputs, Question(budget=budget)).gap
    latent = latent_demand(dataset, inputs)
    best, predicted = score["oracle_value"], score["predicted"]
    return {
        "of oracle": score["share_of_oracle"],
        "over samples": over_samples,
        "gap": gap,
        **{rule: value / best for rule, value in score["rules"].items()},
        "openings": len(plan),
        "predicted": predicted["total"],
        "true": score["value"],
        "predicted / true - 1": predicted["bias"],
        "week covered": predicted["coverage80_of_a_week"],
        "mean covered": predicted["coverage80_of_the_mean"],
        **_latent(latent, truth.tables["latent"]),
        "learn s": learned - started,
        "plan s": ended - learned,
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
    parser = county_parser(__doc__, seeds="0-3", users=18_000)
    parser.add_argument("--budget", type=int, default=20)
    args = parser.parse_args()
    table = each_county(args, lambda dataset, truth: [judged(dataset, truth, args.budget)])
    print(f"\n{table.round(3).to_string(index=False)}")
    numbers = table.select_dtypes(include=np.number).columns.drop("seed")
    print(f"\nmeans\n{table.groupby('shape', sort=False)[list(numbers)].mean().round(3).to_string()}")
    pooled = pd.DataFrame(
        {shape: _pooled(part) for shape, part in [*table.groupby("shape", sort=False), ("all", table)]}
    )
    print(f"\nall openings\n{pooled.T.round(3).to_string()}")


if __name__ == "__main__":
    main()
