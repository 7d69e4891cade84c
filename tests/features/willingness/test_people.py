import numpy as np

from features.willingness.config import LatentConfig
from features.willingness.people import learn_people
from tests.features.willingness.facts import facts_of


def test_people_come_no_more_often_than_they_did():
    facts = facts_of(n_users=400, n_categories=3)
    rng = np.random.default_rng(0)
    exposed = rng.uniform(0.5, 3, (400, 3)).astype(np.float32)
    often = rng.gamma(0.3, 1 / 0.3, (400, 1)) * rng.gamma(0.5, 2.0, (400, 3))
    seen = rng.poisson(0.4 * often * exposed).astype(np.float32)
    people = learn_people(facts, seen, exposed, LatentConfig())
    np.testing.assert_allclose((people.rate * exposed).sum(axis=0), seen.sum(axis=0), rtol=0.03)


def test_who_came_often_is_believed_to_come_again_but_less():
    facts = facts_of(n_users=100, n_categories=1)
    exposed = np.ones((100, 1), dtype=np.float32)
    seen = np.zeros((100, 1), dtype=np.float32)
    seen[0] = 5
    rate = learn_people(facts, seen, exposed, LatentConfig()).rate[:, 0]
    assert rate[1] < rate[0] < 5


def test_where_nothing_was_on_hardly_anybody_is_believed_to_come():
    facts = facts_of(n_users=100, n_categories=2)
    nothing = np.zeros((100, 2), dtype=np.float32)
    assert learn_people(facts, nothing, nothing, LatentConfig()).rate.sum() < 2
