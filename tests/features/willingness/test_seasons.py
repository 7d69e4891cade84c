import numpy as np

from features.willingness.mixed import fit_mixed
from features.willingness.seasons import around_holidays, outlook, season_blocks, wanted

DAYS = np.arange(np.datetime64("2024-03-01"), np.datetime64("2026-03-01"))


def test_a_wave_of_one_category_is_found_and_goes_on():
    rng = np.random.default_rng(0)
    category = rng.integers(0, 3, len(DAYS))
    true = np.array([0.0, 0.0, 0.0, 0.5, -0.3, 0.0])
    mean = 20 * wanted(DAYS, np.zeros(2), true)[category, np.arange(len(DAYS))]
    is_training = np.ones(len(DAYS), dtype=bool)
    blocks = season_blocks(DAYS, category, 3, is_training, knows_year=True)
    fit = fit_mixed(blocks, np.arange(len(DAYS)) % 7, rng.poisson(mean), np.full(len(DAYS), 20.0), 0.3)
    both = fit.effects["own wave"] + np.repeat(fit.effects["wave"], 3)
    np.testing.assert_allclose(both, true, atol=0.06)
    ahead = outlook(np.datetime64("2025-11-20"), np.zeros(2), true, np.zeros(8))
    assert ahead.shape == (3, 13)
    np.testing.assert_allclose(ahead[2], 1.0)
    assert ahead[0].mean() > 1.3


def test_holidays_change_their_own_days_and_kind_only():
    days = np.array(["2026-02-17", "2026-04-20"], dtype="datetime64[D]")
    effects = np.array([-0.4, 0.0, -0.5, 0.0, 0.1, 0.0, 0.2, 0.0])
    np.testing.assert_allclose(around_holidays(days, effects, np.array([True, True])), [np.exp(-0.9), 1.0])
    np.testing.assert_allclose(around_holidays(days, effects, np.array([False, False])), [np.exp(0.3), 1.0])


def test_a_festival_nobody_has_seen_yet_is_believed_to_empty_classes():
    summer = DAYS[(np.datetime64("2025-07-01") <= DAYS) & (np.datetime64("2025-09-25") > DAYS)]
    category = np.zeros(len(summer), dtype=np.int64)
    blocks = season_blocks(summer, category, 1, np.ones(len(summer), dtype=bool), knows_year=False)
    counts = np.full(len(summer), 10.0)
    effects = fit_mixed(blocks, np.arange(len(summer)), counts, counts, 0.3).effects["holidays"]
    festival = np.array(["2026-02-18"], dtype="datetime64[D]")
    assert around_holidays(festival, effects, np.array([True]))[0] < 0.7
    assert around_holidays(festival, effects, np.array([False]))[0] > 0.9


def test_what_all_share_in_half_a_year_is_not_carried_on():
    half = DAYS[:182]
    category = np.zeros(len(half), dtype=np.int64)
    counts = 20 * np.exp(np.linspace(0.3, -0.3, len(half)))
    blocks = season_blocks(half, category, 1, np.ones(len(half), dtype=bool), knows_year=False)
    fit = fit_mixed(blocks, np.arange(len(half)) % 7, counts, np.full(len(half), 20.0), 0.3)
    np.testing.assert_array_equal(fit.effects["wave"], 0.0)
    known = season_blocks(half, category, 1, np.ones(len(half), dtype=bool), knows_year=True)
    fit = fit_mixed(known, np.arange(len(half)) % 7, counts, np.full(len(half), 20.0), 0.3)
    assert np.abs(fit.effects["wave"]).max() > 0.05
