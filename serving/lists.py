"""Lists for requests: ranked by the bundle, checked against the rows of this second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.ranking.answers import Recommendation, Request, answers, distances_km, visitor_block, wanted
from features.ranking.lists import Policy
from features.signals.catalogue import Catalogue
from features.signals.people import UserBlock
from recsys.availability import may_be_offered
from recsys.errors import UnknownIdError
from recsys.ranking.exploration import Exploration
from recsys.ranking.operator_rules import RuleTable
from recsys.sentences import Sentence
from serving.candidates import Checked
from serving.parts import BundleParts
from serving.popular import popular, what_is_so
from serving.problems import ProblemError, invalid
from serving.rows.live import LiveData
from serving.rows.people import people_block, people_rows
from serving.rows.picture import Offer, Picture
from serving.rows.queries import read_people


@dataclass(frozen=True)
class Made:
    """A list and what it was made from.

    Attributes:
        rows: The list.
        picture: The rows that it names.
        bundle: What ranked it, None where none serves.
        data_until: First instant that the ranking has not learned from.
        is_personal: Made for a person who has not opted out.
        region_id: Region that it is of, None for all.
    """

    rows: list[Recommendation]
    picture: Picture
    bundle: str | None
    data_until: pd.Timestamp
    is_personal: bool
    region_id: str | None = None


@dataclass(frozen=True)
class Only:
    """What a list is narrowed to beside the request: any of several categories and kinds; empty for all."""

    categories: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A list that is asked for.

    Attributes:
        request: What it is to hold.
        only: What it is narrowed to beside that.
        user_id: For whom; None for a visitor.
    """

    request: Request
    only: Only = Only()
    user_id: str | None = None


Failure = UnknownIdError | ProblemError
"""What is told to who asked, in place of a list."""


@dataclass(frozen=True)
class ListStyle:
    """How lists are made after scoring.

    Attributes:
        variety: Weight in [0, 1] of not repeating category, organiser and venue.
        exploration_share: Greatest share of a list's places for organisers that were shown little.
    """

    variety: float = 0.0
    exploration_share: float = 0.1

    def policy(self, offer: Offer, rules: RuleTable, now: pd.Timestamp) -> Policy:
        """What is done `now` to the scores of an offer's candidates."""
        exploration = None
        if self.exploration_share > 0:
            n_organisers = max(len(offer.catalogue.lookup.keys["organiser"]), 1)
            enough = max(sum(offer.n_shown.values()) / n_organisers, 1.0)
            day = now.tz_convert(offer.picture.dataset.timezone).date()
            exploration = Exploration(self.exploration_share, offer.n_shown, enough, day)
        return Policy(self.variety, rules if len(rules.valid_at(now)) else None, exploration)


def make_lists(
    live: LiveData,
    parts: BundleParts | None,
    now: pd.Timestamp,
    asked: Sequence[Asked],
    style: ListStyle | None = None,
) -> list[Made | Failure]:
    """Lists of sessions that can be booked at `now`, each the same as if it were asked for alone.

    The catalogue may be some seconds old; each candidate's own row and places, and the people's rows, are read now,
    so nothing is offered that was cancelled, filled or booked by the person a moment ago. Where nothing that a visitor
    asks for is on in their region, a village without a venue, the list is that of the smallest region around it where
    something is.

    Returns:
        A list for each, or why there is none: no such person or region, `max_km` without a place to measure from.

    Raises:
        ProblemError: the store cannot be reached.
    """
    offer, checked = live.on_offer()
    moment = _Moment(offer, checked, checked.is_open(now), now)
    alike: dict[tuple[bool, int], list[int]] = {}
    for place, one in enumerate(asked):
        alike.setdefault((one.user_id is None, one.request.k), []).append(place)
    made: dict[int, Made | Failure] = {}
    for (of_visitors, _), places in alike.items():
        some = [asked[place] for place in places]
        block, unknown = _visitors(moment, some) if of_visitors else _people(live, moment, some)
        lists = _made(moment, parts, block, some, unknown, style or ListStyle())
        made.update(zip(places, lists, strict=True))
    return [made[place] for place in range(len(asked))]


@dataclass(frozen=True)
class _Moment:
    """What can be booked at an instant.

    Attributes:
        offer: Candidates.
        checked: Their rows as they are now.
        is_open: (n_candidates,) can be booked now.
        now: The instant.
    """

    offer: Offer
    checked: Checked
    is_open: NDArray[np.bool_]
    now: pd.Timestamp

    @property
    def catalogue(self) -> Catalogue:
        """Candidates with the places left of now."""
        return self.checked.catalogue


