"""What a planner is told of a class, and of one that is not in the plan."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.openings.answers.explain import explain, why_not
from recsys.openings.classes.who import SMALLEST_GROUP, who
from recsys.openings.question import Question
from recsys.openings.suggest import suggest
from tests.recsys.openings.some_classes import free_classes, running_class


def test_explained_parts_add_up_to_the_gain(inputs):
    for entry in explain(inputs, Question(budget=5)):
        assert sum(entry["parts"].values()) == pytest.approx(entry["expected_attendance"], rel=1e-4)
        by_age = sum(row["people"] for row in entry["who"] if row["by"] == "age")
        assert by_age == pytest.approx(entry["expected_attendance"], rel=1e-4)


def test_why_not_gives_the_reason(inputs):
    running, rows = running_class(inputs), suggest(inputs, 3)
    asked = Question(budget=3)
    assert why_not(inputs, asked, **running)["reason"].en == "it runs there now"
    assert why_not(inputs, asked, rows["category"][0], rows["venue_id"][0])["reason"].en == "it is in the plan"
    taken = set(zip(rows["category"], rows["venue_id"], strict=True))
    other = next(c for c in free_classes(inputs, 40) if tuple(c.values()) not in taken)
    answer = why_not(inputs, asked, **other)
    assert answer["gain"] <= answer["last_in"] + 1e-6


def test_nobody_is_singled_out_by_what_is_hidden(inputs):
    few = int(inputs.age_group[0])
    people = np.where(inputs.age_group == few, 0.0, 1.0).astype(np.float32)
    people[np.flatnonzero(inputs.age_group == few)[:2]] = 1.0
    groups = {g.name: g.people for g in who(inputs, people, 0) if g.by == "age"}
    assert inputs.age_groups[few] not in groups
    assert groups["other"] >= SMALLEST_GROUP
    # The next smallest alone is hidden with it.
    assert len(groups) == len(np.unique(inputs.age_group)) - 1
    assert sum(groups.values()) == people.sum()


def test_townships_are_told_by_their_ids_and_who_tells_none_apart(inputs):
    at = np.flatnonzero(inputs.regions_at("township") >= 0)
    known, unknown = at[: len(at) // 2], at[len(at) // 2 :]
    people = np.ones(len(inputs.size), dtype=np.float32)
    region = inputs.point_region.copy()
    region[unknown] = -1
    told = {g.name: g.people for g in who(replace(inputs, point_region=region), people, 0) if g.by == "township"}
    ids = inputs.tree.ids.ids[inputs.regions_at("township")[known]]
    names, counts = np.unique(ids.astype(str), return_counts=True)
    assert counts.min() >= SMALLEST_GROUP
    assert told == dict(zip(names, counts, strict=True)) | {"unknown": len(inputs.size) - len(known)}
