"""Tastes: what is counted, by hand; what is learned, against known truth; and nothing of what comes after."""

from dataclasses import replace

import numpy as np
import pytest

from features.signals.candidates.taste_crowd import GROUPINGS, crowd_of
from features.signals.catalogue import catalogue_of
from features.signals.learned.taste import TASTE_FEATURES, taste_features, taste_scores
from features.signals.people import user_block
from recsys.dataset import Dataset
from recsys.ids import IdMap
from tests.ranking_world import AT, ranking_world
from training.ranking.taste import TasteConfig, _logit, _stretch, fit_tastes

CONFIG = TasteConfig(least_events=50)


@pytest.fixture(scope="module")
def known() -> Dataset:
    """Kinds are what people's tastes are about: every category has its own."""
    world = ranking_world(11, n_users=150, n_activities=60, n_bookings=2500)
    activities = world.activities.assign(kind=world.activities["category"])
    return Dataset.from_tables({**world.tables(), "activities": activities}, world.data_until).known_at(AT)


@pytest.fixture(scope="module")
def catalogue(known):
    return catalogue_of(known, AT)


@pytest.fixture(scope="module")
def block(known, catalogue):
    return user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions)


def features_of(block, catalogue, level: str = "kind"):
    return taste_features(catalogue.crowds[level], block.events, block.profiles, block.interests, catalogue.lookup)


def test_counts_are_those_of_the_persons_own_rows(known, catalogue, block):
    found = features_of(block, catalogue)[..., TASTE_FEATURES.index("booked")]
    kinds = known.activities.set_index("activity_id")["kind"].astype(str)
    kind_of = known.sessions.set_index("session_id")["activity_id"].map(kinds)
    counting = known.bookings[known.bookings["status"].isin(("booked", "attended", "waitlisted"))]
    for row, user_id in enumerate(block.user_ids):
        own = block.events.only((block.events.rows == row) & (block.events.sessions >= 0))
        if len(own.rows) != (counting["user_id"] == user_id).sum():
            continue  # a cancelled booking that still counts
        numbers = kind_of[counting.loc[counting["user_id"] == user_id, "session_id"]].value_counts()
        expected = numbers.reindex(catalogue.lookup.keys["kind"].ids, fill_value=0)
        np.testing.assert_allclose(found[row], np.log1p(expected))
    assert found.any()


def test_every_person_has_one_unit_of_chance_on_a_level(catalogue, block):
    for level in catalogue.crowds:
        features = features_of(block, catalogue, level)
        chances = np.exp(taste_scores(features, np.linspace(-1, 1, len(TASTE_FEATURES))))
        np.testing.assert_allclose(chances.sum(axis=1), 1.0)


def test_a_person_without_a_past_has_what_people_alike_do(catalogue, block):
    features = features_of(replace(block, events=block.events.only(block.events.rows < 0)), catalogue)
    column = {name: features[..., num] for num, name in enumerate(TASTE_FEATURES)}
    np.testing.assert_allclose(column["posterior"], column["profile"])
    for name in ("booked", "told"):
        assert not column[name].any()


def test_a_person_of_an_unknown_group_has_no_lift(catalogue, block):
    nobody = {name: np.full(len(block), -1) for name in block.profiles.groups}
    features = features_of(replace(block, profiles=replace(block.profiles, groups=nobody)), catalogue)
    for name in GROUPINGS:
        assert not features[..., TASTE_FEATURES.index(name)].any()
    profile = features[..., TASTE_FEATURES.index("profile")]
    np.testing.assert_allclose(profile, np.broadcast_to(np.log(catalogue.crowds["kind"].shares), profile.shape))


def test_a_level_of_one_key_has_no_taste(catalogue, block):
    lookup = catalogue.lookup
    single = replace(lookup, keys={**lookup.keys, "kind": IdMap.of(["class"], "kind")})
    assert crowd_of("kind", block.events, block.profiles, block.interests, lookup) is not None
    assert crowd_of("kind", block.events, block.profiles, block.interests, single) is None


def test_weights_of_a_known_logit_come_back():
    rng = np.random.default_rng(3)
    true = np.zeros(len(TASTE_FEATURES))
    true[[1, 3, 6]] = 0.8, 1.2, -0.5
    features = rng.normal(size=(4000, 6, len(TASTE_FEATURES)))
    chances = np.exp(taste_scores(features, true))
    taken = np.stack([rng.multinomial(2, chance / chance.sum()) for chance in chances]).astype(np.float64)
    np.testing.assert_allclose(_logit(features, taken, ridge=1.0), true, atol=0.06)


def test_what_comes_after_the_beginning_of_a_stretch_is_not_seen(block, catalogue):
    rng = np.random.default_rng(0)
    before = _stretch("kind", block, catalogue, CONFIG, 0.0, rng)
    later = block.events.days <= CONFIG.step_days
    assert later.any()
    events = replace(block.events, sessions=np.where(later, -1, block.events.sessions))
    after = _stretch("kind", replace(block, events=events), catalogue, CONFIG, 0.0, np.random.default_rng(0))
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before[0], after[0])


def test_learned_tastes_foretell_better_than_popularity(block, catalogue):
    """On the newest stretch, learned from the stretches before it; both as chances of a session that is on offer."""
    config = TasteConfig(step_days=28, n_steps=2, least_events=50)
    past = block.events.only(block.events.days > config.step_days)
    earlier = replace(block, events=replace(past, days=past.days - config.step_days))
    weights = fit_tastes(earlier, catalogue, config, 0)["kind"]
    part = _stretch("kind", block, catalogue, config, 0.0, np.random.default_rng(1))
    assert part is not None
    features, offered, taken = part
    seen = np.concatenate([features, offered[..., None]], axis=-1)
    popularity = np.eye(len(TASTE_FEATURES))[TASTE_FEATURES.index("popular")]
    of_learned = taste_scores(seen, np.append(weights, 1.0))
    learned, plain = (
        (taken * scores).sum() / taken.sum() for scores in (of_learned, taste_scores(features, popularity))
    )
    assert learned > plain


def test_a_feature_that_hardly_varies_has_no_weight():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 5, 3))
    features[..., 1] = 0.4 + 1e-13 * rng.normal(size=(200, 5))
    taken = np.zeros((200, 5))
    taken[np.arange(200), features[..., 0].argmax(axis=1)] = 1.0
    weights = _logit(features, taken, 1.0)
    assert weights[1] == 0
    assert weights[0] > 1


def test_what_is_on_offer_near_home_is_no_taste(known, catalogue, block):
    """Held sessions of a stretch, each by what its distance leaves from the person's home."""
    rng = np.random.default_rng(0)
    part = _stretch("kind", block, catalogue, CONFIG, 0.0, rng)
    assert part is not None
    offered = part[1]
    age = (AT - known.sessions["starts_at"]) / np.timedelta64(1, "D")
    held = ((age > 0) & (age <= CONFIG.step_days)).to_numpy()
    kind = catalogue.lookup.of_sessions["kind"][held]
    assert (np.exp(offered[:, np.unique(kind)]) > 0.3).all()
    assert np.ptp(offered[:, kind[0]]) > 0  # homes differ


def test_too_few_events_teach_nothing(block, catalogue):
    assert fit_tastes(block, catalogue, TasteConfig(least_events=10**6), 0) == {}
    assert fit_tastes(block, catalogue, TasteConfig(n_steps=0), 0) == {}
