"""How often a person wants each key: a posterior from what they booked, looked at and could have, and who they are.

Rates are log-normal between people and what is seen of them is Poisson (Aitchison & Ho 1989, Biometrika 76(4);
Chiquet, Mariadassou & Robin 2021, Frontiers in Ecology and Evolution 9): the logarithm of a person's rate is the sum of
what people of the age, gender and township want, of factors in which keys go together, and of what is the person's own.
What people named as their interests tells of all of these, as far as people name what they do. Another such posterior
is of types of people (`people_types`); what is told is between the two, as far as each foretold what the other had not
seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.offer import DAYS_A_WEEK
from features.signals.catalogue import Catalogue
from features.signals.known.events import Events
from features.signals.known.lookup import WISH_LEVEL, Lookup
from features.signals.learned.people_types import PeopleTypes, load_types, type_multiples
from features.signals.learned.posterior import Naming, posterior
from features.signals.people import UserBlock
from recsys.bundle import BundleWriter, ModelBundle
from recsys.ids import IdMap

GROUPINGS = ("age", "gender", "township")
INTERESTS = ("named", "named, for children")

_LEAST_OFFERED = 0.02
"""Sessions near home that count as held where none was in reach: people go farther than they usually do."""


@dataclass(frozen=True)
class Seen:
    """What is seen of people, by key: (n_users, n_keys) each.

    Attributes:
        booked: Bookings.
        looked: Days on which one of the key's activities was looked at and not booked.
        offered: Sessions near home that could have been booked.
        weeks: Weeks in which there was something to look at.
        named: Whether the key's category is an interest.
    """

    booked: NDArray[np.float64]
    looked: NDArray[np.float64]
    offered: NDArray[np.float64]
    weeks: NDArray[np.float64]
    named: NDArray[np.float64]

    def among(self, keys: NDArray[np.int64]) -> Seen:
        """The same of some keys alone."""
        return Seen(**{name: values[:, keys] for name, values in vars(self).items()})


def seen_of(catalogue: Catalogue, block: UserBlock) -> Seen:
    """What is seen of a block of people, nothing of it decayed: what is over counts no more, see `Offer`."""
    lookup, offer = catalogue.lookup, catalogue.offer
    events = block.events
    keys = np.where(events.days <= offer.n_weeks * DAYS_A_WEEK, events.keys(lookup, WISH_LEVEL), -1)
    shape = (len(block), len(lookup.keys[WISH_LEVEL]))
    is_booked = events.sessions >= 0
    ones = np.ones(len(keys))
    offered, weeks = offer.seen_by(block.near, block.profiles.groups["age"], block.days_known)
    return Seen(
        booked=events.table(np.where(is_booked, keys, -1), shape, ones),
        looked=events.table(np.where(_is_look(events, len(lookup.activities)), keys, -1), shape, ones),
        offered=offered + _LEAST_OFFERED,
        weeks=weeks,
        named=np.take(np.pad(block.interests.toarray(), ((0, 0), (0, 1))), offer.category, axis=1),
    )


def _is_look(events: Events, n_activities: int) -> NDArray[np.bool_]:
    """(n_events,) the first feedback of a person on an activity in a day, unless it was booked that day or the next."""
    days = np.floor(events.days).astype(np.int64)
    n_days = int(days.max(initial=0)) + 2
    codes = (events.rows * n_activities + events.activities) * n_days + days
    told = np.flatnonzero(events.sessions < 0)
    booked = codes[events.sessions >= 0]
    first = told[np.unique(codes[told], return_index=True)[1]]
    is_look = np.zeros(len(codes), dtype=bool)
    is_look[first] = ~np.isin(codes[first], np.concatenate([booked, booked + 1]))
    return is_look


@dataclass(frozen=True)
class Wishes:
    """What was learned of everybody's wishes.

    Attributes:
        keys: Key ids of `WISH_LEVEL`.
        base: (n_keys,) log bookings of a session near home by a person of no group.
        looks: (n_keys,) looks a week for each booking of a session.
        named: (n_keys,) log of how much more often than wanted it is named.
        trust: How much naming a key counts, from 0 to 1.
        loadings: (n_keys, n_factors) what each factor, normal in people, changes.
        own: (2, n_points) multiples of a rate that are a person's own, and how frequent each is.
        interests: (2,) what interests change beyond what naming them tells of all keys, in the order of `INTERESTS`.
        effects: Grouping to (n_groups + 1, n_keys) what belonging to a group changes; the last row, of none, is 0.
        townships: Region ids by row of the effects of townships.
        types: Types of people.
        factor_share: How much of a log rate factors say, from 0 to 1; types say the rest.
    """

    keys: IdMap
    base: NDArray[np.float64]
    looks: NDArray[np.float64]
    named: NDArray[np.float64]
    trust: float
    loadings: NDArray[np.float64]
    own: NDArray[np.float64]
    interests: NDArray[np.float64]
    effects: Mapping[str, NDArray[np.float64]]
    townships: IdMap
    types: PeopleTypes
    factor_share: float

    def among(self, nums: NDArray[np.int64]) -> Wishes:
        """The same for some keys alone."""
        if np.array_equal(nums, np.arange(len(self.keys))):
            return self
        return Wishes(
            IdMap(self.keys.ids[nums], WISH_LEVEL),
            self.base[nums],
            self.looks[nums],
            self.named[nums],
            self.trust,
            self.loadings[nums],
            self.own,
            self.interests,
            {name: effect[:, nums] for name, effect in self.effects.items()},
            self.townships,
            self.types.among(nums),
            self.factor_share,
        )

    def of_groups(self, groups: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float64]:
        """(n_users, n_keys) log rate of people of these groups.

        Args:
            groups: Grouping to (n_users,) row of its effects, -1 for none.
        """
        total = np.repeat(self.base[None, :], len(groups["age"]), axis=0)
        for name, effect in self.effects.items():
            total += effect[np.where(groups[name] < len(effect) - 1, groups[name], -1)]
        return total

    def mean(
        self, groups: Mapping[str, NDArray[np.int64]], seen: Seen, is_for_children: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """(n_users, n_keys) log rate of people of these groups and interests.

        Args:
            groups: Grouping to (n_users,) row of its effects, -1 for none.
            seen: Of the same people.
            is_for_children: (n_keys,) see `Offer`.
        """
        total = self.of_groups(groups)
        for slope, values in zip(self.interests, told_interests(seen, is_for_children), strict=True):
            total += slope * values
        return total

    def groups(self, groups: Mapping[str, NDArray[np.int64]], lookup: Lookup) -> dict[str, NDArray[np.int64]]:
        """Rows of the effects for people's groups; townships are found again by their ids."""
        rows = np.full(len(groups["township"]), -1, dtype=np.int64)
        known = groups["township"] >= 0
        rows[known] = self.townships.nums_or_missing(lookup.tree.ids.ids[groups["township"][known]])
        return {**groups, "township": rows}

    def save(self, writer: BundleWriter, folder: str) -> None:
        """Adds the wishes to a bundle."""
        writer.json(f"{folder}/ids", {"keys": self.keys.ids.tolist(), "townships": self.townships.ids.tolist()})
        for name in _ARRAYS:
            writer.array(f"{folder}/{name}", getattr(self, name))
        for name, effect in self.effects.items():
            writer.array(f"{folder}/effects/{name}", effect)
        self.types.save(writer, f"{folder}/types")
        writer.json(f"{folder}/shares", {"trust": self.trust, "factor_share": self.factor_share})


