"""What is believed of a person's type, held against sums and integrals by hand."""

import numpy as np
import pytest
from scipy import integrate, stats

from features.signals.learned.people_types import PeopleTypes, membership_of, type_multiples
from features.signals.learned.posterior import Naming, own_points

TYPES = PeopleTypes(
    chances=np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]),
    effects=np.array([[1.0, -1.0, 0.0, 0.3], [-0.7, 1.4, 0.1, 0.0], [0.0, 0.0, -2.0, 0.9]]),
    shape=0.8,
    own=own_points(1e-12, 3),
)
COUNTS = np.array([[2.0, 0.0, 0.0, 1.0], [0.0, 3.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
EXPECTED = np.array([[0.5, 0.4, 0.2, 0.9], [0.5, 0.4, 0.2, 0.9], [1.5, 0.0, 0.3, 0.2]])
AGES = np.array([0, -1, 0])
NAMING = Naming(
    named=np.array([[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.9]]),
    shares=np.array([[0.5, 0.4, 0.2, 0.9], [1.0, 3.0, 2.0, 0.0], [1.0, 1.0, 1.0, 2.0]]),
)
NOTHING = Naming(np.zeros((2, 4)), np.ones((2, 4)))


def by_integrals(row: int) -> tuple[np.ndarray, np.ndarray]:
    """Chances of types and mean multiples by integration over the activity."""
    activity = stats.gamma(TYPES.shape, scale=1.0 / TYPES.shape)
    weights, means = [], []
    for chance, effect in zip(TYPES.chances[AGES[row]], TYPES.effects, strict=True):
        due = EXPECTED[row] * np.exp(effect)

        def density(a: float, due: np.ndarray = due) -> float:
            return float(activity.pdf(a) * stats.poisson.pmf(COUNTS[row], a * due).prod())

        total, first = (integrate.quad(lambda a, p=p: a**p * density(a), 0, 60, limit=400)[0] for p in (0, 1))
        chosen = NAMING.shares[row] * np.exp(effect)
        named = NAMING.named[row] > 0
        weights.append(chance * total * ((chosen / chosen.sum())[named] ** NAMING.named[row][named]).prod())
        means.append(first / total * np.exp(effect))
    chances = np.array(weights) / np.sum(weights)
    return chances, chances @ np.array(means)


@pytest.mark.parametrize("row", range(3))
def test_types_and_what_they_make_of_rates_are_those_of_integrals(row):
    chances, multiples = by_integrals(row)
    found = membership_of(COUNTS, EXPECTED, NAMING, AGES, TYPES)
    np.testing.assert_allclose(found.chances[row], chances, rtol=1e-5)
    np.testing.assert_allclose(type_multiples(COUNTS, EXPECTED, NAMING, AGES, TYPES)[row], multiples, rtol=1e-5)


def test_likelihoods_differ_as_those_of_whole_counts():
    found = membership_of(COUNTS[[0, 0]], EXPECTED[[0, 0]], NOTHING, np.array([0, -1]), TYPES).log_likelihood
    of_type = []
    for effect in TYPES.effects:
        due = (EXPECTED[0] * np.exp(effect)).sum()
        size = TYPES.shape
        total = stats.nbinom.pmf(COUNTS[0].sum(), size, size / (size + due))
        share = EXPECTED[0] * np.exp(effect) / due
        of_type.append(total * stats.multinomial.pmf(COUNTS[0], COUNTS[0].sum(), share))
    by_hand = np.log(TYPES.chances @ np.array(of_type))
    np.testing.assert_allclose(found[0] - found[1], by_hand[0] - by_hand[1], rtol=1e-9)


def test_rows_do_not_depend_on_each_other():
    everybody = type_multiples(COUNTS, EXPECTED, NAMING, AGES, TYPES)
    for row in range(3):
        alone = type_multiples(
            COUNTS[[row]], EXPECTED[[row]], Naming(NAMING.named[[row]], NAMING.shares[[row]]), AGES[[row]], TYPES
        )
        np.testing.assert_array_equal(alone[0], everybody[row])


def test_fewer_keys_are_those_keys():
    keys = np.array([3, 1])
    kept = np.isin(np.arange(4), keys)
    found = type_multiples(COUNTS[:, keys], EXPECTED[:, keys], NAMING.among(keys), AGES, TYPES.among(keys))
    others = Naming(NAMING.named * kept, NAMING.shares * kept)
    rest = type_multiples(COUNTS * kept, EXPECTED * kept, others, AGES, TYPES)
    np.testing.assert_allclose(found, rest[:, keys], rtol=1e-6)
