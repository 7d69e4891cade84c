"""The ladder from the oracle down to what any learner could know: `benchmarks.demand.bound`."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.bound.posteriors import nests_of, quality_groups
from benchmarks.demand.bound import ALL, RUNGS, Ladder, Told, as_rows
from recsys.simulation.bookings.choice import Crowd, booking_chances
from recsys.simulation.scoring.forecast import oracle_forecast, score_forecast
from recsys.simulation.setting.catalogue import CATEGORY_NAMES
from recsys.simulation.truth.oracle import Truth


@pytest.fixture(scope="module")
def ladder(truth: Truth) -> Ladder:
    return Ladder(truth, n_paths=100)


def test_who_is_told_everything_is_the_oracle(ladder: Ladder) -> None:
    np.testing.assert_allclose(ladder.quality_scale(ALL), 1.0, atol=1e-5)
    told, oracle = ladder.forecast(ALL), oracle_forecast(ladder.truth, ladder.n_paths, ladder.seed)
    for target in ("bookings", "demand"):
        pd.testing.assert_frame_equal(told[target], oracle[target], rtol=1e-3)


def test_who_is_told_less_is_further_from_the_truth(ladder: Ladder) -> None:
    names = ("told everything", "but quality of single events", "nor effects of the festival")
    found = {name: score_forecast(ladder.truth, as_rows(ladder.forecast(RUNGS[name]))) for name in names}
    losses = {name: one["demand"]["levels"]["township"]["scrps_over_oracle"] for name, one in found.items()}
    assert losses["but quality of single events"] > 1.02 * losses["told everything"]
    assert losses["nor effects of the festival"] > 1.05 * losses["told everything"]


def test_events_not_yet_published_are_expected_but_not_seen(ladder: Ladder) -> None:
    truth, future = ladder.truth, ladder.future
    is_known = future["published_at"] < truth.as_of
    venues = truth.tables["venues"].set_index("venue_id")["township_id"]
    cells = pd.DataFrame(
        {
            "region_id": future["venue_id"].map(venues),
            "category_num": future["category_num"],
            "week": future["week_num"] - truth.weeks,
        }
    )
    hidden = cells[~is_known].merge(cells[is_known].drop_duplicates(), how="left", indicator=True)
    hidden = hidden[(hidden["_merge"] == "left_only") & hidden["region_id"].fillna("").ne("")]
    assert len(hidden)
    weeks = truth.as_of + pd.to_timedelta(7 * hidden["week"].to_numpy(), unit="D")
    names = np.array(CATEGORY_NAMES)[hidden["category_num"]]
    keys = pd.MultiIndex.from_arrays([hidden["region_id"], names, weeks])
    for told, is_seen in ((ALL, True), (Told(unpublished=False), False)):
        table = ladder.forecast(told)["demand"].set_index(["region_id", "category", "week_start"])
        assert (table["q0.5"].reindex(keys).fillna(0.0) > 0).any() == is_seen


def test_means_by_quality_are_those_of_the_simulator(ladder: Ladder) -> None:
    truth, future = ladder.truth, ladder.future
    week = future[future["week_num"] == truth.weeks + 1].reset_index(drop=True)
    quality = week["quality"].to_numpy() + np.linspace(-1.0, 1.0, len(week))
    crowd = Crowd.of(truth.people, np.arange(len(truth.people)), truth.tables["venues"])
    share = truth.manifest["knobs"]["companion_share"]
    expected = booking_chances(crowd, week.assign(quality=quality), truth.shape, share).sum(axis=0)
    found = np.zeros(len(week))
    for nest in nests_of(truth, week):
        found[nest.rows] = nest.means(quality[nest.rows][:, None])[:, 0]
        alone = nest.own_means(0, quality[nest.rows], quality[nest.rows[:1]])
        np.testing.assert_allclose(alone, found[nest.rows[0]], rtol=1e-4)
    # A companion who is not allowed in, and chances above the simulator's ceiling, are left out.
    np.testing.assert_allclose(found, expected, rtol=0.15)
    assert found.sum() == pytest.approx(expected.sum(), rel=0.06)


def test_drawn_qualities_hold_the_true_ones(ladder: Ladder) -> None:
    future = ladder.future
    _, first = np.unique(quality_groups(future), return_index=True)
    true, drawn = future["quality"].to_numpy()[first], ladder.qualities[first]
    low, high = np.quantile(drawn, [0.1, 0.9], axis=1)
    assert 0.7 < ((true >= low) & (true <= high)).mean() < 0.9
    seen = (future["n_early"].to_numpy() > 0)[first]
    errors = (true - drawn.mean(axis=1)) ** 2
    assert errors[seen].mean() < 0.6 * true[seen].var()


def test_the_drawn_memory_is_that_of_the_noise(ladder: Ladder) -> None:
    if ladder.truth.shape == "gravity":
        drawn = ladder.memory.drop(columns=["county_id", "category_num"]).to_numpy()
        true = ladder.truth.tables["memory"]["log_noise"].to_numpy()
        assert np.corrcoef(drawn.mean(axis=1), true)[0, 1] > 0.5
        assert ((true - drawn.mean(axis=1)) ** 2).mean() < true.var()


def test_a_festival_not_seen_before_is_unknown(ladder: Ladder) -> None:
    days = ladder.future["starts_at"].to_numpy().astype("datetime64[D]")
    is_far = days < np.datetime64("2026-01-26")
    spread = np.log(ladder.festival).std(axis=1)
    assert spread[~is_far].max() > 0.7
    assert spread[is_far].max() < 0.1
