"""Ages of people in bands; each room that needs them has its own edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def age_bands(birth_years: pd.Series, year: int, edges: Sequence[int], unknown: int) -> NDArray[np.int64]:
    """(n,) how many of the edges each person's age has reached in a year; `unknown` for who tells none.

    Args:
        birth_years: NaN where unknown.
        year: In which a person is `year` less the birth year old.
        edges: Ages in years, ascending.
        unknown: Band of those of unknown age.
    """
    age = year - birth_years.to_numpy(dtype=np.float64)
    band = np.searchsorted(edges, np.nan_to_num(age), side="right")
    return np.where(np.isfinite(age), band, unknown).astype(np.int64)
