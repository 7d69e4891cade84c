"""Inputs of openings in a bundle: written by training, read by serving."""

from __future__ import annotations

import numpy as np

from recsys.bundle import BundleWriter, ModelBundle
from recsys.ids import IdMap
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.learned.saturation import Saturation
from recsys.regions import RegionTree, region_frame

_ARRAYS = (
    "rate", "reach", "km", "age_group", "lapsed", "size", "point_region", "access", "taken", "slot_fit", "runs_now",
    "busy", "show", "typical_size", "group_gain", "group_bend", "run_fit", "drawn_levels", "drawn_slots",
    "outlook",
)  # fmt: skip


def save_openings(inputs: OpeningInputs, writer: BundleWriter) -> None:
    """Adds the inputs to a bundle as `openings/...`."""
    for name in _ARRAYS:
        writer.array(f"openings/{name}", np.ascontiguousarray(getattr(inputs, name)))
    writer.table("openings/venues", inputs.venues)
    writer.table("openings/slots", inputs.slots)
    writer.table("openings/regions", region_frame(inputs.tree))
    writer.table("openings/followed", inputs.followed)
    writer.json(
        "openings/facts",
        {
            "categories": inputs.categories.tolist(),
            "taught": inputs.taught.tolist(),
            "age_groups": list(inputs.age_groups),
            "saturation": [inputs.saturation.family, inputs.saturation.k],
            "bias": inputs.bias,
            "spread": inputs.spread,
            "data_until": inputs.data_until,
        },
    )


def load_openings(bundle: ModelBundle) -> OpeningInputs:
    """The inputs that `save_openings` wrote, on memory-mapped arrays."""
    facts = bundle.json("openings/facts")
    regions = bundle.table("openings/regions")
    ids = IdMap.of(regions["region_id"], "region_id")
    tree = RegionTree(
        ids,
        regions["name"].to_numpy(dtype=object),
        regions["level"].to_numpy(dtype=object),
        ids.nums_or_missing(regions["parent_id"]),
    )
    return OpeningInputs(
        categories=np.array(facts["categories"], dtype=object),
        venues=bundle.table("openings/venues"),
        slots=bundle.table("openings/slots"),
        tree=tree,
        age_groups=tuple(facts["age_groups"]),
        taught=np.array(facts["taught"], dtype=bool),
        saturation=Saturation(*facts["saturation"]),
        bias=float(facts["bias"]),
        spread=float(facts["spread"]),
        data_until=str(facts["data_until"]),
        followed=bundle.table("openings/followed"),
        **{name: bundle.array(f"openings/{name}") for name in _ARRAYS},
    )
