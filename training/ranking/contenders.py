"""Rankers that stand in the evaluation table beside those that feed what is served."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.signals.candidates.keys import SLOW_DAYS
from features.signals.catalogue import Catalogue
from features.signals.known.groups import AGE_EDGES, membership
from features.signals.known.lookup import LEARNER_LEVEL, Lookup
from features.signals.learned.learners import HISTORY_HALF_LIFE_DAYS
from features.signals.people import UserBlock, user_block
from recsys.closed import Closed
from recsys.dataset import Dataset
from recsys.errors import FitError
from recsys.rankers.base import UserBatch
from recsys.rankers.hybrid import HybridRanker
from recsys.rankers.popularity import PopularityRanker
from recsys.regions import RegionTree
from training.learners.hybrid import HybridConfig, fit_hybrid
from training.learners.popularity import PopularityConfig, fit_popularity

HYBRID = "hybrid"
REGIONAL = "regional popularity"
BACKED_OFF = "affinity, else regional popularity"

_ACTIVITY_FEATURES = ("organiser", "category", "kind")
_SESSION_FEATURES = ("venue", "township")
_N_GENDERS = 2
_USERS_AT_ONCE = 1000


class ContenderConfig(Closed):
    """Settings of the rankers that are only compared."""

    hybrid: HybridConfig = HybridConfig(n_factors=16, n_epochs=8)
    popularity: PopularityConfig = PopularityConfig()


@dataclass(frozen=True)
class Contenders:
    """What was learned; None where there was nothing to learn from.

    Attributes:
        hybrid: LightFM over features of programmes and of people.
        regional: Shares of programmes by region, backed off up the tree.
    """

    hybrid: HybridRanker | None
    regional: PopularityRanker | None

    def scores(
        self, catalogue: Catalogue, block: UserBlock, affinity: NDArray[np.float32]
    ) -> dict[str, NDArray[np.float32]]:
        """(n_users, n_candidates) scores by name; NaN where one cannot score.

        Args:
            catalogue: At the instant that they were learned at: programmes are told by its row numbers.
            block: People.
            affinity: Score by the decayed past, NaN for people without one.
        """
        columns = catalogue.levels[LEARNER_LEVEL]
        found = {}
        if self.hybrid is not None:
            batch = UserBatch(_histories(catalogue, block, HISTORY_HALF_LIFE_DAYS), _profiles(catalogue, block))
            values = np.pad(self.hybrid.scores(batch, columns.keys), ((0, 0), (0, 1)), constant_values=np.nan)
            found[HYBRID] = values[:, columns.of_candidate]
        if self.regional is not None:
            batch = UserBatch(_histories(catalogue, block, SLOW_DAYS), None, _regions(catalogue, block))
            a_session = self.regional.scores(batch, columns.keys) / (columns.sessions_slow + 1.0)
            values = np.pad(a_session, ((0, 0), (0, 1)), constant_values=np.nan)
            found[REGIONAL] = values[:, columns.of_candidate].astype(np.float32)
            found[BACKED_OFF] = np.where(np.isnan(affinity), found[REGIONAL], affinity)
        return found


def fit_contenders(known: Dataset, catalogue: Catalogue, config: ContenderConfig) -> Contenders:
    """Learns from what the data set knows at the catalogue's instant."""
    block = user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions)
    hybrid, regional = None, None
    try:
        hybrid = fit_hybrid(
            _histories(catalogue, block, HISTORY_HALF_LIFE_DAYS),
            config.hybrid,
            key_features(catalogue.lookup),
            _profiles(catalogue, block),
        )
        _, parents = wide_regions(catalogue.lookup.tree)
        regional = fit_popularity(
            _histories(catalogue, block, SLOW_DAYS), config.popularity, _regions(catalogue, block), parents
        )
    except FitError:
        return Contenders(hybrid, regional)
    return Contenders(hybrid, regional)