_ARRAYS = ("base", "looks", "named", "loadings", "own", "interests")


def load_wishes(bundle: ModelBundle, folder: str) -> Wishes:
    """The wishes that `Wishes.save` wrote."""
    ids = bundle.json(f"{folder}/ids")
    arrays = {name: bundle.array(f"{folder}/{name}") for name in _ARRAYS}
    effects = {name: bundle.array(f"{folder}/effects/{name}") for name in GROUPINGS}
    shares = bundle.json(f"{folder}/shares")
    return Wishes(
        IdMap.of(ids["keys"], WISH_LEVEL),
        **arrays,
        effects=effects,
        townships=IdMap.of(ids["townships"], "township"),
        types=load_types(bundle, f"{folder}/types"),
        trust=shares["trust"],
        factor_share=shares["factor_share"],
    )


def told_interests(seen: Seen, is_for_children: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """(n_users, n_keys) in the order of `INTERESTS`: 1 where it is so."""
    return [seen.named * ~is_for_children, seen.named * is_for_children]


def naming_of(
    wishes: Wishes, groups: Mapping[str, NDArray[np.int64]], seen: Seen, is_for_children: NDArray[np.bool_]
) -> Naming:
    """What people named of what they want for themselves; of a child's wishes it tells nothing.

    Args:
        wishes: What was learned.
        groups: Grouping to (n_users,) row of its effects, -1 for none.
        seen: Of the same people.
        is_for_children: (n_keys,) see `Offer`.
    """
    rates = np.exp(wishes.of_groups(groups) + wishes.named) * ~is_for_children
    return Naming(wishes.trust * seen.named * ~is_for_children, rates)


def wish_rates(
    wishes: Wishes, catalogue: Catalogue, block: UserBlock, all_seen: Seen | None = None
) -> NDArray[np.float64]:
    """(n_users, n_keys) log of the mean rate by key of the catalogue's lookup; NaN for keys not learned.

    Args:
        wishes: What was learned.
        catalogue: Keys, and what was on offer.
        block: People.
        all_seen: Of the same people, by key of the lookup; counted here where it is not at hand.
    """
    ids = catalogue.lookup.keys[WISH_LEVEL].ids
    nums = wishes.keys.nums_or_missing(ids)
    known = np.flatnonzero(nums >= 0)
    rates = np.full((len(block), len(ids)), np.nan)
    if len(known):
        all_seen = seen_of(catalogue, block) if all_seen is None else all_seen
        some, seen = wishes.among(nums[known]), all_seen.among(known)
        groups = some.groups(block.profiles.groups, catalogue.lookup)
        mean = some.mean(groups, seen, catalogue.offer.is_for_children[known])
        expected = (seen.offered + some.looks * seen.weeks) * np.exp(mean)
        counts = seen.booked + seen.looked
        naming = naming_of(some, groups, seen, catalogue.offer.is_for_children[known])
        multiples = np.log(posterior(counts, expected, naming, some.loadings, some.own).multiples)
        own = np.flatnonzero(~catalogue.offer.is_for_children[known])
        of_own = naming.among(own)
        by_types = type_multiples(counts[:, own], expected[:, own], of_own, groups["age"], some.types.among(own))
        multiples[:, own] += (1.0 - some.factor_share) * (np.log(by_types) - multiples[:, own])
        rates[:, known] = mean + multiples
    return rates
