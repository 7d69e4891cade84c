"""People who live together taken together: the same question in a tenth of the time, for comparing many plans."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

if TYPE_CHECKING:
    from recsys.openings.inputs import OpeningInputs


@dataclass(frozen=True)
class Condensed:
    """People who live together taken together.

    Attributes:
        inputs: Points of one region, age group and nearest venue as one point; rates add up, the rest are means by
            rate.
        means: (n_new_points, n_points) weights of those means.
    """

    inputs: OpeningInputs
    means: sparse.csr_array

    def of(self, values: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        """(n_new_points,) means by rate of (n_points,) values."""
        return None if values is None else np.asarray(self.means @ values, dtype=np.float32)


def condensed(inputs: OpeningInputs) -> Condensed:
    """The inputs with people taken together."""
    n_points = len(inputs.size)
    if not n_points:
        return Condensed(inputs, sparse.csr_array((0, 0)))
    nearest = inputs.reach.argmax(axis=1) if inputs.reach.shape[1] else np.zeros(n_points, dtype=np.int64)
    first, cell = np.unique(
        np.stack([inputs.point_region, inputs.age_group, nearest]), axis=1, return_index=True, return_inverse=True
    )[1:]
    rate = inputs.rate.sum(axis=1, dtype=np.float64) + 1e-12
    adds = sparse.csr_array((np.ones(n_points), (cell, np.arange(n_points))))
    means = sparse.csr_array((rate / (adds @ rate)[cell], (cell, np.arange(n_points))))
    size = adds @ inputs.size
    merged = replace(
        inputs,
        rate=(adds @ inputs.rate).astype(np.float32),
        reach=(means @ inputs.reach).astype(np.float32),
        km=(means @ inputs.km.astype(np.float32)).astype(np.float16),
        age_group=inputs.age_group[first],
        lapsed=(adds @ (inputs.lapsed * inputs.size) / np.maximum(size, 1e-12)).astype(np.float32),
        size=size.astype(np.float32),
        point_region=inputs.point_region[first],
        access=(means @ inputs.access).astype(np.float32),
    )
    return Condensed(merged, means)
