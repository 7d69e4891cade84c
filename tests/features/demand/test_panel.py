"""The panel: complete, local weeks, each kind of week told apart."""

import numpy as np
import pandas as pd

from features.demand.counts import MEASURES
from features.demand.panel import by_period, demand_panel, week_states
from features.demand.session_book import session_book
from recsys.dataset import Dataset
from recsys.demand.hierarchy import Hierarchy
from recsys.regions import RegionTree

NOW = pd.Timestamp("2026-01-07T00:00", tz="Asia/Shanghai").tz_convert("UTC")


def _dataset(sessions: dict[str, list[object]], bookings: dict[str, list[object]]) -> Dataset:
    return Dataset.from_tables(
        {
            "activities": pd.DataFrame({"activity_id": ["a"], "category": ["art"]}),
            "sessions": pd.DataFrame({"activity_id": "a", **sessions}),
            "bookings": pd.DataFrame(bookings),
        },
        NOW,
    )


def _time(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="Asia/Shanghai").tz_convert("UTC")


def test_weeks_are_local_and_complete() -> None:
    # Monday 00:30 in Shanghai is still Sunday in UTC.
    starts = [_time("2025-12-15T00:30"), _time("2025-12-29T10:00")]
    panel = demand_panel(
        _dataset(
            {"session_id": ["s1", "s2"], "starts_at": starts, "capacity": [2, 5]},
            {
                "booking_id": ["b1", "b2", "b3"],
                "user_id": ["u", "v", "w"],
                "session_id": ["s1", "s1", "s2"],
                "booked_at": [_time("2025-12-10")] * 3,
                "status": ["attended", "waitlisted", "cancelled"],
                "party_size": [2, 3, 1],
            },
        )
    )
    assert panel.weeks.tolist() == [pd.Timestamp(day) for day in ("2025-12-15", "2025-12-22", "2025-12-29")]
    assert panel.sessions[0, 0].tolist() == [1, 0, 1]
    assert panel.places[0, 0].tolist() == [2, 0, 0]
    assert panel.sold_out[0, 0].tolist() == [1, 0, 0]
    assert panel.demand[0, 0].tolist() == [5, 0, 0]
    assert week_states(panel.sessions, panel.limited, panel.sold_out, panel.weeks)[0, 0].tolist() == [
        "sold out",
        "no session",
        "open",
    ]


def test_a_week_is_sold_out_only_where_nothing_was_left() -> None:
    # A week each: all full; one of two full; one full and one without a limit; full beside one week of nothing.
    sessions, limited, sold_out = (np.array([[row]], dtype=float) for row in ([2, 2, 2, 0], [2, 2, 1, 0], [2, 1, 1, 0]))
    weeks = pd.date_range("2025-11-03", periods=4, freq="W-MON")
    states = week_states(sessions, limited, sold_out, weeks)
    assert states[0, 0].tolist() == ["sold out", "open", "open", "no session"]


def test_regions_above_are_the_sums_that_forecasts_are() -> None:
    rng = np.random.default_rng(0)
    n_sessions, n_bookings = 60, 300
    sessions = [f"s{num}" for num in range(n_sessions)]
    dataset = Dataset.from_tables(
        {
            "regions": pd.DataFrame(
                {
                    "region_id": ["c", "t1", "t2", "v"],
                    "name": "X",
                    "level": ["county", "township", "township", "village"],
                    "parent_id": [None, "c", "c", "t2"],
                }
            ),
            "venues": pd.DataFrame({"venue_id": ["a", "b", "d"], "name": "X", "region_id": ["t1", "t2", "v"]}),
            "activities": pd.DataFrame({"activity_id": ["x", "y"], "category": ["art", "chess"]}),
            "sessions": pd.DataFrame(
                {
                    "session_id": sessions,
                    "activity_id": rng.choice(["x", "y"], n_sessions),
                    "venue_id": rng.choice(["a", "b", "d", None], n_sessions),  # type: ignore[arg-type]
                    "starts_at": NOW - pd.to_timedelta(rng.integers(-10, 60, n_sessions), unit="D"),
                    "capacity": rng.choice([0, 4, 8, np.nan, 10**7], n_sessions),
                    "cancelled_at": np.where(
                        rng.random(n_sessions) < 0.2, pd.Timestamp("2025-06-01", tz="UTC"), pd.NaT
                    ),
                }
            ),
            "bookings": pd.DataFrame(
                {
                    "booking_id": [f"b{num}" for num in range(n_bookings)],
                    "user_id": "u",
                    "session_id": rng.choice(sessions, n_bookings),
                    "booked_at": pd.Timestamp("2025-06-01", tz="UTC"),
                    "status": rng.choice(["attended", "waitlisted", "cancelled"], n_bookings),
                }
            ),
        },
        NOW,
    )
    panel = demand_panel(dataset)
    nodes = panel.nodes()
    assert nodes.sessions.shape[0] == 3
    assert panel.sold_out.sum() > 0
    for measure in MEASURES:
        bottoms = getattr(panel, measure)
        np.testing.assert_allclose(getattr(nodes, measure), panel.hierarchy.sums(bottoms))
        np.testing.assert_allclose(getattr(nodes, measure)[0], bottoms.sum(axis=0))


def test_a_place_without_sessions_has_an_empty_panel() -> None:
    panel = demand_panel(_dataset({"session_id": [], "starts_at": []}, {"booking_id": []}))
    assert (panel.n_weeks, panel.sessions.shape) == (0, (1, 0, 0))
    assert panel.nodes().demand.shape == (1, 0, 0)


def test_states_of_weeks() -> None:
    weeks = pd.date_range("2026-01-05", periods=30, freq="W-MON")
    sessions = np.zeros((1, 30))
    sessions[0, 2:5] = 1
    states = week_states(sessions, sessions, np.zeros((1, 30)), weeks)[0]
    assert states[0] == "closed"
    assert states[2:5].tolist() == ["open"] * 3
    # The week of 16 February 2026 is the Spring Festival's.
    assert states[6] == "holiday"
    assert states[5] == "no session"
    assert states[-1] == "closed"


def test_on_hand_is_what_was_booked_and_not_given_up_by_each_origin() -> None:
    dataset = _dataset(
        {"session_id": ["s1"], "starts_at": [_time("2026-01-06T10:00")]},
        {
            "booking_id": ["b1", "b2"],
            "user_id": ["u", "v"],
            "session_id": ["s1", "s1"],
            "booked_at": [_time("2025-12-20"), _time("2026-01-01")],
            "status": ["attended", "cancelled"],
            "status_at": [_time("2026-01-06T10:00"), _time("2026-01-04")],
            "party_size": [2, 3],
        },
    )
    tree = RegionTree.of(dataset)
    book = session_book(dataset, tree, Hierarchy.of(dataset, tree), n_leads=4, history_weeks=20)
    # Origins before the start: 31 December, 24 December, 17 December.
    assert book.age.tolist() == [1]
    assert book.on_hand[0].tolist() == [2, 2, 0, 0]
    assert book.places.tolist() == [2]


def test_months_take_the_weeks_whose_thursday_they_hold() -> None:
    table = pd.DataFrame(
        {
            "region_id": "r",
            "level": "county",
            "category": "art",
            "week_start": pd.to_datetime(["2026-01-26", "2026-02-02"]),
            "places": [3.0, 4.0],
        }
    )
    monthly = by_period(table, "month")
    # Thursday 29 January, Thursday 5 February.
    assert monthly["period_start"].tolist() == [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-02-01")]
    assert by_period(table, "quarter")["places"].tolist() == [7.0]
