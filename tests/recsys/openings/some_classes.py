"""Classes of made-up inputs as questions name them."""

import numpy as np


def running_class(inputs):
    c, v = np.argwhere(inputs.runs_now)[0]
    return {"category": str(inputs.categories[c]), "venue_id": str(inputs.venues["venue_id"].iloc[v])}


def free_classes(inputs, n=1):
    pairs = np.argwhere(~inputs.runs_now)[:n]
    return [
        {"category": str(inputs.categories[c]), "venue_id": str(inputs.venues["venue_id"].iloc[v])} for c, v in pairs
    ]