def key_features(lookup: Lookup) -> sparse.csr_array:
    """What is known of each programme: itself, organiser, category, kind, venues and townships, float32 CSR.

    Each of these has weight 1 in all, so that a programme of many venues weighs no more than another.
    """
    of_activity = lookup.activity_keys[LEARNER_LEVEL]
    of_session = lookup.of_sessions[LEARNER_LEVEL]
    n = max(len(lookup.keys[LEARNER_LEVEL]), 1)
    parts = [sparse.eye_array(n, format="csr")]
    parts += [_shares(of_activity, lookup.activity_keys[f], n, len(lookup.keys[f])) for f in _ACTIVITY_FEATURES]
    parts += [_shares(of_session, lookup.of_sessions[f], n, len(lookup.keys[f])) for f in _SESSION_FEATURES]
    return sparse.csr_array(sparse.hstack(parts, format="csr"), dtype=np.float32)


def _shares(keys: NDArray[np.int64], values: NDArray[np.int64], n_keys: int, n_values: int) -> sparse.csr_array:
    kept = (keys >= 0) & (values >= 0)
    shape = (n_keys, max(n_values, 1))
    counts = sparse.coo_array((np.ones(kept.sum()), (keys[kept], values[kept])), shape=shape).tocsr()
    totals = np.asarray(counts.sum(axis=1)).ravel()
    return sparse.csr_array(sparse.diags_array(1.0 / np.maximum(totals, 1.0)) @ counts)


def _histories(catalogue: Catalogue, block: UserBlock, half_life_days: float) -> sparse.csr_array:
    keys = block.events.keys(catalogue.lookup, LEARNER_LEVEL)
    shape = (len(block), max(len(catalogue.lookup.keys[LEARNER_LEVEL]), 1))
    return block.events.matrix(keys, shape, block.events.decayed(half_life_days)).astype(np.float32)


def _profiles(catalogue: Catalogue, block: UserBlock) -> sparse.csr_array:
    """One column for each age, gender, age of a gender, region, cell of the map (home) and category named."""
    n_regions = len(catalogue.lookup.tree)
    sizes = {
        "age": len(AGE_EDGES),
        "gender": _N_GENDERS,
        "age_gender": len(AGE_EDGES) * _N_GENDERS,
        "township": n_regions,
        "county": n_regions,
    }
    homes = catalogue.homes
    cells = [
        homes.cells.nearest(block.lat[start : start + _USERS_AT_ONCE], block.lon[start : start + _USERS_AT_ONCE])
        for start in range(0, len(block), _USERS_AT_ONCE)
    ]
    groups = {**block.profiles.groups, "home": np.concatenate([np.zeros(0, dtype=np.int64), *cells])}
    sizes["home"] = len(homes.cells)
    parts = [membership(groups[name], size).T for name, size in sizes.items()]
    return sparse.csr_array(sparse.hstack([*parts, block.interests], format="csr"), dtype=np.float32)


def _regions(catalogue: Catalogue, block: UserBlock) -> NDArray[np.int64]:
    """(n_users,) number among `wide_regions` of the township, else of the county, else -1."""
    township, county = block.profiles.groups["township"], block.profiles.groups["county"]
    number, _ = wide_regions(catalogue.lookup.tree)
    return np.append(number, -1)[np.where(township >= 0, township, county)]


def wide_regions(tree: RegionTree) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n_regions,) number among townships, counties and what lies above them, -1 for others; (n_wide,) their parents.

    Nobody's home is told by village here, and a province has sixty thousand of them: a row of shares for each would
    take gigabytes.
    """
    is_wide = np.isin(tree.levels.astype(str), ("township", "county"))
    for num in range(len(tree) - 1, 0, -1):
        # Parents come before their children.
        is_wide[tree.parents[num]] |= is_wide[num]
    number = np.where(is_wide, np.cumsum(is_wide) - 1, -1)
    above = tree.parents[is_wide]
    return number, np.where(above >= 0, number[above], -1)
