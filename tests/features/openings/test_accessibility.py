import numpy as np
from scipy import sparse

from features.geography.positions import KM_PER_DEGREE
from features.openings.accessibility import accessibility, catchment
from recsys.catchment import gaussian_weight


def _plain(places, people, venues, supply, reach_km):
    scale = np.cos(np.radians(np.concatenate([places[:, 0], venues[:, 0]]).mean()))
    answer = np.zeros((len(places), supply.shape[1]))
    for j, venue in enumerate(venues):
        shared = 0.0
        km = [KM_PER_DEGREE * np.hypot(p[0] - venue[0], (p[1] - venue[1]) * scale) for p in places]
        for i in range(len(places)):
            shared += people[i] * float(gaussian_weight(np.array(km[i]), reach_km))
        for i in range(len(places)):
            if shared > 0:
                answer[i] += float(gaussian_weight(np.array(km[i]), reach_km)) * supply[j] / shared
    return answer


def test_sparse_equals_the_plain_loop():
    rng = np.random.default_rng(3)
    corner = np.array([36.0, 117.0])
    places, venues = corner + rng.uniform(0, 0.2, (40, 2)), corner + rng.uniform(0, 0.2, (7, 2))
    people, supply = rng.uniform(1, 9, 40), rng.uniform(0, 30, (7, 3))
    result = accessibility(catchment(places, venues, 6.0), people, supply)
    np.testing.assert_allclose(result, _plain(places, people, venues, supply, 6.0), atol=1e-9)
    # All supply that anybody reaches is shared out, nothing else.
    reached = catchment(places, venues, 6.0).sum(axis=0) > 0
    np.testing.assert_allclose(people @ result, supply[reached].sum(axis=0))


def test_same_as_pysal():
    """By `access.fca.two_stage_fca` of PySAL's access 1.1.10 with `gaussian_weight` and `max_cost` 5 on these ways.

    Its figures are written down, for it brings a geographer's whole stack along; who lives beyond reach it leaves out.
    """
    km = np.array([[0.0, 2.0, 7.0], [1.0, 3.0, 4.5], [2.5, 0.5, 6.0], [4.9, 4.0, 1.5], [6.0, 5.5, 5.2]])
    people, supply = np.array([120.0, 80, 40, 200, 60]), np.array([30.0, 12, 45])
    found = accessibility(sparse.csr_array(gaussian_weight(km, 5.0)), people, supply[:, None])[:, 0]
    theirs = [0.1700005030274248, 0.18883192903664014, 0.14009136961187413, 0.22944865264651423, 0.0]
    np.testing.assert_allclose(found, theirs, rtol=1e-12)


def test_places_without_coordinates_reach_nothing():
    weights = catchment(np.array([[np.nan, 117.0], [36.0, 117.0]]), np.array([[36.0, 117.0]]), 5.0)
    np.testing.assert_allclose(weights.toarray(), [[0.0], [1.0]])
