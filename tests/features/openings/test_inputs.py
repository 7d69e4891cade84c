import dataclasses

import numpy as np
import pandas as pd
import pytest

from features.openings.gains import access_now, usual_access
from features.openings.inputs import OpeningsConfig, opening_inputs
from features.willingness.ages import AGE_GROUPS
from features.willingness.config import LatentConfig
from features.willingness.offered import attending
from recsys.bundle import BundleWriter, load_bundle
from recsys.dataset import Dataset
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.learned.saturation import Saturation
from recsys.openings.learned.stored import load_openings, save_openings
from recsys.openings.suggest import COLUMNS, suggest
from tests.opening_world import UNTIL, World, world


@pytest.fixture(scope="module")
def county() -> World:
    return world()


@pytest.fixture(scope="module")
def learned(county) -> OpeningInputs:
    return opening_inputs(county.dataset)


@pytest.fixture(scope="module")
def plan(learned):
    return suggest(learned, 12)


@pytest.fixture(scope="module")
def small() -> World:
    """A county of few people and weeks, where all that matters is that there is an answer."""
    return world(n_users=300, weeks=12)


def test_rows_are_the_contracts(plan, county):
    assert list(plan.columns) == list(COLUMNS)
    assert plan["rank"].tolist() == list(range(1, 13))
    assert not plan.duplicated(["category", "venue_id"]).any()
    assert plan["weekday"].between(1, 7).all()
    assert plan["start_time"].str.fullmatch(r"\d\d:\d\d").all()
    numbers = plan[["expected_attendance", "q0.1", "q0.9", "newly_reached"]].to_numpy()
    assert np.isfinite(numbers).all()
    assert (plan["q0.1"] <= plan["expected_attendance"]).all()
    assert (plan["expected_attendance"] <= plan["q0.9"]).all()
    assert (plan["newly_reached"] <= plan["expected_attendance"]).all()


def test_nothing_that_runs_now_is_opened(plan, county):
    sessions = county.dataset.sessions.merge(county.dataset.activities, on="activity_id")
    near = sessions[(sessions["starts_at"] - UNTIL).abs() <= pd.Timedelta(days=28)]
    running = set(zip(near["category"], near["venue_id"], strict=True))
    assert not running & set(zip(plan["category"], plan["venue_id"], strict=True))


def test_chosen_classes_are_worth_nearly_what_the_truth_allows(plan, county, learned):
    gains = [
        county.gain(c, v)
        for c in range(len(county.categories))
        for v in range(len(learned.venues))
        if not learned.runs_now[c, v]
    ]
    chosen = [county.gain(int(c[3:]), int(v[1:])) for c, v in zip(plan["category"], plan["venue_id"], strict=True)]
    assert sum(chosen) >= 0.9 * sum(sorted(gains)[-12:])


def _truly_gained(where: World, plan: pd.DataFrame) -> float:
    """People a week of a plan; nine of ten who book come."""
    venues = plan.groupby("category")["venue_id"].agg(lambda ids: [int(one[1:]) for one in ids])
    return 0.9 * sum(where.gained(int(name[3:]), at) for name, at in venues.items())


def test_as_many_are_expected_as_the_truth_allows(county):
    """Nothing competes in this county, which a timetable that is the same in all weeks cannot tell."""
    weak = OpeningsConfig(latent=LatentConfig(curvatures=(0.05,)))
    plan = suggest(opening_inputs(county.dataset, weak), 12)
    assert plan["expected_attendance"].sum() == pytest.approx(_truly_gained(county, plan), rel=0.15)


def test_where_no_timetable_tells_what_competes_the_middle_of_what_is_tried_is_believed(county, plan):
    """Then as many are expected as the truth allows where that much competes, and fewer where nothing does."""
    tried = LatentConfig().curvatures
    believed = world(k=float(np.exp(np.log(tried).mean())))
    inputs = opening_inputs(believed.dataset)
    assert inputs.saturation.k == pytest.approx(believed.k, rel=0.3)
    there = suggest(inputs, 12)
    assert there["expected_attendance"].sum() == pytest.approx(_truly_gained(believed, there), rel=0.3)
    assert 0.6 < plan["expected_attendance"].sum() / _truly_gained(county, plan) < 1.0


