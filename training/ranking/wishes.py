"""Learning wishes: what groups want and which keys go together, from everybody's counts against what was on offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import optimize, sparse

from features.signals.catalogue import Catalogue
from features.signals.known.groups import membership
from features.signals.known.lookup import WISH_LEVEL
from features.signals.learned.posterior import Naming, own_points, posterior
from features.signals.learned.wishes import GROUPINGS, INTERESTS, Seen, Wishes, naming_of, seen_of, told_interests
from features.signals.people import UserBlock
from recsys.closed import Closed
from recsys.ids import IdMap
from recsys.shrinkage import shrunk
from training.ranking.people_types import TypeConfig, alike, factor_share, fit_types
from training.ranking.sample import evenly, sampled_people, told_people

_LEAST = 1e-12
_LONGEST_STEP = 0.5
_INTEREST_RIDGE = 10.0
_MOST_COVARIANCE = 4.0
_FACTOR_ROUNDS = 20


class WishConfig(Closed):
    """Settings of wishes."""

    n_users: int = Field(default=10_000, gt=0, description="people that are learned from at most, evenly drawn")
    most_keys: int = Field(default=400, gt=0, description="more keys than this have no wishes: little is known of each")
    least_events: int = Field(default=200, gt=0, description="fewest bookings and looks from which wishes are learned")
    n_factors: int = Field(default=6, gt=0, description="factors in which keys go together")
    own_variance: float = Field(default=0.8, gt=0, description="variance of what is a person's own, of logarithms")
    n_points: int = Field(default=7, gt=1, description="points that what is a person's own is summed over")
    key_strength: float = Field(default=3.0, gt=0, description="expected bookings that weigh as much as all keys' mean")
    group_strength: float = Field(default=4.0, gt=0, description="the same for a group against people at large")
    look_strength: float = Field(default=1000.0, gt=0, description="the same for a key's looks against all keys'")
    pair_strength: float = Field(default=30.0, gt=0, description="expected pairs that weigh as much as all pairs' mean")
    n_rounds: int = Field(default=3, gt=0, description="turns of what is believed of people and what of groups")
    types: TypeConfig = TypeConfig()


@dataclass
class _Fit:
    """What is being learned, and from what.

    Attributes:
        wishes: So far.
        seen: Of the people learned from.
        groups: Grouping to their rows of the effects.
        members: Grouping to (n_groups, n_users) membership.
        is_for_children: (n_keys,) see `Offer`.
    """

    wishes: Wishes
    seen: Seen
    groups: Mapping[str, NDArray[np.int64]]
    members: Mapping[str, sparse.csr_array]
    is_for_children: NDArray[np.bool_]

    @property
    def counts(self) -> NDArray[np.float64]:
        return self.seen.booked + self.seen.looked

    def naming(self) -> Naming:
        """What people named against the shares of their groups."""
        return naming_of(self.wishes, self.groups, self.seen, self.is_for_children)

    def expected(self) -> NDArray[np.float64]:
        """(n_users, n_keys) counts at the groups' rates."""
        mean = self.wishes.mean(self.groups, self.seen, self.is_for_children)
        return (self.seen.offered + self.wishes.looks * self.seen.weeks) * np.exp(mean)


def fit_wishes(block: UserBlock, catalogue: Catalogue, config: WishConfig, seed: int = 0) -> Wishes | None:
    """Wishes of everybody; None where there are too few events or keys, or too many keys.

    Effects of groups are gamma-shrunk in turn, factors are those of the covariance that the counts' moments give
    (Aitchison & Ho 1989), and effects are learned again with people as the posterior of the round before sees them.

    Args:
        block: Everybody.
        catalogue: At the end of what is known.
        config: Settings.
        seed: Of where types of people begin, and of what is held out to judge them.
    """
    if not 1 < len(catalogue.lookup.keys[WISH_LEVEL]) <= config.most_keys:
        return None
    fit = _start(block, catalogue, config)
    if fit.counts.sum() < config.least_events:
        return None
    multiples = np.ones_like(fit.counts)
    _learn_means(fit, multiples, config, 2 * config.n_rounds)
    fit.wishes = replace(fit.wishes, loadings=_loadings(fit, config))
    trust = _trust(fit, config)
    if trust > 0:
        fit.wishes = replace(fit.wishes, trust=trust)
        _learn_means(fit, multiples, config, 2)
        fit.wishes = replace(fit.wishes, loadings=_loadings(fit, config))
    for _ in range(config.n_rounds - 1):
        found = posterior(fit.counts, fit.expected(), fit.naming(), fit.wishes.loadings, fit.wishes.own)
        _learn_means(fit, found.multiples, config, 2)
    return _with_types(fit, config, seed)


