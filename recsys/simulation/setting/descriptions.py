"""What activities are called and say of themselves: organiser, title, text, tags, ages."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recsys.simulation.setting.catalogue import (
    AUDIENCE_NAMES,
    AUDIENCES,
    CATEGORIES,
    CATEGORY_NAMES,
    KIND_WORDS,
    KINDS,
    STYLES,
)
from recsys.simulation.setting.place import Place


def described(activities: pd.DataFrame, place: Place, rng: np.random.Generator) -> pd.DataFrame:
    """Adds organiser, names, texts and ages."""
    n = len(activities)
    venue = place.venues.iloc[activities["venue"].to_numpy()].reset_index(drop=True)
    kind = activities["kind_num"].to_numpy()
    # The venue's own house, or one of a few associations of its county.
    club = rng.integers(0, 6, n)
    own = rng.random(n) < 0.7
    organiser = np.where(
        own, "o-" + venue["venue_id"], "o-" + venue["city_id"] + venue["county_id"] + "-" + club.astype(str)
    )
    style = np.array(STYLES)[activities["style_num"]]
    words = np.array(
        [CATEGORIES[c].words[w] for c, w in zip(activities["category_num"], rng.integers(0, 3, n), strict=True)]
    )
    name = np.array(CATEGORY_NAMES)[activities["category_num"]]
    form = np.array([KIND_WORDS[KINDS[k]][w] for k, w in zip(kind, rng.integers(0, 3, n), strict=True)])
    audience = activities["audience_num"].to_numpy()
    whom = np.array(AUDIENCE_NAMES)[audience]
    number = activities["number"].to_numpy()
    term = np.where(number > 0, "第" + pd.Series(number).astype(str) + "期", "")
    # "吉他弹唱" says what it is; "山水" needs "国画" before it.
    topic = np.array([w if one in w else f"{one}·{w}" for one, w in zip(name, words, strict=True)])
    title = pd.Series(style) + "·" + topic + form + term
    text = venue["name"] + "举办" + name + "(" + words + ")" + form + ",面向" + whom + "," + style + "风格,欢迎参加。"
    min_age = np.select([audience == 1, audience == 2, audience == 3], [5.0, 18.0, 50.0], np.nan)
    online = kind == KINDS.index("livestream")
    return activities.assign(
        activity_id=[f"a{k:06d}" for k in range(n)],
        organiser_id=organiser,
        title=title.to_numpy(),
        description=text.to_numpy(),
        tags=(pd.Series(style) + ";" + words).to_numpy(),
        min_age=min_age,
        max_age=np.where(audience == 1, 14.0, np.nan),
        online=online,
    )


def public_columns(activities: pd.DataFrame) -> pd.DataFrame:
    """The contract's columns of described activities."""
    return pd.DataFrame(
        {
            "activity_id": activities["activity_id"],
            "category": np.array(CATEGORY_NAMES)[activities["category_num"]],
            "title": activities["title"],
            "description": activities["description"],
            "kind": np.array(KINDS)[activities["kind_num"]],
            "organiser_id": activities["organiser_id"],
            "tags": activities["tags"],
            "audience": np.array(AUDIENCES)[activities["audience_num"]],
            "min_age": activities["min_age"],
            "max_age": activities["max_age"],
            "online": activities["online"],
            "series_id": [f"s{s:05d}" if s >= 0 else None for s in activities["series"]],
        }
    )
