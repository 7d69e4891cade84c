"""`culture suggest` on odd questions and odd venues."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from tests.commands import done, failed

pytestmark = pytest.mark.long

AS_OF = "2026-01-19T00:00:00+08:00"
START, WEEKS = "2025-11-10", 10


@pytest.fixture(scope="module")
def county(tmp_path_factory, culture):
    """A home with a small simulated county, a champion learned from it, and the folder of its tables."""
    home = tmp_path_factory.mktemp("county")
    words = ("simulate", "--output", home / "tables", "--seed", 3, "--users", 200, "--weeks", WEEKS, "--start", START)
    done(culture(home, *words))
    done(culture(home, "ingest", home / "tables"))
    # What is asked here is answered by the openings alone, which are learned as usual.
    few = {
        "n_windows": 1,
        "ranking": {"windows": {"n_windows": 2}, "trees": {"n_trees": 15}},
        "demand": {"max_origins": 4, "test_weeks": 1, "boosting": {"n_rounds": 5}},
    }
    (home / "few.json").write_text(json.dumps(few))
    done(culture(home, "train", "--as-of", AS_OF, "--config", home / "few.json"))
    return home


@pytest.fixture
def suggest(culture, county, tmp_path):
    """Runs the command; gives the rows and what it said."""

    def run(budget, *more, question=None, home=county):
        output = tmp_path / "openings.parquet"
        if question is not None:
            (tmp_path / "question.json").write_text(json.dumps(question), encoding="utf-8")
            more = (*more, "--question", tmp_path / "question.json")
        result = culture(home, "suggest", "--as-of", AS_OF, "--budget", budget, "--output", output, *more)
        return result, pd.read_parquet(output) if result.returncode == 0 else None

    return run


def test_the_plan_says_how_good_it_is(suggest):
    result, rows = suggest(4)
    assert len(rows) == 4
    assert "of what the best could" in result.stderr


def test_a_champion_of_the_same_data_answers_as_what_is_learned_anew(culture, county, suggest, tmp_path):
    result, rows = suggest(4)
    assert "by the champion" in result.stderr
    home = tmp_path / "home"
    done(culture(home, "ingest", county / "tables"))
    result, anew = suggest(4, home=home)
    assert "by the champion" not in result.stderr
    pd.testing.assert_frame_equal(rows, anew)
    shutil.copytree(county / "bundles", home / "bundles")
    shutil.copy(county / "champion", home)
    assert "by the champion" in suggest(4, home=home)[0].stderr
    name = (home / "champion").read_text().strip()
    (home / "bundles" / name / "openings" / "venues.parquet").write_bytes(b"broken")
    result, rows = suggest(4, home=home)
    assert "the champion is of no use" in result.stderr
    pd.testing.assert_frame_equal(rows, anew)


def test_nothing_and_more_than_there_is(suggest):
    result, rows = suggest(0)
    done(result)
    assert rows.empty
    _, rows = suggest(100_000)
    assert 10 < len(rows) < 100_000
    assert not rows.duplicated(["category", "venue_id"]).any()


def test_fixed_choices_hold(suggest):
    _, plain = suggest(3)
    first, last = (
        {"category": row["category"], "venue_id": row["venue_id"]} for _, row in plain.iloc[[0, 2]].iterrows()
    )
    _, rows = suggest(2, question={"must_open": [last], "not_here": [first]})
    pairs = set(zip(rows["category"], rows["venue_id"], strict=True))
    assert tuple(last.values()) in pairs
    assert tuple(first.values()) not in pairs


def test_every_contradiction_is_named(suggest):
    _, plain = suggest(2)
    one, other = ({"category": r["category"], "venue_id": r["venue_id"]} for _, r in plain.iterrows())
    result, _ = suggest(1, question={"must_open": [one, other, other], "not_here": [one], "close": [one]})
    line = failed(result, "not_here", "twice", "does not run there now")
    assert line.count(one["venue_id"]) >= 2


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"must_open": [{"category": "Nothing", "venue_id": "v"}]}, "Nothing"),
        ({"budjet": 3}, "budjet"),
        ({"min_attendance": -1}, "min_attendance"),
        ({"floors": [{"by": "planet", "share": 0.5}]}, "floors"),
        ({"min_attendance": float("inf")}, "min_attendance: Input should be a finite number, not inf"),
        ({"costs": {"x": -1}}, "costs.x: Input should be greater than or equal to 0, not -1"),
        ({"costs": {"x": float("nan")}}, "costs.x"),
        ({"teachers": {"x": 10**400}}, "teachers.x: Input should be less than or equal to 1000000"),
        ({"why_not": [{"category": "a", "venue_id": "b"}] * 21}, "why_not: The list should have at most 20 items"),
        ({"max_size": 0.5}, "max_size"),
        ({"categories": ["\ud800"]}, "not JSON"),
        ([1], "object"),
    ],
)
def test_questions_that_cannot_be_used(suggest, question, said):
    failed(suggest(2, question=question)[0], said)


def test_a_question_that_is_no_text(suggest, tmp_path):
    (tmp_path / "q").write_bytes(b"\xff{")
    failed(suggest(2, "--question", tmp_path / "q")[0], "cannot be read")
    (tmp_path / "q").write_text("{")
    failed(suggest(2, "--question", tmp_path / "q")[0], "not JSON")
    missing = tmp_path / "none"
    assert failed(suggest(2, "--question", missing)[0], "cannot be read").count(str(missing)) == 1
    for text in ("[" * 100_000, '{"budget": ' + "9" * 5000 + "}"):
        (tmp_path / "q").write_text(text)
        failed(suggest(2, "--question", tmp_path / "q")[0], "not JSON", "line 1")


def test_options_come_before_the_file_and_that_is_said(suggest):
    result, rows = suggest(1, question={"budget": 3})
    assert "budget is 1 as on the command line" in result.stderr
    assert len(rows) == 1
    assert "command line" not in suggest(1, question={"budget": 1})[0].stderr


def test_why_nothing_is_opened_is_said(suggest):
    result, rows = suggest(2, question={"min_attendance": 1e9})
    assert rows.empty
    assert "least attendance" in result.stderr


def test_a_category_that_nobody_teaches(suggest, county):
    activities = pd.read_csv(county / "tables" / "activities.csv", dtype=str)
    taught = set(activities["category"][activities["kind"] == "training"])
    others = sorted(set(activities["category"]) - taught)
    result, rows = suggest(3, "--categories", others[0])
    done(result)
    assert rows.empty
    assert others[0] in result.stderr


@pytest.mark.parametrize("missing", [["lat", "lon"], ["seats"], ["rooms", "seats", "weekly_slots"], ["region_id"]])
def test_venues_of_which_little_is_known(culture, county, suggest, tmp_path, missing):
    home = _with_venues(culture, county, tmp_path, lambda venues: venues.drop(columns=missing))
    _, rows = suggest(3, home=home)
    assert len(rows) == 3
    assert np.isfinite(rows["expected_attendance"]).all()


def test_no_free_rooms(culture, county, suggest, tmp_path):
    for column in ("rooms", "weekly_slots", "seats"):
        home = _with_venues(culture, county, tmp_path / column, lambda v, c=column: v.assign(**{c: 0}))
        result, rows = suggest(3, home=home)
        done(result)
        assert rows.empty


def _with_venues(culture, county, home, changed):
    """A home with the same county but for its venues."""
    home.mkdir(exist_ok=True)
    tables = home / "tables"
    tables.mkdir()
    for file in (county / "tables").glob("*.csv"):
        (tables / file.name).write_bytes(file.read_bytes())
    changed(pd.read_csv(tables / "venues.csv", dtype=str)).to_csv(tables / "venues.csv", index=False)
    done(culture(home, "ingest", tables))
    return home


def _asked_for_all():
    return {"budgets": [1, 3], "front_points": 3, "front_seconds": 0.2, "explain": True, "moves": 2, "closings": 2}


def test_all_that_http_tells_of_a_plan_goes_to_a_file_of_its_own(suggest, tmp_path):
    _, plain = suggest(3)
    first = {"category": plain["category"][0], "venue_id": plain["venue_id"][0]}
    details = tmp_path / "details.json"
    _, rows = suggest(3, "--details", details, question={**_asked_for_all(), "why_not": [first]})
    pd.testing.assert_frame_equal(rows, plain)
    told = json.loads(details.read_text(encoding="utf-8"))
    assert [point["budget"] for point in told["curve"]] == [1, 3]
    assert told["curve"][1]["expected_attendance"] == pytest.approx(told["expected_attendance"], abs=0.01)
    assert told["expected_attendance"] == pytest.approx(rows["expected_attendance"].sum(), abs=0.01)
    assert told["front"]
    assert told["equity"]["by"] == "township"
    assert told["why_not"] == [{**first, "reason": "it is in the plan"}]
    for row, one in zip(rows.to_dict("records"), told["explanations"], strict=True):
        assert one["venue_id"] == row["venue_id"]
        assert sum(one["parts"].values()) == pytest.approx(row["expected_attendance"], rel=0.01)
    assert len(told["closings"]) == 2
    assert 0 <= told["gap"] < 1


def test_what_is_asked_beside_the_plan_needs_a_file(suggest):
    result, _ = suggest(2, question=_asked_for_all())
    failed(result, "budgets, front_points, explain, moves, closings", "--details")


def test_the_plan_and_what_is_told_of_it_are_two_files(suggest, tmp_path):
    failed(suggest(2, "--details", tmp_path / "openings.parquet")[0], "openings.parquet", "name another")
    question = tmp_path / "question.json"
    failed(suggest(2, "--details", question, question={"explain": True})[0], "--question", "--details", "name another")
    assert json.loads(question.read_text()) == {"explain": True}


def test_reasons_in_chinese(suggest):
    _, english = suggest(2)
    _, chinese = suggest(2, "--lang", "zh")
    assert english["reason"].str.contains("people a week for").all()
    assert chinese["reason"].str.contains("每周约").all()
    assert not chinese["reason"].str.contains("people|aged|venue").any()
    pd.testing.assert_frame_equal(english.drop(columns="reason"), chinese.drop(columns="reason"))