def _visitors(moment: _Moment, asked: Sequence[Asked]) -> tuple[UserBlock, dict[int, Failure]]:
    """A row for each who asks, and nobody who is not known."""
    requests = [one.request for one in asked]
    return visitor_block(moment.catalogue, moment.offer.picture.dataset, requests, moment.now), {}


def _people(live: LiveData, moment: _Moment, asked: Sequence[Asked]) -> tuple[UserBlock, dict[int, Failure]]:
    """A row for each who asks, and, by place, of whom no row is known."""
    user_ids = [str(one.user_id) for one in asked]
    once = {user_id: row for row, user_id in enumerate(dict.fromkeys(user_ids))}
    tables, nobody = live.using(lambda store: read_people(store, list(once)))
    rows = people_rows(tables, list(once))
    block = people_block(moment.catalogue, rows, tables["removed_tags"], moment.now)
    unknown: dict[int, Failure] = {place: nobody[one] for place, one in enumerate(user_ids) if one in nobody}
    return block.take(np.array([once[user_id] for user_id in user_ids])), unknown


def _made(
    moment: _Moment,
    parts: BundleParts | None,
    block: UserBlock,
    asked: Sequence[Asked],
    unknown: dict[int, Failure],
    style: ListStyle,
) -> list[Made | Failure]:
    """Lists of one length for a row each of a block; those who are `unknown`, by place, have none."""
    made: dict[int, Made | Failure] = {**unknown}
    requests: dict[int, Request] = {}
    for place, one in enumerate(asked):
        if place not in unknown:
            try:
                requests[place] = _settled(moment, block, place, one)
            except (UnknownIdError, ProblemError) as failure:
                made[place] = failure
    if not requests:
        return [made[place] for place in range(len(asked))]
    catalogue, picture = moment.catalogue, moment.offer.picture
    block = block.take(np.array(list(requests)))
    among = np.stack([moment.is_open & _is_among(picture, catalogue, asked[place].only) for place in requests])
    if parts is None or parts.ranking is None:
        for row, (place, request) in enumerate(requests.items()):
            found = popular(catalogue, block.take(np.array([row])), request, among[row])
            made[place] = Made(found, picture, None, moment.now, False, request.region_id)
    else:
        policy = style.policy(moment.offer, moment.checked.rules, moment.now)
        lists = answers(parts.ranking, catalogue, block, list(requests.values()), policy, among)
        for row, (place, request) in enumerate(requests.items()):
            rows = [_with_reason(catalogue, one) for one in lists[row]]
            is_personal = asked[place].user_id is not None and bool(block.is_personal[row])
            made[place] = Made(rows, picture, parts.name, parts.data_until, is_personal, request.region_id)
    return [made[place] for place in range(len(asked))]


def _settled(moment: _Moment, block: UserBlock, row: int, asked: Asked) -> Request:
    """What is to be answered to a row's person: what is asked for, a visitor's region widened until something is on.

    Raises:
        UnknownIdError: no such region.
        ProblemError: `max_km` without a place to measure from.
    """
    request = asked.request
    if request.max_km is not None and request.lat is None and bool(np.isnan(block.lat[row])):
        needs = Sentence("需要 lat 和 lon：不知道从哪里量起", "needs lat and lon: no home is known to measure from")
        raise invalid("query.max_km", needs)
    if request.region_id is None:
        return request
    catalogue = moment.catalogue
    tree = catalogue.lookup.tree
    num = int(tree.ids.nums([request.region_id])[0])
    if asked.user_id is not None:
        return request
    offered = may_be_offered(catalogue.sessions, block.people.take(np.array([row])))[0] & moment.is_open
    offered &= _is_among(moment.offer.picture, catalogue, asked.only)
    distances = distances_km(catalogue, block, request, row)
    while num >= 0:
        wider = replace(request, region_id=str(tree.ids.ids[num]))
        if bool((offered & wanted(catalogue, wider, distances)).any()):
            return wider
        num = int(tree.parents[num])
    return request


def _with_reason(catalogue: Catalogue, row: Recommendation) -> Recommendation:
    """A row without a cause of its own says what is so, and claims no cause."""
    if row.reasons:
        return row
    column = int(np.flatnonzero(catalogue.sessions.session_ids == row.session_id)[0])
    return replace(row, reasons=(what_is_so(catalogue, column),))


def _is_among(picture: Picture, catalogue: Catalogue, only: Only) -> NDArray[np.bool_]:
    keep = np.ones(len(catalogue), dtype=bool)
    ids = catalogue.sessions.activity_ids
    for column, values in (("category", only.categories), ("kind", only.kinds)):
        if values:
            keep &= picture.activities[column].reindex(ids).isin(values).to_numpy(dtype=bool)
    return keep
