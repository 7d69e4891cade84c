"""Weights between keys: against the textbook's formula, and what they foretell."""

import numpy as np
import pytest
from scipy import sparse

from features.signals.candidates.alike import RIDGE, alikeness_of


@pytest.fixture
def world():
    """Two halves of people: each likes one half of six keys, and belongs to one of two groups."""
    rng = np.random.default_rng(4)
    half = np.arange(400) % 2
    liked = (np.arange(6)[None, :] // 3) == half[:, None]
    counts = rng.poisson(np.where(liked, 1.5, 0.1))
    return sparse.csr_array(counts.astype(float)), {"group": half.astype(np.int64)}


def test_weights_are_those_of_the_closed_form(world):
    counts, groups = world
    inputs = np.column_stack([np.log1p(counts.toarray()), np.eye(2)[groups["group"]]])
    inverse = np.linalg.inv(inputs.T @ inputs + RIDGE * np.eye(8))
    expected = np.eye(8) - inverse / np.diag(inverse)
    found = alikeness_of([counts], groups)
    # Groups stand by size; equal sizes by number.
    np.testing.assert_allclose(found.weights, expected[:, :6], atol=1e-12)
    assert not np.diag(found.weights[:6]).any()


def test_one_event_and_a_group_each_tell_of_the_rest(world):
    alike = alikeness_of([world[0]], world[1])
    one = sparse.csr_array(np.array([[1.0, 0, 0, 0, 0, 0], [0.0] * 6, [0.0] * 6]))
    scores = alike.scores([one], {"group": np.array([-1, 1, -1])})
    assert scores[0, 1:3].min() > scores[0, 3:].max()
    assert scores[1, 3:].min() > scores[1, :3].max()
    np.testing.assert_array_equal(scores[2], 0.0)


def test_a_group_that_was_never_seen_says_nothing(world):
    alike = alikeness_of([world[0]], world[1])
    nobody = sparse.csr_array((1, 6))
    np.testing.assert_array_equal(alike.scores([nobody], {"group": np.array([7])}), 0.0)


def test_scores_do_not_depend_on_who_else_is_asked_for(world):
    counts, groups = world
    alike = alikeness_of([counts], groups)
    batch = alike.scores([counts], groups)
    for row in (0, 17, 399):
        alone = alike.scores([counts[[row]]], {"group": groups["group"][[row]]})
        np.testing.assert_array_equal(alone[0], batch[row])