def _trust(fit: _Fit, config: WishConfig) -> float:
    """How far people name what they want by what they did: the slope of a conditional logit, from 0 to 1.

    Of rates that only what they did tells: what was named has no say in them.
    """
    wishes, seen = fit.wishes, fit.seen
    naming = naming_of(replace(wishes, trust=1.0), fit.groups, seen, fit.is_for_children)
    if not naming.named.any():
        return 0.0
    nothing = replace(naming, named=np.zeros_like(naming.named))
    expected = (seen.offered + wishes.looks * seen.weeks) * np.exp(wishes.of_groups(fit.groups))
    multiples = np.log(posterior(fit.counts, expected, nothing, wishes.loadings, wishes.own).multiples)
    usual = _named_more(naming, naming.expected(np.ones_like(multiples)), config)

    def loss(slope: float) -> float:
        return -float((naming.named * np.log(naming.expected(np.exp(usual + slope * multiples)) + _LEAST)).sum())

    return float(optimize.minimize_scalar(loss, bounds=(0.0, 1.0), method="bounded").x)


def _named_more(naming: Naming, due: NDArray[np.float64], config: WishConfig) -> NDArray[np.float64]:
    """(n_keys,) logarithm of how often keys were named over how often they were due, shrunk to 1."""
    return np.log(shrunk(naming.named.sum(axis=0), due.sum(axis=0), config.key_strength))


def _with_types(fit: _Fit, config: WishConfig, seed: int) -> Wishes:
    """Types of what people want for themselves; a child's wishes tell nothing of them."""
    wishes, rng = fit.wishes, np.random.default_rng(seed)
    own = np.flatnonzero(~fit.is_for_children)
    counts, expected, ages = fit.counts[:, own], fit.expected()[:, own], fit.groups["age"]
    naming = fit.naming().among(own)
    share = factor_share(counts, expected, naming, ages, wishes.loadings[own], wishes.own, config.types, rng)
    found = fit_types(counts, expected, naming, ages, config.types, rng)
    effects = np.zeros((len(found.effects), len(wishes.base)))
    effects[:, own] = found.effects
    return replace(wishes, types=replace(found, effects=effects), factor_share=share)


def _start(block: UserBlock, catalogue: Catalogue, config: WishConfig) -> _Fit:
    told = told_people(block)
    some = sampled_people(block, told[evenly(len(told), config.n_users)])
    seen = seen_of(catalogue, some)
    groups = {name: some.profiles.groups[name] for name in GROUPINGS}
    n_keys = seen.booked.shape[1]
    is_placed = groups["township"] >= 0
    townships, rows = np.unique(groups["township"][is_placed], return_inverse=True)
    groups["township"] = np.full(len(is_placed), -1, dtype=np.int64)
    groups["township"][is_placed] = rows
    sizes = {name: int(values.max(initial=-1)) + 1 for name, values in groups.items()}
    rate = (seen.booked.sum() + 1.0) / (seen.offered.sum() + 1.0)
    looks = seen.looked.sum() / max(seen.weeks.sum() * rate, _LEAST)
    wishes = Wishes(
        keys=catalogue.lookup.keys[WISH_LEVEL],
        base=np.full(n_keys, np.log(rate)),
        looks=np.full(n_keys, looks),
        named=np.zeros(n_keys),
        trust=0.0,
        loadings=np.zeros((n_keys, 1)),
        own=own_points(config.own_variance, config.n_points),
        interests=np.zeros(len(INTERESTS)),
        effects={name: np.zeros((size + 1, n_keys)) for name, size in sizes.items()},
        townships=IdMap(catalogue.lookup.tree.ids.ids[townships]),
        types=alike(n_keys, config.types),
        factor_share=1.0,
    )
    members = {name: membership(groups[name], size) for name, size in sizes.items()}
    return _Fit(wishes, seen, groups, members, catalogue.offer.is_for_children)


