import numpy as np
import pytest

from recsys.catchment import gaussian_weight


@pytest.mark.parametrize(("km", "weight"), [(0.0, 1.0), (5.0, 0.0), (9.0, 0.0), (np.nan, 0.0), (np.inf, 0.0)])
def test_weight_ends_at_reach(km, weight):
    assert float(gaussian_weight(np.array(km), 5.0)) == pytest.approx(weight)
