"""What no platform can see, as Parquet tables beside a manifest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.bookings.counts import early_share, groups, week_nums
from recsys.simulation.setting.catalogue import CATEGORY_NAMES, KINDS, STYLES
from recsys.simulation.setting.tastes import N_SLOTS
from recsys.simulation.truth.demand import demand_table
from recsys.simulation.truth.latent import latent_table
from recsys.simulation.world import World


def write_truth(world: World, folder: Path) -> None:
    """Writes all tables of the truth, the manifest last."""
    folder.mkdir(parents=True, exist_ok=True)
    config = world.config
    frames = {
        "people": _people_table(world),
        "sessions": _session_table(world),
        "memory": world.wishes.memory,
        "preferences": _preference_table(world),
        "outcomes": _outcomes(world),
        "demand": demand_table(world),
        "latent": latent_table(world),
        "regions": world.place.regions,
        "venues": world.place.venues,
    }
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    manifest = {
        "as_of": pd.Timestamp(config.as_of).tz_localize("Asia/Shanghai").isoformat(),
        "first_day": config.first_day.isoformat(),
        "timezone": "Asia/Shanghai",
        "weeks": config.weeks,
        "future_weeks": config.future_weeks,
        "shape": config.shape,
        "knobs": json.loads(config.model_dump_json()),
        "tables": {name: list(map(str, frame.columns)) for name, frame in frames.items()},
        "counts": {name: len(frame) for name, frame in world.tables.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")


def column_groups() -> dict[str, list[str]]:
    """Columns of `people` that hold arrays, by attribute of `People`."""
    return {
        "rates": [f"rate:{c}" for c in CATEGORY_NAMES],
        "child_rates": [f"child_rate:{c}" for c in CATEGORY_NAMES],
        "slots": [f"slot:{k}" for k in range(N_SLOTS)],
        "kinds": [f"kind:{k}" for k in KINDS],
        "styles": [f"style:{s}" for s in STYLES],
    }


def _people_table(world: World) -> pd.DataFrame:
    people, as_of = world.people, pd.Timestamp(world.config.as_of)
    arrays = {
        name: pd.Series(getattr(people, attribute)[:, k])
        for attribute, names in column_groups().items()
        for k, name in enumerate(names)
    }
    before = world.bookings[world.bookings["booked_at"] < as_of]
    came = before[before["attended"] & before["called_off"].isna()]
    ends = pd.Series(world.programme.sessions["ends_at"].to_numpy()[came["session_num"]])
    ends = ends[(ends < as_of).to_numpy()]
    users = came["user_num"].to_numpy()[ends.index]
    last = pd.Series(ends.to_numpy()).groupby(users).max().reindex(range(len(people)))
    table = people.table.assign(
        group=people.group,
        reach_km=people.reach_km,
        companion=people.companion,
        n_before=np.bincount(before["user_num"], minlength=len(people)),
        last_attended=last.to_numpy(),
    )
    return pd.concat([table, pd.DataFrame(arrays)], axis=1)


def _session_table(world: World) -> pd.DataFrame:
    """All sessions, published or not, with the expected requests and what came."""
    config, sessions, wishes = world.config, world.programme.sessions, world.wishes
    stay = 1 - config.cancel_rate
    rows = world.bookings
    held = rows[rows["places"] & rows["called_off"].isna()]
    asked = rows[~rows["is_spill"] & rows["cancels_at"].isna() & rows["called_off"].isna()]
    early = rows["booked_at"] < pd.Timestamp(config.as_of)

    def places(some: pd.DataFrame) -> NDArray[np.float64]:
        return np.bincount(some["session_num"], some["party"], len(sessions)).astype(np.float64)

    known_early = rows[early & ~(rows["cancels_at"] < pd.Timestamp(config.as_of)) & ~rows["is_spill"]]
    n_early = np.bincount(known_early["session_num"], minlength=len(sessions))
    return sessions.assign(
        week_num=week_nums(sessions, config),
        group=groups(sessions),
        early=early_share(sessions, pd.Timestamp(config.as_of)),
        **{f"mean_{k + 1}": wishes.means[:, k] * stay for k in range(3)},
        noise=wishes.noise,
        n_early=n_early,
        n_before=np.bincount(rows.loc[early, "session_num"], minlength=len(sessions)),
        waitlisted=places(rows[rows["waited"] & ~rows["is_spill"]]),
        early_places=places(known_early),
        demand=places(asked),
        bookings=places(held),
    )


def _preference_table(world: World) -> pd.DataFrame:
    """`user_id`, `session_id`, `chance` that the person books it at `as_of` or later."""
    table = world.wishes.preferences
    return pd.DataFrame(
        {
            "user_id": world.people.table["user_id"].to_numpy()[table["user_num"].to_numpy(dtype=np.int64)],
            "session_id": world.programme.sessions["session_id"].to_numpy()[
                table["session_num"].to_numpy(dtype=np.int64)
            ],
            "chance": table["chance"].to_numpy(dtype=np.float32),
        }
    )


def _outcomes(world: World) -> pd.DataFrame:
    """Bookings made at `as_of` or later, and later fates of those before (`booked_at` tells)."""
    rows = world.bookings
    session = world.programme.sessions.iloc[rows["session_num"].to_numpy()].reset_index(drop=True)
    future = (session["ends_at"] >= pd.Timestamp(world.config.as_of)).to_numpy()
    rows, session = rows[future].reset_index(drop=True), session[future].reset_index(drop=True)
    as_of = pd.Timestamp(world.config.as_of)
    holds = (rows["booked_at"] < as_of) & ~(rows["cancels_at"] < as_of) & ~(rows["called_off"] < as_of)
    return pd.DataFrame(
        {
            "user_id": world.people.table["user_id"].to_numpy()[rows["user_num"]],
            "session_id": session["session_id"],
            "activity_id": world.programme.activities["activity_id"].to_numpy()[session["activity_num"]],
            "starts_at": session["starts_at"],
            "booked_at": rows["booked_at"],
            "party_size": rows["party"],
            "has_place": rows["places"] & rows["called_off"].isna(),
            "attended": rows["attended"] & rows["called_off"].isna(),
            "cancelled": rows["cancels_at"].notna() | rows["called_off"].notna(),
            "is_spill": rows["is_spill"],
            "held_at_as_of": holds,
            "place_at_as_of": holds & (~rows["waited"] | (rows["promoted_at"] < as_of)),
        }
    )
