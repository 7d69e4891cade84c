"""The gate: a bundle that is worse than its baselines is not released, and the reason is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

HIGHER_IS_BETTER = {"ndcg": True, "recall": True, "wape": False, "mase": False, "pinball": False, "scrps": False}
JUDGED = {"ranking": ("ndcg",), "bookings": ("pinball",), "demand": ()}
"""Metrics that decide, by task. Demand behind full sessions is never observed, so nothing real can judge it."""

MIN_N = 20
"""Fewer observations than this judge nothing: the interval would be wider than any difference."""


@dataclass(frozen=True)
class GateReport:
    """What the gate says of a bundle: each comparison as a line, whether all passed, and whether there was any."""

    passed: bool
    lines: tuple[str, ...]
    judged: bool


def judge(evaluation: pd.DataFrame) -> GateReport:
    """Compares what is served with the best baseline of each task, over all users and series.

    Served is refused where its mean is worse than the baseline's own 95 % interval reaches: a difference
    within the interval is noise, and most platforms are small.

    Args:
        evaluation: The long table of `evaluate_ranking` and `evaluate_demand`.
    """
    overall = evaluation[evaluation["segment"].eq("all")]
    pooled = overall["window"].eq("all")
    # One window alone has no pooled rows; it stands for all.
    overall = overall[pooled | ~overall["task"].isin(overall.loc[pooled, "task"])]
    lines, verdicts = [], []
    for task, metrics in JUDGED.items():
        rows = overall[overall["task"].eq(task) & overall["metric"].str.split("@").str[0].isin(metrics)]
        for metric, group in rows.groupby("metric"):
            verdict, line = _compare(str(metric), group)
            lines.append(f"{task}: {line}")
            verdicts.append(verdict)
    if not lines:
        lines.append("nothing to judge: no bookings in the window, or none before it")
    return GateReport(False not in verdicts, tuple(lines), any(verdict is not None for verdict in verdicts))


def beside_champion(report: GateReport, champion: Mapping[str, Any] | None, as_of: pd.Timestamp) -> GateReport:
    """The report, which refuses a bundle that nothing judged where the champion was judged, and on more recent data.

    Args:
        report: Of the bundle.
        champion: Manifest of what serves now, None where nothing does.
        as_of: Moment until which the bundle knows.
    """
    if report.judged or champion is None or not champion["gate"].get("judged", False):
        return report
    if pd.Timestamp(champion["data_until"]) <= as_of:
        return report
    line = f"the champion was judged and knows more recent data, until {champion['data_until']}"
    return replace(report, passed=False, lines=(*report.lines, line))


def _compare(metric: str, rows: pd.DataFrame) -> tuple[bool | None, str]:
    """Whether what is served passes, None where nothing can judge it; and the comparison in words."""
    served = rows[rows["role"].eq("served")]
    baselines = rows[rows["role"].eq("baseline") & rows["mean"].notna()]
    if served.empty or baselines.empty or pd.isna(served["mean"].iloc[0]) or served["n"].iloc[0] < MIN_N:
        n = 0 if served.empty else int(served["n"].iloc[0])
        return None, f"{metric} not judged on {n} observations (fewer than {MIN_N}, or no baseline)"
    higher = HIGHER_IS_BETTER[metric.split("@")[0]]
    best = baselines.sort_values("mean", ascending=not higher).iloc[0]
    mean = float(served["mean"].iloc[0])
    good = mean >= best["low"] if higher else mean <= best["high"]
    sign = "passes" if good else "is refused"
    return bool(good), (
        f"{metric} {mean:.4f} {sign} against {best['model']} {best['mean']:.4f} [{best['low']:.4f}, {best['high']:.4f}]"
    )
