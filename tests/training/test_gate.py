import pandas as pd

from training.gate import beside_champion, judge


def row(model, role, mean, low, high, *, task="ranking", metric="ndcg@10", segment="all", n=100):
    return {
        "task": task,
        "model": model,
        "role": role,
        "segment": segment,
        "metric": metric,
        "window": "all",
        "mean": mean,
        "low": low,
        "high": high,
        "n": n,
    }


def test_better_than_the_best_baseline_passes():
    table = pd.DataFrame([row("two-stage", "served", 0.5, 0.4, 0.6), row("popularity", "baseline", 0.3, 0.2, 0.4)])
    report = judge(table)
    assert report.passed
    assert "two-stage" not in report.lines[0]
    assert "passes against popularity 0.3000" in report.lines[0]


def test_worse_than_noise_allows_is_refused_and_said():
    table = pd.DataFrame([row("two-stage", "served", 0.1, 0.0, 0.2), row("affinity", "baseline", 0.3, 0.2, 0.4)])
    report = judge(table)
    assert not report.passed
    assert "is refused against affinity 0.3000 [0.2000, 0.4000]" in report.lines[0]


def test_within_the_noise_of_the_baseline_passes():
    table = pd.DataFrame([row("two-stage", "served", 0.28, 0.2, 0.4), row("affinity", "baseline", 0.3, 0.2, 0.4)])
    assert judge(table).passed


def test_a_loss_is_better_when_lower():
    good = row("ensemble", "served", 1.0, 0.9, 1.1, task="bookings", metric="pinball")
    bad = row("seasonal naive", "baseline", 2.0, 1.8, 2.2, task="bookings", metric="pinball")
    assert judge(pd.DataFrame([good, bad])).passed
    assert not judge(pd.DataFrame([{**good, "role": "baseline"}, {**bad, "role": "served"}])).passed


def test_the_best_baseline_counts_not_the_first():
    table = pd.DataFrame(
        [
            row("two-stage", "served", 0.25, 0.2, 0.3),
            row("popularity", "baseline", 0.1, 0.05, 0.15),
            row("affinity", "baseline", 0.5, 0.45, 0.55),
        ]
    )
    assert not judge(table).passed


def test_segments_and_few_observations_do_not_judge():
    table = pd.DataFrame(
        [
            row("two-stage", "served", 0.1, 0.0, 0.2, segment="cold"),
            row("affinity", "baseline", 0.9, 0.8, 1.0, segment="cold"),
            row("two-stage", "served", 0.1, 0.0, 0.2, n=3),
            row("affinity", "baseline", 0.9, 0.8, 1.0, n=3),
        ]
    )
    report = judge(table)
    assert report.passed
    assert "not judged on 3 observations" in report.lines[0]


def test_nothing_to_judge_is_said():
    table = pd.DataFrame(columns=["task", "model", "role", "segment", "metric", "window", "mean", "low", "high", "n"])
    report = judge(table)
    assert report.passed
    assert report.lines[0].startswith("nothing to judge")


def test_a_single_window_stands_for_all_and_pooled_rows_go_first():
    served, baseline = row("two-stage", "served", 0.1, 0, 0.2), row("affinity", "baseline", 0.9, 0.8, 1.0)
    one_window = pd.DataFrame([served, baseline]).assign(window="2026-01-01")
    assert not judge(one_window).passed
    good = pd.DataFrame([row("two-stage", "served", 0.9, 0.8, 1.0), row("affinity", "baseline", 0.1, 0, 0.2)])
    assert judge(pd.concat([one_window, good], ignore_index=True)).passed


def test_what_nothing_judged_takes_no_place_of_a_judged_champion_with_more_recent_data():
    as_of = pd.Timestamp("2026-01-01", tz="UTC")
    later, earlier = "2026-02-01T00:00:00+00:00", "2025-12-01T00:00:00+00:00"
    few = [row("two-stage", "served", 0.5, 0.4, 0.6, n=5), row("popularity", "baseline", 0.3, 0.2, 0.4, n=5)]
    unjudged = judge(pd.DataFrame(few))
    judged = judge(pd.DataFrame([{**one, "n": 100} for one in few]))
    assert (unjudged.passed, unjudged.judged, judged.judged) == (True, False, True)

    def passes(report, until, was_judged):
        champion = {"data_until": until, "gate": {"passed": True, "lines": [], "judged": was_judged}}
        return beside_champion(report, champion, as_of).passed

    assert not passes(unjudged, later, True)
    assert "2026-02-01" in beside_champion(unjudged, {"data_until": later, "gate": {"judged": True}}, as_of).lines[-1]
    assert passes(unjudged, earlier, True)
    assert passes(unjudged, later, False)
    assert passes(judged, later, True)
    assert beside_champion(unjudged, None, as_of).passed
