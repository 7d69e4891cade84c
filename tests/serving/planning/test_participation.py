from typing import cast

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from features.geography.positions import Positions
from recsys.dataset import Dataset
from recsys.ids import IdMap
from recsys.regions import RegionTree
from serving.planning.participation import MIN_PEOPLE, Participation, _table, hidden_groups, participation
from serving.planning.visits import Activity


@given(st.lists(st.integers(0, 60), max_size=12))
def test_nothing_small_is_shown_and_no_difference_gives_it_away(people):
    counts = np.array(people, dtype=np.int64)
    hidden = hidden_groups(people)
    assert not (~hidden & (counts > 0) & (counts < 5)).any()
    assert not hidden[counts == 0].any()
    if hidden.any() and (counts > 0).sum() > 1:
        # Who subtracts what is shown from the total finds at least five people in at least two groups.
        assert hidden.sum() >= 2
        assert counts[hidden].sum() >= 5 or hidden.sum() == (counts > 0).sum()


def test_ages_come_the_youngest_first():
    bands = ["65-74", "7-14", "75+", "unknown", "0-6", "18-24"]
    people = np.arange(MIN_PEOPLE * len(bands))
    visits = pd.DataFrame({"age_band": np.resize(bands, len(people)), "user_id": people, "places": 1.0})
    rows = _table(cast(Activity, None), visits, "age", "zh")
    assert [row.name for row in rows] == ["0-6", "7-14", "18-24", "65-74", "75+", "unknown"]
    assert [row.label for row in rows[-2:]] == ["75 岁及以上", "未知"]


def town(people: dict[tuple[str, str], int]) -> Activity:
    """A county with the townships `north` and `south`; so many people, each once, by township and category."""
    tree = RegionTree(
        IdMap.of(["county", "north", "south"]),
        np.array(["County", "North", "South"], object),
        np.array(["county", "township", "township"], object),
        np.array([-1, 0, 0], dtype=np.int64),
    )
    sessions = pd.DataFrame(
        [{"category": category, "region_num": tree.ids.nums([region])[0]} for region, category in people]
    )
    num = np.repeat(np.arange(len(people)), list(people.values()))
    visits = pd.DataFrame({"user_id": np.arange(len(num)), "session_num": num, "places": 2.0})
    return Activity(cast(Dataset, None), tree, sessions, visits, cast(Positions, None))


def asked(activity: Activity, **narrowed: str) -> Participation:
    return participation(activity, np.ones(len(activity.sessions), dtype=bool), (), **narrowed)


def test_five_people_are_told_and_four_are_not():
    assert asked(town({("north", "dance"): MIN_PEOPLE})) == Participation(MIN_PEOPLE, 2 * MIN_PEOPLE, {})
    assert asked(town({("north", "dance"): MIN_PEOPLE - 1})).people is None
    assert asked(town({("north", "dance"): 0})) == Participation(0, 0, {})


def test_a_category_hidden_beside_a_small_one_of_its_region_is_not_told_by_itself():
    where = {("north", "dance"): 40, ("north", "craft"): 6, ("north", "chess"): 3}
    activity = town(where | {("south", "craft"): 14, ("south", "chess"): 30})
    assert asked(activity, category="craft", region_id="north").people is None
    assert asked(activity, category="craft").people == 20
    assert asked(activity, category="dance", region_id="north").people == 40


def test_a_region_hidden_beside_a_small_one_of_the_category_is_not_told_by_itself():
    where = {("north", "dance"): 6, ("south", "dance"): 3}
    activity = town(where | {("north", "craft"): 50, ("south", "craft"): 50})
    assert asked(activity, category="dance", region_id="north").people is None
    assert asked(activity, region_id="north").people == 56
    assert asked(activity, category="dance").people == 9


def test_two_small_groups_of_five_people_together_need_no_third():
    assert hidden_groups([40, 2, 3, 12]).tolist() == [False, True, True, False]
    assert hidden_groups([40, 1, 3, 12]).tolist() == [False, True, True, True]
    assert hidden_groups([40, 4, 12, 30]).tolist() == [False, True, True, False]
