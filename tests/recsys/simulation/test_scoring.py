import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recsys.errors import DataError
from recsys.simulation.scoring.answers import score
from recsys.simulation.scoring.forecast import oracle_forecast, score_forecast
from recsys.simulation.scoring.judged import judge
from recsys.simulation.scoring.list_rules import open_sessions
from recsys.simulation.scoring.openings import score_suggestions
from recsys.simulation.scoring.plans import oracle_plan, rule_plan
from recsys.simulation.scoring.ranking import score_recommendations
from recsys.simulation.truth.openings import OpeningWorld
from recsys.simulation.truth.oracle import Truth, load_truth


def oracle_rows(truth: Truth) -> pd.DataFrame:
    judged = judge(truth, 14)
    session = judged.sessions.drop_duplicates("activity").set_index("activity")["session_id"]
    rows = []
    for user, relevance, allowed in zip(judged.users["user_id"], judged.relevance, judged.allowed, strict=True):
        order = np.argsort(-np.where(allowed, relevance, -1), kind="stable")
        for rank, column in enumerate([c for c in order if allowed[c]][:10], start=1):
            rows.append((user, rank, judged.activities.ids[column], session[column]))
    return pd.DataFrame(rows, columns=["user_id", "rank", "activity_id", "session_id"])


def test_oracle_lists_score_as_the_oracle_and_beat_the_rules(truth: Truth) -> None:
    result = score_recommendations(truth, oracle_rows(truth))
    assert result["given"]["all"]["expected_ndcg"] == pytest.approx(1.0)
    assert result["share_of_oracle"]["all"]["ndcg"] == pytest.approx(1.0)
    for rule in ("popularity", "nearest", "random"):
        assert result["oracle"]["all"]["expected_ndcg"] > result[rule]["all"]["expected_ndcg"]
        assert 0 <= result[rule]["all"]["ndcg"] <= 1
    assert result["given"]["all"]["n"] > 30
    assert result["violations"]["full"] == 0
    assert result["violations"]["started"] == 0


def test_where_there_is_nothing_to_find_there_is_no_figure(folder: Path, tmp_path: Path) -> None:
    """0 would say that the lists are worth nothing."""
    shutil.copytree(folder / "truth", tmp_path / "truth")
    outcomes = pd.read_parquet(tmp_path / "truth" / "outcomes.parquet")
    outcomes.iloc[:0].to_parquet(tmp_path / "truth" / "outcomes.parquet")
    oracle_rows(load_truth(folder / "truth")).to_parquet(tmp_path / "r.parquet")
    result = score(tmp_path / "truth", tmp_path / "r.parquet")["recommendations"]
    assert result["given"]["all"]["n"] == 0
    assert result["given"]["all"]["ndcg"] is None
    assert result["share_of_oracle"]["all"]["ndcg"] is None
    assert result["share_of_oracle"]["all"]["expected_ndcg"] > 0
    json.dumps(result, allow_nan=False)


def test_violations_are_counted(truth: Truth) -> None:
    sessions, people = truth.tables["sessions"], truth.tables["people"]
    is_open = sessions["session_id"].isin(open_sessions(truth)["session_id"])
    past = sessions[sessions["starts_at"] < truth.as_of].iloc[0]
    late = sessions[sessions["published_at"] > truth.as_of]
    taken = truth.tables["outcomes"].query("held_at_as_of").iloc[0]
    user = people["user_id"].iloc[0]
    rows = [(user, 1, past["activity_id"], past["session_id"]), (user, 1, past["activity_id"], "nothing")]
    rows += [(taken["user_id"], 1, taken["activity_id"], taken["session_id"])]
    rows += [(user, 3, x["activity_id"], x["session_id"]) for _, x in late.head(1).iterrows()]
    frame = pd.DataFrame(rows, columns=["user_id", "rank", "activity_id", "session_id"])
    found = score_recommendations(truth, frame)["violations"]
    assert found["started"] == 1
    assert found["unknown session"] == 1
    assert found["already booked"] == 1
    assert found["activity twice in a list"] == 1
    assert found["not published"] == len(late.head(1))
    assert is_open.any()


def test_the_oracles_forecast_is_calibrated_and_unbiased(truth: Truth) -> None:
    tables = oracle_forecast(truth, 200, seed=8)
    rows = pd.concat([table.assign(target=target) for target, table in tables.items()])
    result = score_forecast(truth, rows, n_paths=200)
    for target in ("bookings", "demand"):
        assert result[target]["missing_rows"] == 0
        for level, figures in result[target]["levels"].items():
            assert figures["scrps_over_oracle"] == pytest.approx(1.0, abs=0.05), level
            assert figures["oracle"]["scrps"] < figures["last value"]["scrps"]
            assert figures["oracle"]["coverage80"] > 0.72
        categories = pd.DataFrame(result[target]["categories"]).T
        assert len(categories) > 10
        assert categories["given"].sum() == pytest.approx(categories["oracle"].sum(), rel=0.05)
        assert categories["oracle"].sum() < 0.8 * categories["last value"].sum()
        bias = result[target]["festival_bias"]["oracle"]
        assert abs(bias["other"]) < 0.12


def test_a_forecast_of_nothing_is_worse(truth: Truth) -> None:
    one = oracle_forecast(truth, 20)["demand"].head(1)
    rows = pd.concat(
        [one.assign(target=t, **{"mean": 0.0, "q0.1": 0.0, "q0.5": 0.0, "q0.9": 0.0}) for t in ("bookings", "demand")]
    )
    result = score_forecast(truth, rows, n_paths=20)
    assert result["demand"]["missing_rows"] > 10
    level = result["demand"]["levels"]["province"]
    assert level["given"]["bias_of_true_mean"] == pytest.approx(-1.0)
    assert level["given"]["scrps"] > level["oracle"]["scrps"]