def _learn_means(fit: _Fit, multiples: NDArray[np.float64], config: WishConfig, sweeps: int) -> None:
    """Keys, groups, interests and looks, one after another, each with all others as they are."""
    counts = fit.counts
    interested = told_interests(fit.seen, fit.is_for_children)
    for _ in range(sweeps):
        due = fit.expected() * multiples
        naming = fit.naming()
        told = naming.expected(multiples)
        named = fit.wishes.named + _named_more(naming, told, config)
        more = (counts.sum(axis=0) + config.key_strength) / (due.sum(axis=0) + config.key_strength)
        due *= more
        base = fit.wishes.base + np.log(more)
        effects = {}
        for name, effect in fit.wishes.effects.items():
            effects[name] = _group_effect(
                fit.members[name], effect, counts + naming.named, due + told, config.group_strength
            )
            more = np.exp(effects[name] - effect)[fit.groups[name]]
            due *= more
            told *= more
        interests = fit.wishes.interests.copy()
        for num, values in enumerate(interested):
            slope, curve = ((counts - due) * values).sum(), (due * values).sum() + _INTEREST_RIDGE
            step = np.clip(slope / curve, -_LONGEST_STEP, _LONGEST_STEP)
            interests[num] += step
            due *= np.exp(step * values)
        fit.wishes = replace(fit.wishes, base=base, named=named, effects=effects, interests=interests)
        fit.wishes = replace(fit.wishes, looks=_looks(fit, multiples, config))


def _group_effect(
    member: sparse.csr_array,
    effect: NDArray[np.float64],
    counts: NDArray[np.float64],
    due: NDArray[np.float64],
    strength: float,
) -> NDArray[np.float64]:
    """(n_groups + 1, n_keys) logarithm of the group's counts over those expected without it, shrunk to 1."""
    expected = (member @ due) / np.exp(effect[:-1])
    return np.vstack([np.log(((member @ counts) + strength) / (expected + strength)), np.zeros(due.shape[1])])


def _looks(fit: _Fit, multiples: NDArray[np.float64], config: WishConfig) -> NDArray[np.float64]:
    """(n_keys,) looks a week over bookings of a session, shrunk to what all keys have."""
    rate = np.exp(fit.wishes.mean(fit.groups, fit.seen, fit.is_for_children)) * multiples
    seen, due = fit.seen.looked.sum(axis=0), (fit.seen.weeks * rate).sum(axis=0)
    common = seen.sum() / max(due.sum(), _LEAST)
    return np.asarray(common * (seen + config.look_strength) / (due * common + config.look_strength))


def _loadings(fit: _Fit, config: WishConfig) -> NDArray[np.float64]:
    """(n_keys, n_factors): the principal factors of the covariance of log rates that the counts' moments give.

    E[y_j y_k] = E[y_j] E[y_k] exp(covariance), of rates given people's groups.
    """
    naming = fit.naming()
    told = naming.expected(np.ones_like(naming.named))
    counts, due = fit.counts + naming.named, fit.expected() + told
    # Nothing is named twice.
    once = told / np.maximum((fit.seen.named * ~fit.is_for_children).sum(axis=1, keepdims=True), 1.0)
    pairs, expected = counts.T @ counts, due.T @ due - told.T @ once
    off = ~np.eye(len(pairs), dtype=bool)
    common = pairs[off].sum() / max(expected[off].sum(), _LEAST)
    ratio = (pairs + config.pair_strength * common) / (expected + config.pair_strength)
    covariance = np.clip(np.log(np.maximum(ratio, _LEAST)), -_MOST_COVARIANCE, _MOST_COVARIANCE)
    n_factors = min(config.n_factors, len(pairs))
    # What is a key's own is no part of the factors: its variance is what they give it.
    np.fill_diagonal(covariance, 0.0)
    np.fill_diagonal(covariance, covariance.max(axis=1).clip(min=0.0))
    loadings = np.zeros((len(pairs), n_factors))
    for _ in range(_FACTOR_ROUNDS):
        values, vectors = np.linalg.eigh(covariance)
        loadings = vectors[:, -n_factors:] * np.sqrt(np.maximum(values[-n_factors:], 0.0))
        np.fill_diagonal(covariance, (loadings**2).sum(axis=1))
    return loadings
