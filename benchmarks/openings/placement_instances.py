"""Random but realistic instances of the planning model: towns around cities, venues where people are."""

import numpy as np
from scipy.spatial import cKDTree

from recsys.placement.instance import PlacementInstance

PROVINCE_KM = 396.0
N_COUNTIES = 151


def province(
    seed: int,
    n_points: int = 1853,
    n_categories: int = 24,
    n_venues: int = 500,
    reach_km: float = 8.0,
    budget_share: float = 0.12,
    people_per_category: float = 3.0,
) -> tuple[PlacementInstance, np.ndarray, np.ndarray]:
    """An instance with the city (of 16) and the county (of 151) of each township.

    County seats lie about 32 km apart; townships scatter around them, closer in the 16 counties that are towns;
    people are lognormal and more near seats;
    tastes differ by category (Zipf), county and township; distance decay is Gaussian in `reach_km / 2`.
    """
    rng = np.random.default_rng(seed)
    city_of_county, county, towns, people = _townships(rng, n_points)
    demand = _wanted(rng, people, county, n_categories)
    demand *= people_per_category * n_points * n_categories / demand.sum()
    home = rng.choice(n_points, n_venues, p=people / people.sum())
    venues = towns[home] + rng.normal(0, 1.0, (n_venues, 2))
    point, venue, km = _in_reach(towns, venues, reach_km)
    cost = np.round(rng.uniform(0.7, 1.6, n_categories), 2)[:, None] * np.ones(n_venues)
    runs_now = rng.random((n_categories, n_venues)) < 0.1
    instance = PlacementInstance(
        demand=demand,
        pair_point=point,
        pair_venue=venue,
        pair_weight=np.exp(-0.5 * (km / (reach_km / 2)) ** 2),
        seats=rng.choice([15.0, 20.0, 25.0, 30.0, 40.0], n_venues),
        slots=rng.integers(2, 11, n_venues),
        cost=cost,
        budget=float(np.round(budget_share * n_categories * n_venues)),
        allowed=~runs_now,
        teachers=np.full(n_categories, np.inf),
    )
    return instance, city_of_county[county], county


def _townships(rng: np.random.Generator, n_points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """City of each county; county, place and people of each township."""
    side = int(np.ceil(np.sqrt(N_COUNTIES)))
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)[:N_COUNTIES]
    seats = (grid + 0.5 + rng.uniform(-0.25, 0.25, grid.shape)) * PROVINCE_KM / side
    city_of_county = (grid[:, 0] * 4 // side) * 4 + grid[:, 1] * 4 // side
    urban = np.isin(np.arange(N_COUNTIES), [rng.choice(np.flatnonzero(city_of_county == c)) for c in range(16)])
    county = rng.integers(0, N_COUNTIES, n_points)
    spread = np.where(urban, 6.0, PROVINCE_KM / side / 3.0)[county]
    offset = rng.normal(0, 1, (n_points, 2)) * spread[:, None]
    away = np.hypot(*offset.T)
    people = rng.lognormal(0, 0.5, n_points) * (1 + 1.5 * np.exp(-away / 4)) * np.where(urban[county], 1.5, 1.0)
    return city_of_county, county, seats[county] + offset, people


def _wanted(rng: np.random.Generator, people: np.ndarray, county: np.ndarray, n_categories: int) -> np.ndarray:
    """(n_points, n_categories) what people want, to a factor."""
    popularity = np.arange(1, n_categories + 1) ** -0.8
    taste = popularity * rng.lognormal(0, 0.4, (N_COUNTIES, n_categories))[county]
    return people[:, None] * taste * rng.lognormal(0, 0.5, (len(people), n_categories))


def _in_reach(towns: np.ndarray, venues: np.ndarray, reach_km: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Township, venue and distance of each pair within reach, by venue."""
    near = cKDTree(venues).query_ball_point(towns, reach_km)
    point = np.repeat(np.arange(len(towns)), [len(n) for n in near])
    venue = np.concatenate([np.array(n, dtype=np.int64) for n in near])
    order = np.lexsort((point, venue))
    point, venue = point[order], venue[order]
    return point, venue, np.hypot(*(towns[point] - venues[venue]).T)


def part_of(one: PlacementInstance, inside: np.ndarray) -> PlacementInstance:
    """The instance of some points and the venues in their reach alone, with their share of the budget; no floors."""
    pairs = inside[one.pair_point]
    venues, venue = np.unique(one.pair_venue[pairs], return_inverse=True)
    new_point = np.cumsum(inside) - 1
    return PlacementInstance(
        demand=one.demand[inside],
        pair_point=new_point[one.pair_point[pairs]],
        pair_venue=venue,
        pair_weight=one.pair_weight[pairs],
        seats=one.seats[venues],
        slots=one.slots[venues],
        cost=one.cost[:, venues],
        budget=float(np.round(one.budget * len(venues) / one.n_venues)),
        allowed=one.allowed[:, venues],
        teachers=one.teachers,
    )
