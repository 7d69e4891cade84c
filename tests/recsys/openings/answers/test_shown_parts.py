"""What is shown of a plan's classes adds up to what the plan counts, whatever was asked."""

import numpy as np
import pytest

from recsys.openings.answers.explain import explain
from recsys.openings.question import Choice, Floor, Question
from recsys.openings.suggest import listed, planned, totals

SHARES = {"rel": 1e-4, "abs": 1e-4}


def random_question(inputs, rng: np.random.Generator) -> Question:
    """Any limits of a plan together, each now and then."""
    categories, venues = list(map(str, inputs.categories)), list(map(str, inputs.venues["venue_id"]))
    free = np.argwhere(inputs.taught[:, None] & ~inputs.runs_now)
    some = [free[n] for n in rng.permutation(len(free))[: int(rng.integers(1, 4))]]
    towns = [
        str(one) for one, level in zip(inputs.tree.ids.ids, inputs.tree.levels, strict=True) if level == "township"
    ]
    given = {
        "must_open": tuple(Choice(category=categories[c], venue_id=venues[v]) for c, v in some),
        "max_size": float(rng.integers(4, 15)),
        "categories": tuple(rng.permutation(categories)[:2]),
        "region_weights": {str(rng.choice(towns)): 3.0},
        "age_weights": {inputs.age_groups[int(inputs.age_group[0])]: 4.0},
        "floors": (Floor(by="township", share=0.2),),
        "over_samples": True,
    }
    chosen = {name: value for name, value in given.items() if rng.random() < 0.35}
    # What cannot be asked together.
    for one, other in (("floors", "over_samples"), ("must_open", "categories")):
        if one in chosen:
            chosen.pop(other, None)
    effort = str(rng.choice(["fast", "search"]))
    return Question(budget=float(rng.integers(len(some), 9)), effort=effort, **chosen)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_shown_adds_up_to_the_plan_s_gain(inputs, seed):
    question = random_question(inputs, np.random.default_rng(seed))
    plan = planned(inputs, question)
    shown = [row["expected_attendance"] for row in listed(plan.inputs, plan.opened)]
    counted = sorted(o.attendance for o in plan.opened)
    np.testing.assert_allclose(sorted(shown), counted, rtol=1e-9)
    assert totals(plan.inputs, plan.opened)[0] == pytest.approx(sum(shown), rel=1e-9)
    if not (question.floors or question.region_weights or question.age_weights):
        assert sum(shown) == pytest.approx(plan.worth, rel=1e-9)
    told = explain(plan.inputs, question, (plan.inputs, plan.opened))
    assert [one["expected_attendance"] for one in told] == shown
    for one in told:
        assert sum(one["parts"].values()) == pytest.approx(one["expected_attendance"], **SHARES)
        for by in ("age", "distance", "township"):
            people = sum(row["people"] for row in one["who"] if row["by"] == by)
            assert people == pytest.approx(one["expected_attendance"], **SHARES)
