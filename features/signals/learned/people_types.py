"""What types of people want: a mixture in which everybody is of one type and has an activity of their own.

Latent class analysis of Poisson counts (Lazarsfeld & Henry 1968, Latent Structure Analysis; Wedel, DeSarbo, Bult &
Ramaswamy 1993, Journal of Applied Econometrics 8(4)); its classes are called types here, since classes are courses.
Factors say what goes together for everybody by degrees; types say who wants a handful of things and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.signals.learned.posterior import Naming, own_multiples
from recsys.bundle import BundleWriter, ModelBundle
from recsys.products import row_products

_LEAST = 1e-12


@dataclass(frozen=True)
class PeopleTypes:
    """What was learned of types.

    Attributes:
        chances: (n_ages + 1, n_types) how frequent each type is by age, the last row for an unknown one.
        effects: (n_types, n_keys) log of what being of a type changes of the group's rate.
        shape: Of the gamma factor of mean 1 on all that a person does.
        own: (2, n_points) multiples that are a person's own, see `posterior.own_points`.
    """

    chances: NDArray[np.float64]
    effects: NDArray[np.float64]
    shape: float
    own: NDArray[np.float64]

    def among(self, keys: NDArray[np.int64]) -> PeopleTypes:
        """The same for some keys alone."""
        return replace(self, effects=self.effects[:, keys])

    def save(self, writer: BundleWriter, folder: str) -> None:
        """Adds the types to a bundle."""
        writer.json(f"{folder}/shape", self.shape)
        for name in _ARRAYS:
            writer.array(f"{folder}/{name}", getattr(self, name))


_ARRAYS = ("chances", "effects", "own")


def load_types(bundle: ModelBundle, folder: str) -> PeopleTypes:
    """The types that `PeopleTypes.save` wrote."""
    return PeopleTypes(
        **{name: bundle.array(f"{folder}/{name}") for name in _ARRAYS}, shape=bundle.json(f"{folder}/shape")
    )


@dataclass(frozen=True)
class Membership:
    """What is believed of people.

    Attributes:
        chances: (n_users, n_types) of each type.
        activity: (n_users, n_types) mean of the factor on all that the person does, were they of the type.
        log_likelihood: (n_users,) of what they did, but for a constant.
        namings: (n_users, n_types) how much they named over the sum of the chances, were they of the type.
    """

    chances: NDArray[np.float64]
    activity: NDArray[np.float64]
    log_likelihood: NDArray[np.float64]
    namings: NDArray[np.float64]


def membership_of(
    counts: NDArray[np.float64],
    expected: NDArray[np.float64],
    naming: Naming,
    ages: NDArray[np.int64],
    types: PeopleTypes,
) -> Membership:
    """Types of people after what they did; rows do not depend, to the last bit, on each other.

    Args:
        counts: (n_users, n_keys) of what people did.
        expected: (n_users, n_keys) what they are at the group's rate.
        naming: What they named.
        ages: (n_users,) age group, -1 where unknown.
        types: What was learned.
    """
    multiples = np.ascontiguousarray(np.exp(types.effects).T)
    due = row_products(expected, multiples)
    choice = np.maximum(row_products(naming.shares, multiples), _LEAST)
    did = counts.sum(axis=1, keepdims=True) + types.shape
    log = row_products(counts + naming.named, types.effects.T) + np.log(types.chances)[ages]
    log -= did * np.log(types.shape + due) + naming.total * np.log(choice)
    most = log.max(axis=1, keepdims=True)
    chances = np.exp(log - most)
    total = chances.sum(axis=1, keepdims=True)
    return Membership(chances / total, did / (types.shape + due), (most + np.log(total))[:, 0], naming.total / choice)


def type_multiples(
    counts: NDArray[np.float64],
    expected: NDArray[np.float64],
    naming: Naming,
    ages: NDArray[np.int64],
    types: PeopleTypes,
) -> NDArray[np.float64]:
    """(n_users, n_keys) mean of what type, activity and the person's own make of the group's rate.

    Args:
        counts: (n_users, n_keys) of what people did.
        expected: (n_users, n_keys) what they are at the group's rate.
        naming: What they named.
        ages: (n_users,) age group, -1 where unknown.
        types: What was learned.
    """
    found = membership_of(counts, expected, naming, ages, types)
    multiples = row_products(found.chances * found.activity, np.exp(types.effects))
    did = counts + naming.named
    due = expected * multiples + naming.expected(multiples)
    own, _ = own_multiples(did, np.nonzero(did), due, types.own)
    return np.asarray(multiples * own)