def test_openings_share_people(truth: Truth) -> None:
    world = OpeningWorld(truth)
    plan = oracle_plan(world, 12)
    assert len(plan) == 12
    together = world.value(plan)
    alone = [world.value(plan.iloc[[k]]).attendance.sum() for k in range(len(plan))]
    assert together.attendance.sum() <= sum(alone) * 1.02
    twice = pd.concat([plan.iloc[[0]]] * 2, ignore_index=True)
    assert world.value(twice).attendance.sum() < 1.999 * alone[0]
    assert (together.newly_reached <= together.attendance + 1e-9).all()
    assert (together.attendance <= plan["size"].to_numpy(dtype=float)).all()
    np.testing.assert_allclose(together.draws.mean(axis=1), together.attendance, rtol=0.25, atol=0.3)
    for rule in ("most bookings", "population"):
        assert world.value(rule_plan(truth, rule, 12)).attendance.sum() <= together.attendance.sum()


def twin_cities(truth: Truth) -> Truth:
    """The county, and the same once more in another city."""
    one = truth.tables
    n_people, n_venues = len(one["people"]), len(one["venues"])
    other = {"city_id": "99", "county_id": "9999"}
    again = {
        "people": one["people"].assign(companion=one["people"]["companion"] + n_people, **other),
        "venues": one["venues"].assign(venue_id="other " + one["venues"]["venue_id"], **other),
        "sessions": one["sessions"].assign(
            venue_num=one["sessions"]["venue_num"].where(lambda v: v < 0, one["sessions"]["venue_num"] + n_venues),
            **other,
        ),
    }
    both = {name: pd.concat([one[name], table], ignore_index=True) for name, table in again.items()}
    return Truth(truth.manifest, one | both)


def test_cities_are_valued_each_by_itself(truth: Truth) -> None:
    alone, both = OpeningWorld(truth), OpeningWorld(twin_cities(truth))
    plan = oracle_plan(alone, 5)
    twice = oracle_plan(both, 10)
    n_venues = len(truth.tables["venues"])
    for city in range(2):
        mine = twice[twice["venue_num"] // n_venues == city]
        found = mine.assign(venue_num=mine["venue_num"] % n_venues).reset_index(drop=True)
        pd.testing.assert_frame_equal(found, plan)
    # What is drawn of full rooms differs.
    assert both.value(twice).attendance.sum() == pytest.approx(2 * alone.value(plan).attendance.sum(), rel=0.02)


def test_companions_count_among_those_who_come(truth: Truth) -> None:
    (city,) = OpeningWorld(truth).cities
    crowd, share = city.crowd, float(truth.manifest["knobs"]["companion_share"])
    alone = crowd.companion == np.arange(len(crowd.nums))
    assert 0 < alone.mean() < 1
    more = city.want(0) / crowd.people.rates[crowd.nums, 0]
    np.testing.assert_allclose(more, np.where(alone, 1.0, 1.0 + share), rtol=1e-6)


def suggestion_rows(truth: Truth, plan: pd.DataFrame) -> pd.DataFrame:
    slot = plan["slot"].to_numpy(dtype=int)
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(plan) + 1),
            "category": plan["category"],
            "venue_id": truth.tables["venues"]["venue_id"].to_numpy()[plan["venue_num"].to_numpy(dtype=int)],
            "region_id": "",
            "weekday": np.where(slot >= 4, 6, 1),
            "start_time": np.array(["09:00", "14:00", "18:00", "19:30"])[slot % 4],
            "size": plan["size"],
            "expected_attendance": 1.0,
            "q0.1": 0.0,
            "q0.9": 1e6,
            "newly_reached": 0.5,
        }
    )


def test_suggestions_round_trip(truth: Truth) -> None:
    plan = oracle_plan(OpeningWorld(truth), 6)
    result = score_suggestions(truth, suggestion_rows(truth, plan))
    assert result["share_of_oracle"] == pytest.approx(1.0)
    assert result["predicted"]["coverage80_of_a_week"] == 1.0
    assert sum(result["violations"].values()) == 0
    empty = score_suggestions(truth, suggestion_rows(truth, plan.iloc[:0]))
    assert empty["value"] == 0.0
    assert np.isnan(empty["share_of_oracle"])


def test_the_command_reads_files_and_names_missing_columns(folder: Path, truth: Truth, tmp_path: Path) -> None:
    rows = oracle_rows(truth).head(200)
    rows.to_parquet(tmp_path / "r.parquet")
    result = score(folder / "truth", tmp_path / "r.parquet")
    assert "recommendations" in result
    rows.drop(columns=["rank", "session_id"]).to_csv(tmp_path / "r.csv", index=False)
    with pytest.raises(DataError, match=r"'rank'.*'session_id'"):
        score(folder / "truth", tmp_path / "r.csv")
    with pytest.raises(DataError, match="not a file"):
        score(folder / "truth", forecast=tmp_path / "none.parquet")
    with pytest.raises(DataError, match=r"people\.parquet is missing"):
        score(tmp_path)


def test_a_forecast_of_weeks_without_anybody_has_no_shares(truth: Truth) -> None:
    demand = truth.tables["demand"]
    counts = ["demand_mean", "demand", "bookings_mean", "bookings"]
    empty = replace(truth, tables={**truth.tables, "demand": demand.assign(**dict.fromkeys(counts, 0.0))})
    rows = pd.concat([table.assign(target=target) for target, table in oracle_forecast(truth, 20).items()])
    given = score_forecast(empty, rows, n_paths=20)
    figures = given["demand"]["levels"]["county"]["given"]
    assert figures["pinball"] > 0
    assert np.isnan([figures[name] for name in ("scrps", "wape", "bias_of_true_mean")]).all()
