"""Reading rankers back from a bundle, whatever their kind."""

from __future__ import annotations

import numpy as np

from recsys.bundle import ModelBundle
from recsys.errors import BundleError
from recsys.rankers.base import Ranker
from recsys.rankers.blend import BlendRanker
from recsys.rankers.factor import FactorRanker
from recsys.rankers.hybrid import HybridRanker
from recsys.rankers.item_item import ItemItemRanker
from recsys.rankers.kernel import KernelRanker
from recsys.rankers.popularity import PopularityRanker

SINGLE_KINDS = {
    kind.kind: kind for kind in (FactorRanker, HybridRanker, ItemItemRanker, KernelRanker, PopularityRanker)
}


def load_ranker(bundle: ModelBundle, name: str) -> Ranker:
    """The ranker saved under `name`.

    Raises:
        BundleError: there is none, or its kind is unknown to this version.
    """
    about = bundle.json(f"{name}/ranker")
    if about["kind"] == BlendRanker.kind:
        weights = np.array(about["weights"], dtype=np.float64)
        return BlendRanker(tuple(load_ranker(bundle, f"{name}/{number}") for number in range(len(weights))), weights)
    kind = SINGLE_KINDS.get(about["kind"])
    if kind is None:
        expected = ", ".join(sorted([*SINGLE_KINDS, BlendRanker.kind]))
        raise BundleError(f"ranker {name} is of unknown kind {about['kind']!r}, expected {expected}; train again")
    return kind.load(bundle, name)
