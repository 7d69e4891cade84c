import numpy as np
from scipy import sparse

from features.willingness.config import LatentConfig
from features.willingness.people import alike, people_rates, segment_rates


def _rates(seen, exposed):
    """Rates of people of whom nothing is known: one segment of all, one signal that tells nothing."""
    everybody = sparse.csr_array(np.ones((len(seen), 1), dtype=np.float32))
    firm, nothing = alike([everybody], seen.shape[1], 60.0), np.zeros((*seen.shape, 1), dtype=np.float32)
    return people_rates([everybody], firm, nothing, seen, exposed, LatentConfig())


def test_people_come_no_more_often_than_they_did():
    rng = np.random.default_rng(0)
    exposed = rng.uniform(0.5, 3, (400, 3)).astype(np.float32)
    often = rng.gamma(0.3, 1 / 0.3, (400, 1)) * rng.gamma(0.5, 2.0, (400, 3))
    seen = rng.poisson(0.4 * often * exposed).astype(np.float32)
    np.testing.assert_allclose((_rates(seen, exposed) * exposed).sum(axis=0), seen.sum(axis=0), rtol=0.03)


def test_who_came_often_is_believed_to_come_again_but_less():
    exposed = np.ones((100, 1), dtype=np.float32)
    seen = np.zeros((100, 1), dtype=np.float32)
    seen[0] = 5
    rate = _rates(seen, exposed)[:, 0]
    assert rate[1] < rate[0] < 5


def test_where_nothing_was_on_hardly_anybody_is_believed_to_come():
    nothing = np.zeros((100, 2), dtype=np.float32)
    assert _rates(nothing, nothing).sum() < 2


def test_signals_tell_people_apart_as_strongly_as_they_do():
    rng = np.random.default_rng(1)
    signal = rng.normal(0, 1, (3000, 2, 1)).astype(np.float32)
    exposed = np.ones((3000, 2), dtype=np.float32)
    seen = rng.poisson(0.3 * np.exp(0.8 * signal[:, :, 0])).astype(np.float32)
    everybody = sparse.csr_array(np.ones((3000, 1), dtype=np.float32))
    rate = segment_rates(seen, exposed, [everybody], signal, alike([everybody], seen.shape[1], 60.0))
    slope = np.polyfit(signal[:, 0, 0], np.log(rate[:, 0]), 1)[0]
    np.testing.assert_allclose(slope, 0.8, atol=0.05)
    np.testing.assert_allclose(rate.sum(axis=0), seen.sum(axis=0), rtol=0.03)
