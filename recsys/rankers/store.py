"""Reading rankers back from a bundle, whatever their kind."""

from __future__ import annotations

from recsys.bundle import ModelBundle
from recsys.errors import BundleError
from recsys.rankers.base import Ranker
from recsys.rankers.factor import FactorRanker
from recsys.rankers.item_item import ItemItemRanker
from recsys.rankers.popularity import PopularityRanker

KINDS = {kind.kind: kind for kind in (FactorRanker, ItemItemRanker, PopularityRanker)}


def load_ranker(bundle: ModelBundle, name: str) -> Ranker:
    """The ranker saved under `name`.

    Raises:
        BundleError: there is none, or its kind is unknown to this version.
    """
    kind = bundle.json(f"{name}/ranker")["kind"]
    if kind not in KINDS:
        raise BundleError(f"ranker {name} is of the unknown kind {kind!r}, expected {', '.join(KINDS)}; train again")
    return KINDS[kind].load(bundle, name)