def test_region_and_categories_limit_the_plan(learned):
    assert set(suggest(learned, 5, region_id="t3")["venue_id"]) == {"v3"}
    assert set(suggest(learned, 5, categories=("cat1", "never seen"))["category"]) == {"cat1"}


def test_saved_inputs_give_the_same_plan(learned, plan, tmp_path):
    with BundleWriter(tmp_path / "bundle", {}) as writer:
        save_openings(learned, writer)
    again = suggest(load_openings(load_bundle(tmp_path / "bundle")), 12)
    pd.testing.assert_frame_equal(again, plan)


def test_rows_after_the_cut_off_and_their_order_change_nothing(county, plan):
    earlier = dataclasses.replace(county.dataset, bookings=county.dataset.bookings.iloc[::-1].reset_index(drop=True))
    again = suggest(opening_inputs(earlier), 12)
    pd.testing.assert_frame_equal(again.drop(columns="reason"), plan.drop(columns="reason"), rtol=1e-4)


TABLES = ("regions", "venues", "users", "activities", "sessions", "bookings", "feedback")


@pytest.mark.parametrize("missing", [("venues",), ("bookings",), ("users", "bookings"), ("regions",), TABLES])
def test_missing_tables_leave_an_answer(small, missing):
    tables = {n: t for n, t in small.dataset.tables().items() if n not in missing and len(t)}
    if "venues" in missing:
        tables["sessions"] = tables["sessions"].drop(columns="venue_id") if "sessions" in tables else None
    dataset = Dataset.from_tables({n: t for n, t in tables.items() if t is not None}, UNTIL)
    rows = suggest(opening_inputs(dataset), 3)
    assert list(rows.columns) == list(COLUMNS)
    assert len(rows) == (0 if {"venues", "users"} & set(missing) else 3)
    assert rows["rank"].dtype == "int64"
    assert rows["expected_attendance"].dtype == "float64"
    assert np.isfinite(rows[["expected_attendance", "q0.1", "q0.9", "newly_reached"]].to_numpy()).all()


@pytest.mark.parametrize(
    "column", ["lat", "lon", "region_id", "birth_year", "capacity", "published_at", "kind", "status"]
)
def test_missing_columns_leave_an_answer(small, column):
    tables = {n: t.drop(columns=[column], errors="ignore") for n, t in small.dataset.tables().items()}
    if column == "region_id":
        tables.pop("regions")
    rows = suggest(opening_inputs(Dataset.from_tables(tables, UNTIL)), 3)
    assert len(rows) == 3
    assert np.isfinite(rows[["expected_attendance", "q0.1", "q0.9", "newly_reached"]].to_numpy()).all()


@pytest.mark.parametrize(("budget", "n"), [(0, 0), (1, 1), (10_000, 42)])
def test_budget_of_nothing_and_of_more_than_everything(learned, budget, n):
    assert len(suggest(learned, budget)) == n


def test_venues_without_room_get_nothing(small):
    venues = small.dataset.venues.assign(weekly_slots=[0.0] * 3 + [12.0] * 7)
    rows = suggest(opening_inputs(dataclasses.replace(small.dataset, venues=venues)), 60)
    assert set(rows["venue_id"]) == {f"v{n}" for n in range(3, 10)}


def test_every_third_user_can_stand_for_all(county, plan):
    some = suggest(opening_inputs(county.dataset, OpeningsConfig(max_users=500)), 12)
    assert some["expected_attendance"].sum() == pytest.approx(plan["expected_attendance"].sum(), rel=0.35)


