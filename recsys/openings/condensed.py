"""People who live together taken together: the same question in a tenth of the time, for comparing many plans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.openings.inputs import OpeningInputs


def condensed(
    inputs: OpeningInputs, worth: NDArray[np.float32] | None = None
) -> tuple[OpeningInputs, NDArray[np.float32] | None]:
    """Points of one region, age group and nearest venue as one point; rates add up, the rest are means by rate.

    Args:
        inputs: What is known.
        worth: (n_points,) what one person counts, None for all alike; its means by rate come back.
    """
    if not len(inputs.size):
        return inputs, worth
    nearest = inputs.reach.argmax(axis=1) if inputs.reach.shape[1] else np.zeros(len(inputs.size), dtype=np.int64)
    first, cell = np.unique(
        np.stack([inputs.point_region, inputs.age_group, nearest]), axis=1, return_index=True, return_inverse=True
    )[1:]
    rate = inputs.rate.sum(axis=1, dtype=np.float64) + 1e-12
    adds = sparse.csr_array((np.ones(len(cell)), (cell, np.arange(len(cell)))))
    share = rate / (adds @ rate)[cell]
    means = sparse.csr_array((share, (cell, np.arange(len(cell)))))
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
    return merged, None if worth is None else (means @ worth).astype(np.float32)
