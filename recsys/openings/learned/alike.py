"""People alike as one point: whoever lives in one place, is of one age group and so on answers every question alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.openings.learned.inputs import OpeningInputs
from recsys.sums import row_sums


def alike(inputs: OpeningInputs) -> OpeningInputs:
    """The same inputs with points that differ in nothing but how much they want as one, in the order of the first.

    People and what they want add up over points, so answers are the same but for rounding. Of a county's people, of
    whom a third tell no place, four in ten points go.
    """
    if not len(inputs.size):
        return inputs
    kind = _kinds(inputs.age_group, inputs.point_region, inputs.lapsed, inputs.reach, inputs.km, inputs.access)
    first = np.unique(kind, return_index=True)[1]

    def added(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return row_sums(values.astype(np.float64), kind, len(first)).astype(np.float32)

    return replace(
        inputs,
        rate=added(inputs.rate),
        reach=inputs.reach[first],
        km=inputs.km[first],
        age_group=inputs.age_group[first],
        lapsed=inputs.lapsed[first],
        size=added(inputs.size),
        point_region=inputs.point_region[first],
        access=inputs.access[first],
        taken=added(inputs.taken),
    )


def _kinds(*columns: NDArray[Any]) -> NDArray[np.int64]:
    """(n,) number of what each row holds in all arrays, (n,) or (n, ...), to the bit; counted from the first row on."""
    n = len(columns[0])
    kind = np.zeros(n, dtype=np.int64)
    for column in columns:
        rows = np.ascontiguousarray(column).reshape(n, -1)
        if rows.shape[1]:
            as_bytes = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]
            kind = pd.factorize(kind * n + np.unique(as_bytes, return_inverse=True)[1])[0]
    return kind