def half_of_what_was_asked_for(dataset: Dataset) -> Dataset:
    """Sessions with half as many places as people asked for: all are full, and nobody waits."""
    bookings, sessions = dataset.bookings.sort_values("booked_at", ignore_index=True), dataset.sessions
    asked = bookings["session_id"].value_counts().reindex(sessions["session_id"]).fillna(2)
    place = bookings.groupby("session_id").cumcount()
    taken = bookings[place < bookings["session_id"].map(asked // 2)].reset_index(drop=True)
    return dataclasses.replace(dataset, sessions=sessions.assign(capacity=asked.to_numpy() // 2), bookings=taken)


def test_what_was_full_for_all_is_full_for_those_who_stand_for_them(county):
    """A session's places, all of them taken, are many for one in three of the people."""
    dataset = half_of_what_was_asked_for(county.dataset)
    users, latent = dataset.users, LatentConfig(curvatures=(0.5,))

    def wanted(first: int, max_users: int) -> float:
        turned = dataclasses.replace(dataset, users=pd.concat([users[first:], users[:first]], ignore_index=True))
        config = OpeningsConfig(max_users=max_users, follow_weeks=0, latent=latent)
        return float(opening_inputs(turned, config).rate.sum())

    thirds = [wanted(first, len(users) // 3 + 1) for first in range(3)]
    assert np.mean(thirds) == pytest.approx(wanted(0, len(users)), rel=0.15)


def test_long_silence_tells_of_the_platform_not_of_people(county, plan):
    later = dataclasses.replace(county.dataset, data_until=UNTIL + pd.Timedelta(weeks=150))
    late = suggest(opening_inputs(later), 12)
    assert len(late) == 12
    # Nothing runs by then, so more is left to reach; but no more than people came before.
    assert late["expected_attendance"].sum() < 3 * plan["expected_attendance"].sum()
    np.testing.assert_allclose(late["newly_reached"], late["expected_attendance"], rtol=1e-4)


def test_who_never_booked_anything_fills_no_class(small):
    bare = dataclasses.replace(small.dataset, bookings=small.dataset.bookings.iloc[:0])
    assert suggest(opening_inputs(bare), 3)["expected_attendance"].sum() < 2
    nothing_on = dataclasses.replace(bare, sessions=bare.sessions.iloc[:0])
    assert suggest(opening_inputs(nothing_on), 3)["expected_attendance"].sum() < 2


def test_venues_without_place_or_seats_are_learned_from_and_answered(small):
    venues = small.dataset.venues.assign(lat=np.nan, lon=np.nan, region_id=None, seats=np.nan)
    somewhere = dataclasses.replace(small.dataset, venues=venues)
    plan = suggest(opening_inputs(somewhere), 4)
    assert len(plan) == 4
    assert np.isfinite(plan[["expected_attendance", "q0.1", "q0.9", "size"]].to_numpy(dtype=float)).all()


def test_people_without_anything_on_offer_get_no_class(small):
    bare = {name: small.dataset.tables()[name] for name in ("regions", "venues", "users")}
    assert suggest(opening_inputs(Dataset.from_tables(bare, UNTIL)), 4).empty


def test_no_free_room_anywhere_gives_no_class(small):
    full = dataclasses.replace(small.dataset, venues=small.dataset.venues.assign(weekly_slots=0))
    assert suggest(opening_inputs(full), 4).empty


def test_a_category_that_nobody_teaches_is_not_suggested(small):
    activities = small.dataset.activities
    kind = activities["kind"].where(activities["category"] != "cat0", "lecture")
    shown = dataclasses.replace(small.dataset, activities=activities.assign(kind=kind))
    inputs = opening_inputs(shown)
    assert not inputs.taught[list(inputs.categories).index("cat0")]
    assert "cat0" not in set(suggest(inputs, 30)["category"])


def test_kept_waiting_lists_are_demand_and_others_are_guessed(county, learned):
    bookings = county.dataset.bookings
    place = bookings.groupby("session_id").cumcount()
    kept = dataclasses.replace(
        county.dataset,
        bookings=bookings.assign(status=bookings["status"].mask(place >= 4, "waitlisted")),
        sessions=county.dataset.sessions.assign(capacity=4.0),
    )
    lost = dataclasses.replace(kept, bookings=kept.bookings[place < 4].reset_index(drop=True))
    total = {name: float(opening_inputs(d).rate.sum()) for name, d in (("kept", kept), ("lost", lost))}
    assert total["kept"] == pytest.approx(float(learned.rate.sum()), rel=0.1)
    assert 0.5 * total["kept"] < total["lost"] < 1.1 * total["kept"]


@pytest.mark.parametrize(
    ("status", "came"),
    [
        (["attended", "booked", "no_show"], [True, False, False]),
        (["no_show", "booked", "cancelled"], [False, True, False]),
    ],
)
def test_who_is_still_booked_came_where_nobody_is_ever_marked_as_attended(status, came):
    assert attending(pd.DataFrame({"status": status})).tolist() == came


@pytest.mark.parametrize("family", ["share", "chance"])
def test_what_runs_in_some_weeks_takes_less_from_a_new_class_than_what_runs_in_all(family):
    saturation = Saturation(family, 0.8)
    by_week = np.zeros((2, len(AGE_GROUPS), 3, 2))
    by_week[:, :, 0, 0] = 1.0  # every week
    by_week[0, :, 1, 0] = 2.0  # the same in the mean
    reach, age_group = np.array([[0.5, 0.1], [0.2, 0.9]], dtype=np.float32), np.array([0, 3])
    usual = np.array([0.6, 0.0], dtype=np.float32)
    access, used = access_now(reach, by_week, age_group, saturation, usual)
    np.testing.assert_allclose(access[:, 0], [0.5, 0.2], rtol=1e-5)
    added, beside_two, alone = (
        saturation.used(at + usual) - saturation.used(at) for at in (access[:, 1], reach[:, 0] * 2, 0)
    )
    np.testing.assert_allclose(added, (beside_two + alone) / 2, rtol=1e-5)
    # Of a class that gives next to nothing a little more counts.
    np.testing.assert_allclose(saturation.slope(access[1, 1]), (1 + saturation.slope(np.float32(0.4))) / 2, rtol=1e-5)
    assert (access[:, 1] < access[:, 0]).all()
    np.testing.assert_array_equal(access[:, 2], 0.0)
    np.testing.assert_allclose(used[:, 0], saturation.used(np.float32([0.5, 0.2])), rtol=1e-5)
    np.testing.assert_allclose(used[:, 1], saturation.used(np.float32([1.0, 0.4])) / 2, rtol=1e-5)


def test_what_runs_in_some_weeks_counts_beside_a_usual_class(small, monkeypatch):
    sessions = small.dataset.sessions
    odd = (sessions["starts_at"] - UNTIL).dt.days // 7 % 2 == 1
    bookings = small.dataset.bookings[small.dataset.bookings["session_id"].isin(sessions["session_id"][odd])]
    irregular = dataclasses.replace(small.dataset, sessions=sessions[odd], bookings=bookings)
    access = opening_inputs(irregular, OpeningsConfig(follow_weeks=0)).access
    monkeypatch.setattr("features.openings.gains.usual_access", lambda reach, *_: np.zeros(len(reach), np.float32))
    beside_little = opening_inputs(irregular, OpeningsConfig(follow_weeks=0)).access
    assert (access >= beside_little - 1e-6).all()
    assert (access > 1.01 * beside_little).mean() > 0.5


def test_a_usual_class_is_near_and_at_a_good_hour():
    reach = np.array([[0.5, 0.5], [0.9, 0.1], [0.0, 0.0]], dtype=np.float32)
    slot_fit = np.ones((7, 2), dtype=np.float32)
    slot_fit[3] = 3.0, 1.0
    usual = usual_access(reach, slot_fit, np.array([0, 3, 3]))
    np.testing.assert_allclose(usual, [0.5, 0.82 * 2.5, 0.0], rtol=1e-6)


def test_hours_of_new_classes_differ_as_far_as_courses_left_out_confirm(small, monkeypatch):
    whole, half = np.log(_slot_fit(small, monkeypatch, 1.0)), np.log(_slot_fit(small, monkeypatch, 0.5))
    assert whole.std(axis=1).min() > 0.01
    np.testing.assert_allclose(half.std(axis=1), 0.5 * whole.std(axis=1), rtol=1e-4)


def _slot_fit(of: World, monkeypatch: pytest.MonkeyPatch, confirmed: float) -> np.ndarray:
    """(n_age_groups, n_slots) fit of slots were so much confirmed."""
    monkeypatch.setattr("features.willingness.circumstances_fit.confirmed", lambda regression: confirmed)
    return opening_inputs(of.dataset, OpeningsConfig(follow_weeks=0)).slot_fit
