"""People as a forecaster of sessions sees them: who lives near which venue, who came, and who looked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from features.ages import age_bands
from features.geography.cells import cells_of
from features.geography.positions import Positions, positions
from recsys.ages import local_year
from recsys.dataset import Dataset, local_times, places_among, split_list
from recsys.regions import RegionTree
from recsys.schema import TAKING_STATUSES

Ints = NDArray[np.int64]

AGE_EDGES = (18, 25, 35, 45, 55, 65, 75)
N_AGES = len(AGE_EDGES) + 2
"""Age groups; the last is of unknown age."""

BAND_KM = (0.5, 1, 1.5, 2, 3, 4, 5.5, 7, 9, 12, 16, 22, 30, 45)
N_BANDS = len(BAND_KM) + 1
"""Bands of distance; the last is of unknown distance. Who lives farther away is not near."""

N_STANCES = 3
"""Towards a category: no interest named at all, this one named, others named."""

_PEOPLE_A_CELL, _CELLS = 20, (200, 2_000)
_MOST_PEOPLE = 200_000
_WAITS = "waitlisted"


@dataclass(frozen=True)
class PeopleBook:
    """One row a person who did not opt out; of very many an even part.

    Attributes:
        age: Age group.
        township: Code.
        cell: Neighbourhood; the last is of unknown homes.
        known_age: Weeks back from `as_of` to the registration; inf: always known.
        stance: (n_people, n_categories) see `N_STANCES`.
        near: (n_places, n_cells) 1 + band of the distance of neighbourhoods that are near a place; a last place is of
            sessions without a venue, which are near to all at an unknown distance.
        came: Person, and `came_to`: session row, of each booking that took a place or waits for one.
        looked: Person, `looked_at`: first session row, and `looked_age`: weeks back, of each day on which somebody
            looked at an activity and never booked it.
    """

    age: Ints
    township: Ints
    cell: Ints
    known_age: NDArray[np.float64]
    stance: NDArray[np.int8]
    near: sparse.csr_array
    came: Ints
    came_to: Ints
    looked: Ints
    looked_at: Ints
    looked_age: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.age)

    @property
    def n_cells(self) -> int:
        """Neighbourhoods, that of unknown homes included."""
        return int(self.near.shape[1])

    def bands(self, places: Ints, people: Ints) -> Ints:
        """(n,) band of the distance of each person from each place; -1: not near."""
        if not len(places):
            return np.zeros(0, dtype=np.int64)
        return np.asarray(self.near[places, self.cell[people]]).ravel().astype(np.int64) - 1


def people_book(
    dataset: Dataset, tree: RegionTree, sessions: pd.DataFrame, venue_ids: NDArray[np.object_], categories: pd.Index
) -> PeopleBook:
    """People beside the rows of a session book.

    Args:
        dataset: What is known.
        tree: Its regions.
        sessions: Contract rows of the book, in its order.
        venue_ids: Venue of each place.
        categories: Ids by number.
    """
    chosen = np.flatnonzero(dataset.users["personalised"].to_numpy(dtype=bool))
    chosen = chosen[:: max(1, -(-len(chosen) // _MOST_PEOPLE))]
    users = dataset.users.iloc[chosen]
    as_of = dataset.data_until.tz_convert(dataset.timezone).tz_localize(None)
    places = positions(dataset, tree)
    near, cell = _near(places, tree, chosen, pd.Index(dataset.venues["venue_id"]).get_indexer(pd.Index(venue_ids)))
    region = tree.ids.nums_or_missing(users["region_id"])
    township = np.append(tree.ancestors_at("township"), -1)[region]
    came, came_to = _came(dataset, users["user_id"], sessions["session_id"])
    looks = _looks(dataset, users["user_id"], sessions["activity_id"], as_of, came, came_to)
    year = local_year(dataset.data_until, dataset.timezone)
    return PeopleBook(
        age=age_bands(users["birth_year"], year, AGE_EDGES, unknown=N_AGES - 1),
        township=np.unique(township, return_inverse=True)[1].astype(np.int64),
        cell=cell,
        known_age=np.nan_to_num(weeks_back(users["registered_at"], dataset.timezone, as_of), nan=np.inf),
        stance=_stance(users["interests"].reset_index(drop=True), categories),
        near=near,
        came=came,
        came_to=came_to,
        looked=looks["person"].to_numpy(),
        looked_at=looks["session"].to_numpy(),
        looked_age=looks["age"].to_numpy(),
    )


def _near(places: Positions, tree: RegionTree, chosen: Ints, venues: Ints) -> tuple[sparse.csr_array, Ints]:
    """See `PeopleBook.near`, and each person's neighbourhood; `venues` (n_places - 1,) rows, -1 where unknown."""
    homes = places.users[chosen]
    if not np.isfinite(places.venues[venues[venues >= 0]]).any():
        # Homes tell nothing of how far people go to venues that lie nowhere.
        homes = np.full_like(homes, np.nan)
    most = int(np.clip(len(chosen) // _PEOPLE_A_CELL, *_CELLS))
    cells, cell = cells_of(homes[:, 0], homes[:, 1], most)
    n_places, n_cells = len(venues) + 1, len(cells) + 1
    band = np.full((n_places, n_cells), N_BANDS, dtype=np.int8)
    if len(cells):
        centres = np.column_stack([cells.lat, cells.lon])
        nowhere = np.full(len(cells), -1, dtype=np.int64)
        km = replace(places, users=centres, user_regions=nowhere).km(tree, venues=venues[venues >= 0]).T
        found = np.where(km >= BAND_KM[-1], 0, 1 + np.digitize(km, BAND_KM)).astype(np.int8)
        band[np.flatnonzero(venues >= 0), :-1] = np.where(np.isnan(km), N_BANDS, found)
    return sparse.csr_array(band), np.where(cell < 0, n_cells - 1, cell)


def _came(dataset: Dataset, user_ids: pd.Series, session_ids: pd.Series) -> tuple[Ints, Ints]:
    wanted = dataset.bookings[dataset.bookings["status"].isin([*TAKING_STATUSES, _WAITS])]
    person, session = places_among(wanted["user_id"], user_ids), places_among(wanted["session_id"], session_ids)
    both = (person >= 0) & (session >= 0)
    return person[both], session[both]


def _looks(
    dataset: Dataset, user_ids: pd.Series, activity_ids: pd.Series, as_of: pd.Timestamp, came: Ints, came_to: Ints
) -> pd.DataFrame:
    """`person`, `session`, `age` of each look; an activity stands by its first session."""
    activity, ids = pd.factorize(activity_ids)
    first = np.unique(activity, return_index=True)[1]
    feedback = dataset.feedback[dataset.feedback["kind"].isin(["view", "favourite", "share"])]
    looks = pd.DataFrame(
        {
            "person": places_among(feedback["user_id"], user_ids),
            "activity": places_among(feedback["activity_id"], pd.Series(ids)),
            "age": weeks_back(feedback["occurred_at"], dataset.timezone, as_of),
        }
    )
    looks = looks[(looks["person"] >= 0) & (looks["activity"] >= 0)]
    looks = looks[~looks.assign(day=np.floor(7 * looks["age"]))[["person", "activity", "day"]].duplicated()]
    booked = np.unique(came * max(len(ids), 1) + activity[came_to])
    looks = looks[~np.isin(looks["person"] * max(len(ids), 1) + looks["activity"], booked)]
    return looks.assign(session=first[looks["activity"].to_numpy(dtype=np.int64)] if len(first) else 0)


def _stance(interests: pd.Series, categories: pd.Index) -> NDArray[np.int8]:
    named = split_list(interests)
    found = np.zeros((len(interests), len(categories)), dtype=np.int8)
    found[np.unique(named.index.to_numpy(dtype=np.int64))] = 2
    column = categories.get_indexer(pd.Index(named))
    found[named.index.to_numpy(dtype=np.int64)[column >= 0], column[column >= 0]] = 1
    return found


def weeks_back(times: pd.Series, timezone: str, as_of: pd.Timestamp) -> NDArray[np.float64]:
    """(n,) weeks from each time to `as_of`, both by the local clock; NaN for none."""
    return ((as_of - local_times(times, timezone)) / pd.Timedelta(weeks=1)).to_numpy(dtype=float)
