"""What people of the same age, gender or place book more than others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.keys import KeyColumns
from features.signals.known.events import Events
from features.signals.known.groups import Profiles
from features.signals.known.lookup import Lookup, take_or_missing
from recsys.shrinkage import shrunk

GROUPED_LEVELS = ("category", "programme", "theme", "kind", "slot")
_PRIOR = 10.0


def group_lifts(
    profiles: Profiles, everybody: Events, lookup: Lookup, levels: Mapping[str, KeyColumns]
) -> dict[str, NDArray[np.float32]]:
    r"""Log lift of a key in a group, float32 (n_groups + 1, n_keys + 1) by grouping and level.

    The last row, of the unknown group, is NaN; the last column, of no key, is 0 elsewhere.

    $\log\frac{(c_{gk} + m p_k)}{(c_g + m) p_k}$ with $p_k$ the key's share of everybody's bookings.
    """
    lifts = {}
    for level in GROUPED_LEVELS:
        places = take_or_missing(levels[level].place_of_key, everybody.keys(lookup, level))
        n_keys = len(levels[level].keys)
        for name, groups in profiles.groups.items():
            group = groups[everybody.rows]
            took = group >= 0
            n_groups = int(groups.max(initial=-1)) + 1
            counts = np.zeros((n_groups, n_keys + 1))
            np.add.at(counts, (group[took], places[took]), 1.0)
            totals = counts.sum(axis=1, keepdims=True)
            share = (counts.sum(axis=0) + 0.5) / (totals.sum() + 0.5 * (n_keys + 1))
            lift = shrunk(counts, totals, _PRIOR, share) / share
            table = np.zeros((n_groups + 1, n_keys + 1), dtype=np.float32)
            table[-1] = np.nan
            table[:-1, :-1] = np.log(lift)[:, :-1]
            lifts[f"{name}_{level}"] = table
    return lifts
