"""The place: real names and tree of Shandong, made-up coordinates, populations and venues."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.errors import UnknownIdError

KM_PER_DEGREE = 111.195
LEVEL_OF_LENGTH = {2: "province", 4: "city", 6: "county", 9: "township", 12: "village"}
PARENT_LENGTH = {4: 2, 6: 4, 9: 6, 12: 9}
TYPICAL_COUNTY_POPULATION = 450_000.0

_DATA = files("recsys.simulation.setting") / "data"


@dataclass(frozen=True)
class Place:
    """Regions and venues.

    Attributes:
        regions: Contract columns, parents first.
        venues: Contract columns and `county_id` (empty for a city's own venue), `city_id`, `township_id`.
        villages: `region_id`, `township_id`, `county_id`, `city_id`, `lat`, `lon`, `population`; a township
            without villages stands for itself.
    """

    regions: pd.DataFrame
    venues: pd.DataFrame
    villages: pd.DataFrame


def region_code(region_id: str) -> str:
    """How the codes of all that is in a region begin; the national code of a province or city is filled up with zeros.

    Raises:
        UnknownIdError: `region_id` is not a province, city or county of Shandong.
    """
    code = region_id.removesuffix("00").removesuffix("00") if len(region_id) == 6 else region_id
    if len(code) > 6 or code not in set(_tree()["region_id"]):
        codes = "expected a national code such as 37 (the province), 3701 (a city) or 370114 (a county)"
        raise UnknownIdError("province, city or county of Shandong", [region_id], codes)
    return code


def make_place(region_id: str, users: int, rng: np.random.Generator) -> Place:
    """Regions under `region_id` and the path above it, with coordinates, population and venues.

    Raises:
        UnknownIdError: `region_id` is not a province, city or county of Shandong.
    """
    tree, region_id = _tree(), region_code(region_id)
    under = tree["region_id"].str.startswith(region_id)
    above = tree["region_id"].isin([region_id[:n] for n in (2, 4, 6) if n < len(region_id)])
    regions = tree[under | above].copy()
    regions["level"] = regions["region_id"].str.len().map(LEVEL_OF_LENGTH)
    regions = regions.sort_values("region_id", key=lambda s: s.str.len(), kind="stable").reset_index(drop=True)
    regions["parent_id"] = [r[: PARENT_LENGTH[len(r)]] if len(r) > 2 else None for r in regions["region_id"]]
    regions = _with_coordinates(_with_population(regions, rng), rng)
    villages = _dwellings(regions)
    return Place(regions, _venues(regions, users, rng), villages)


@lru_cache(maxsize=1)
def _tree() -> pd.DataFrame:
    with (_DATA / "shandong.csv.gz").open("rb") as raw, gzip.open(raw, "rt") as file:
        return pd.read_csv(file, dtype={"region_id": str, "name": str, "population": float})


@lru_cache(maxsize=1)
def _outlines() -> dict[str, NDArray[np.float64]]:
    raw = (_DATA / "county_outlines.json.gz").read_bytes()
    return {k: np.array(v) for k, v in json.loads(gzip.decompress(raw)).items()}


def _with_population(regions: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Census of the county shared out, heavy-tailed, streets denser than towns; inner regions are sums."""
    ids, level = regions["region_id"], regions["level"]
    weight = np.where(level == "township", rng.lognormal(0, 0.5, len(regions)), rng.lognormal(0, 0.7, len(regions)))
    weight = weight * np.where(regions["name"].str.endswith(("街道", "居民委员会", "居委会")), 2.0, 1.0)
    population = regions["population"].to_numpy(dtype=float).copy()
    is_county = (level == "county").to_numpy()
    population[is_county & np.isnan(population)] = TYPICAL_COUNTY_POPULATION
    number = pd.Series(population, index=ids)
    for inner in ("township", "village"):
        here = (level == inner).to_numpy()
        parent = regions.loc[here, "parent_id"]
        share = pd.Series(weight[here], index=parent.index)
        share = share / share.groupby(parent.to_numpy()).transform("sum")
        number[ids[here]] = np.round(share.to_numpy() * number[parent].to_numpy())
    for outer, length in (("city", 4), ("province", 2)):
        total = number[ids[is_county]].groupby(ids[is_county].str[:length].to_numpy()).sum()
        here = ids[level == outer]
        number[here] = total.reindex(here).to_numpy()
    return regions.assign(population=number.to_numpy())


def _with_coordinates(regions: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """County centres from outlines; townships spread inside, streets near the centre; villages around towns."""
    outlines = _outlines()
    known = {k: v.mean(axis=0) for k, v in outlines.items()}
    centre: dict[str, tuple[float, float]] = {}
    by_parent = dict(list(regions.groupby("parent_id", sort=False)))
    for county in regions.loc[regions["level"] == "county", "region_id"]:
        centre[county] = _county_centre(county, known, rng)
        towns = by_parent.get(county)
        if towns is None:
            continue
        spots = _township_spots(
            outlines.get(county), centre[county], towns["name"].str.endswith("街道").to_numpy(), rng
        )
        for town, spot in zip(towns["region_id"], spots, strict=True):
            centre[town] = (spot[0], spot[1])
            inner = by_parent.get(town)
            if inner is not None:
                offset = rng.normal(0, 2.2 / KM_PER_DEGREE, (len(inner), 2))
                for village, move in zip(inner["region_id"], offset, strict=True):
                    centre[village] = (spot[0] + move[0] / 0.8, spot[1] + move[1])
    for length, level in ((4, "city"), (2, "province")):
        for one in regions.loc[regions["level"] == level, "region_id"]:
            centre[one] = tuple(np.mean([v for k, v in known.items() if k[:length] == one] or [(118.0, 36.4)], axis=0))
    lon_lat = np.array([centre[r] for r in regions["region_id"]])
    return regions.assign(lat=lon_lat[:, 1].round(5), lon=lon_lat[:, 0].round(5))


def _county_centre(county: str, known: dict[str, NDArray[np.float64]], rng: np.random.Generator) -> tuple[float, float]:
    if county in known:
        return float(known[county][0]), float(known[county][1])
    siblings = [v for k, v in known.items() if k[:4] == county[:4]] or list(known.values())
    lon, lat = np.mean(siblings, axis=0) + rng.normal(0, 0.1, 2)
    return float(lon), float(lat)


def _township_spots(
    outline: NDArray[np.float64] | None,
    centre: tuple[float, float],
    is_street: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """(n, 2) lon, lat: streets within some kilometres of the centre, towns far from each other."""
    if outline is None:
        pool = np.array(centre) + rng.normal(0, 0.07, (400, 2))
    else:
        low, high = outline.min(axis=0), outline.max(axis=0)
        pool = rng.uniform(low, high, (1200, 2))
        pool = pool[_inside(pool, outline)]
        if len(pool) < 50:
            pool = np.array(centre) + rng.normal(0, 0.05, (400, 2))
    spots = np.empty((len(is_street), 2))
    taken: list[NDArray[np.float64]] = [np.array(centre)]
    for num, street in enumerate(is_street):
        if street and num < 8:
            spots[num] = np.array(centre) + rng.normal(0, 3.0 / KM_PER_DEGREE, 2)
        else:
            tried = pool[rng.integers(0, len(pool), 12)]
            apart = np.min(np.linalg.norm(tried[:, None] - np.array(taken)[None], axis=2), axis=1)
            spots[num] = tried[np.argmax(apart)]
        taken.append(spots[num])
    return spots


def _inside(points: NDArray[np.float64], outline: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Even-odd rule."""
    x, y = points[:, :1], points[:, 1:]
    x0, y0 = outline[:, 0], outline[:, 1]
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    straddles = (y0 > y) != (y1 > y)
    crossing = x0 + (y - y0) * (x1 - x0) / np.where(y1 == y0, 1e-12, y1 - y0)
    return np.asarray((straddles & (x < crossing)).sum(axis=1) % 2 == 1)


def _dwellings(regions: pd.DataFrame) -> pd.DataFrame:
    """Where people live: villages, or the township, or the county, where there is nothing below."""
    leaves = regions[~regions["region_id"].isin(regions["parent_id"].dropna()) & (regions["region_id"].str.len() >= 6)]
    ids = leaves["region_id"]
    return pd.DataFrame(
        {
            "region_id": ids.to_numpy(),
            "township_id": ids.str[:9].to_numpy(),
            "county_id": ids.str[:6].to_numpy(),
            "city_id": ids.str[:4].to_numpy(),
            "lat": leaves["lat"].to_numpy(),
            "lon": leaves["lon"].to_numpy(),
            "population": np.maximum(leaves["population"].to_numpy(), 1.0),
        }
    )


_COUNTY_VENUES = (
    ("文化馆", "cultural_centre", 6, 300, 48),
    ("图书馆", "library", 3, 150, 24),
    ("博物馆", "museum", 2, 120, 14),
    ("大剧院", "theatre", 1, 800, 8),
)


def _venues(regions: pd.DataFrame, users: int, rng: np.random.Generator) -> pd.DataFrame:
    """County houses, a station in each township, rooms in some villages; city houses where cities are whole."""
    rows: list[tuple[str, Any, str, int, int, int]] = []
    n_counties = max(int((regions["level"] == "county").sum()), 1)
    village_rooms = 0.06 * np.clip(users / n_counties / 18000, 0.15, 1.0)
    whole_cities = set(regions.loc[regions["level"] == "county", "region_id"].str[:4]) if n_counties > 1 else set()
    chance = rng.random(len(regions))
    for region, lucky in zip(regions.itertuples(index=False), chance, strict=True):
        name, short = str(region.name), str(region.name)
        for suffix in ("村民委员会", "社区居民委员会", "居民委员会", "村委会", "居委会"):
            short = short.removesuffix(suffix)
        if region.level == "county":
            rows += [(name + n, region, kind, rooms, seats, slots) for n, kind, rooms, seats, slots in _COUNTY_VENUES]
        elif region.level == "city" and region.region_id in whole_cities:
            rows += [(name + n, region, k, r * 2, s * 2, w) for n, k, r, s, w in _COUNTY_VENUES[:1]]
        elif region.level == "township":
            rows.append(
                (name + "综合文化站", region, "station", int(rng.integers(2, 4)), 80, int(rng.integers(10, 19)))
            )
        elif region.level == "village" and lucky < village_rooms:
            rows.append((short + "文化活动室", region, "village_room", 1, 40, int(rng.integers(4, 9))))
    ids = [str(r[1].region_id) for r in rows]
    spread = {"county": 1.0, "city": 1.0, "township": 0.4, "village": 0.2}
    km = np.array([spread[str(r[1].level)] for r in rows])[:, None]
    move = rng.normal(0, 1, (len(rows), 2)) * km / KM_PER_DEGREE
    lat = np.array([float(r[1].lat) for r in rows]) + move[:, 0]
    lon = np.array([float(r[1].lon) for r in rows]) + move[:, 1]
    return pd.DataFrame(
        {
            "venue_id": [f"v{n:05d}" for n in range(len(rows))],
            "name": [r[0] for r in rows],
            "region_id": ids,
            "lat": lat.round(5),
            "lon": lon.round(5),
            "kind": [r[2] for r in rows],
            "rooms": [r[3] for r in rows],
            "seats": [r[4] for r in rows],
            "weekly_slots": [r[5] for r in rows],
            "county_id": [i[:6] if len(i) >= 6 else "" for i in ids],
            "city_id": [i[:4] for i in ids],
            "township_id": [i[:9] if len(i) >= 9 else "" for i in ids],
        }
    )
