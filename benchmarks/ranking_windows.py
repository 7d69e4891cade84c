"""Every ranker on several past windows of a platform's folder, side by side, with bootstrap intervals.

python -m benchmarks.ranking_windows --data FOLDER [--cut-offs 2017-05-01,2017-06-01] [--window-days 14] [--out FILE]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd

from recsys.dataset import Dataset
from recsys.schema import TABLES
from training.ranking import RankingConfig, evaluate_ranking

CUT_OFFS = "2017-05-01,2017-06-01,2017-07-01,2017-08-01"


def read_folder(folder: Path, timezone: str) -> Dataset:
    """All tables of a folder of CSV files, known until after the last of them."""
    tables = {
        name: pd.read_csv(folder / f"{name}.csv", dtype=str) for name in TABLES if (folder / f"{name}.csv").is_file()
    }
    last = max(pd.to_datetime(tables["bookings"]["booked_at"], utc=True).max(), pd.Timestamp(0, tz="UTC"))
    return Dataset.from_tables(tables, last + pd.Timedelta(days=1), timezone)


def table(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Figures over all windows by model and segment, the served model's ratio to the best other in the last row."""
    chosen = evaluation[evaluation["metric"] == metric]
    means = chosen.pivot_table(index="model", columns="segment", values="mean", sort=False)
    served = chosen[chosen["role"] == "served"]["model"].iloc[0]
    others = chosen[chosen["role"].isin(("learner", "baseline"))]["model"].unique()
    ratio = means.loc[served] / means.loc[others].max()
    return pd.concat([means, ratio.to_frame("served / best other").T])


def main() -> None:
    """Runs the windows and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of CSV tables")
    parser.add_argument("--cut-offs", default=CUT_OFFS)
    parser.add_argument("--window-days", type=float, default=14.0)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--timezone", default="America/Chicago")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    dataset = read_folder(args.data, args.timezone)
    cut_offs = [pd.Timestamp(day, tz="UTC") for day in args.cut_offs.split(",")]
    started = time.process_time()
    evaluation = evaluate_ranking(dataset, cut_offs, args.window_days, args.k, RankingConfig())
    print(f"{len(cut_offs)} windows: {time.process_time() - started:.0f} s of processor time", flush=True)
    for window, rows in evaluation[evaluation["metric"] == f"ndcg@{args.k}"].groupby("window", sort=False):
        print(f"\nndcg@{args.k}, window {window}")
        print(rows[["model", "segment", "mean", "low", "high", "n"]].round(4).to_string(index=False))
    if args.out is not None:
        evaluation.to_csv(args.out, index=False)
    # Several windows have rows of their own that pool them.
    pooled = evaluation[evaluation["window"] == evaluation["window"].iloc[0]]
    for metric in (f"ndcg@{args.k}", f"recall@{args.k}", "novelty", f"coverage@{args.k}"):
        print(f"\n{metric}, mean over {len(cut_offs)} windows\n{table(pooled, metric).round(4).to_string()}")


if __name__ == "__main__":
    main()
