"""The command from outside: exit status, one clear line, files as the contract has them.

Most commands run in this process, on a database of their home on the tests' server; a process and a server of their own
where those are the point.
"""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from tests.commands import done, failed, process
from training.tracking import tracking_uri

pytestmark = pytest.mark.long

NASHVILLE = Path(__file__).parent / "data" / "nashville"
AS_OF = "2017-06-01T00:00:00Z"


@pytest.fixture(scope="module")
def home(tmp_path_factory, culture):
    """A home with the slice loaded and a champion learned before the cut-off, by fewer windows and trees than usual."""
    folder = tmp_path_factory.mktemp("home")
    done(culture(folder, "ingest", NASHVILLE, "--report", folder / "report.json"))
    few = {"n_windows": 2, "ranking": {"windows": {"n_windows": 2}, "trees": {"n_trees": 15}}}
    (folder / "few.json").write_text(json.dumps(few))
    done(culture(folder, "train", "--as-of", AS_OF, "--config", folder / "few.json"))
    return folder


def test_ingest_counts_every_row(home):
    tables = json.loads((home / "report.json").read_text())["tables"]
    for name, table in tables.items():
        n_rows = len(pd.read_csv(NASHVILLE / f"{name}.csv", dtype=str))
        assert (table["read"], table["accepted"], table["rejected"]) == (n_rows, n_rows, 0)


def test_recommend_uses_the_champion_and_writes_the_contracts_rows(culture, home, tmp_path):
    output = tmp_path / "lists.parquet"
    words = ("recommend", "--as-of", AS_OF, "--k", 5, "--output", output, "--session-window-days", 14)
    assert "using the champion" in done(culture(home, *words)).stderr
    lists = pd.read_parquet(output)
    assert list(lists.columns) == ["user_id", "rank", "activity_id", "session_id", "score", "source"]
    assert lists.notna().all().all()
    assert lists.groupby("user_id")["rank"].apply(lambda r: list(r) == list(range(1, len(r) + 1))).all()
    sessions = pd.read_csv(NASHVILLE / "sessions.csv", dtype=str).set_index("session_id")
    starts = pd.to_datetime(sessions.loc[lists["session_id"], "starts_at"], utc=True)
    assert starts.min() > pd.Timestamp(AS_OF)
    assert starts.max() < pd.Timestamp(AS_OF) + pd.Timedelta(days=14)
    held = pd.read_csv(NASHVILLE / "bookings.csv", dtype=str)
    held = held[pd.to_datetime(held["booked_at"], utc=True) < pd.Timestamp(AS_OF)]
    assert not set(zip(lists["user_id"], lists["session_id"], strict=True)) & set(
        zip(held["user_id"], held["session_id"], strict=True)
    )


def test_recommend_for_some_users_only(culture, home, tmp_path):
    users, output = tmp_path / "users.csv", tmp_path / "lists.parquet"
    chosen = pd.read_csv(NASHVILLE / "users.csv", dtype=str)["user_id"].head(3).tolist()
    users.write_text("\ufeffuser_id\n" + "\n".join(chosen) + "\n", encoding="utf-8")
    done(culture(home, "recommend", "--as-of", AS_OF, "--k", 3, "--output", output, "--users", users, "--quiet"))
    assert set(pd.read_parquet(output)["user_id"]) <= set(chosen)
    users.write_text("user\n1\n")
    failed(
        culture(home, "recommend", "--as-of", AS_OF, "--k", 3, "--output", output, "--users", users), "user_id", "user"
    )


def test_users_of_whom_nothing_is_known_get_a_visitors_list(culture, home, tmp_path):
    users, output = tmp_path / "users.csv", tmp_path / "lists.parquet"
    users.write_text("user_id\nnobody\nnoone\nnobody\n")
    words = ("recommend", "--as-of", AS_OF, "--k", 3, "--output", output, "--users", users)
    assert "2 of the users asked" in done(culture(home, *words)).stderr
    lists = pd.read_parquet(output)
    assert lists["user_id"].tolist() == ["nobody"] * 3 + ["noone"] * 3
    assert set(lists["source"]) == {"popular"}


def test_forecast_covers_every_week_category_and_target(culture, home, tmp_path):
    output = tmp_path / "forecast.parquet"
    done(culture(home, "forecast", "--as-of", AS_OF, "--horizon", 3, "--output", output))
    table = pd.read_parquet(output)
    assert list(table.columns) == [
        "region_id", "level", "category", "week_start", "target", "mean", "q0.1", "q0.5", "q0.9",
    ]  # fmt: skip
    categories = pd.read_csv(NASHVILLE / "activities.csv", dtype=str)["category"].nunique()
    assert len(table) == 3 * 2 * categories
    assert sorted(table["week_start"].unique()) == [pd.Timestamp(f"2017-{d}") for d in ("05-29", "06-05", "06-12")]
    assert (table["q0.1"] <= table["q0.5"]).all()
    assert (table["q0.5"] <= table["q0.9"]).all()
    assert (table["q0.1"] >= 0).all()


def test_what_goes_with_a_forecast_is_said_and_written_beside_it(culture, home, tmp_path):
    words = ("forecast", "--as-of", AS_OF, "--horizon", 3, "--output", tmp_path / "forecast.parquet")
    said = done(culture(home, *words, "--details", tmp_path / "beside")).stderr
    assert "past forecasts of bookings" in said
    drivers, accuracy, history = (
        pd.read_parquet(tmp_path / "beside" / f"{name}.parquet") for name in ("drivers", "accuracy", "history")
    )
    table = pd.read_parquet(tmp_path / "forecast.parquet")
    means = table[table["target"] == "bookings"].set_index(["region_id", "category", "week_start"])["mean"]
    added = drivers.groupby(["region_id", "category", "week_start"])["places"].sum()
    pd.testing.assert_series_equal(added, means.reindex(added.index), check_names=False, rtol=1e-6)
    assert {"wape", "pit80"} <= set(accuracy["metric"])
    assert len(history)
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    failed(culture(home, *words, "--details", blocked), "no folder")


def test_a_champion_of_the_same_data_holds_the_forecast(culture, home, tmp_path):
    words = ("forecast", "--as-of", AS_OF, "--horizon", 13, "--output")
    assert "holds this forecast" in done(culture(home, *words, tmp_path / "held.parquet")).stderr
    done(culture(tmp_path / "fresh", "ingest", NASHVILLE))
    assert "forecasting demand" in done(culture(tmp_path / "fresh", *words, tmp_path / "anew.parquet")).stderr
    held, anew = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("held", "anew"))
    pd.testing.assert_frame_equal(held, anew)


def test_forecast_of_months_reaches_to_the_end_of_the_last(culture, home, tmp_path):
    output = tmp_path / "forecast.parquet"
    done(culture(home, "forecast", "--as-of", AS_OF, "--horizon", 2, "--period", "month", "--output", output))
    table = pd.read_parquet(output)
    assert list(table.columns) == [
        "region_id", "level", "category", "period_start", "target", "mean", "q0.1", "q0.5", "q0.9",
    ]  # fmt: skip
    assert sorted(table["period_start"].unique()) == [pd.Timestamp("2017-06-01")]
    assert (table["mean"] > 0).any()


def test_suggest_without_venues_is_an_empty_file(culture, home, tmp_path):
    output = tmp_path / "suggestions.parquet"
    done(culture(home, "suggest", "--as-of", AS_OF, "--budget", 4, "--output", output))
    table = pd.read_parquet(output)
    assert table.empty
    assert list(table.columns) == [
        "rank", "category", "venue_id", "region_id", "weekday", "start_time", "size", "expected_attendance",
        "q0.1", "q0.9", "newly_reached", "reason",
    ]  # fmt: skip


def test_evaluate_writes_every_model(culture, home, tmp_path):
    output = tmp_path / "table.json"
    done(culture(home, "evaluate", "--as-of", "2016-05-18", "--window-days", 14, "--k", 5, "--output", output))
    rows = pd.DataFrame(json.loads(output.read_text())["rows"])
    assert set(rows["role"]) >= {"served", "baseline"}
    assert {"ranking", "bookings"} <= set(rows["task"])
    assert "ndcg@5" in set(rows["metric"])


def test_a_back_test_of_demand_alone_has_every_forecaster_and_a_run(culture, home, tmp_path):
    output = tmp_path / "table.json"
    words = ("--as-of", "2017-05-08", "--window-days", 14, "--windows", 2, "--step-days", 7, "--task", "demand")
    done(culture(home, "evaluate", *words, "--output", output))
    rows = pd.DataFrame(json.loads(output.read_text())["rows"])
    assert set(rows["task"]) == {"bookings"}
    assert {"programme", "seasonal naive", "theta", "ets", "ces", "imapa", "tsb", "chosen"} <= set(rows["model"])
    assert set(rows["window"]) == {"all", "2017-04-30T16:00:00+00:00", "2017-05-07T16:00:00+00:00"}
    client = MlflowClient(tracking_uri(home))
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    logged = next(run for run in runs if run.data.params.get("tasks") == "('demand',)")
    assert logged.data.metrics["bookings/ensemble/all/wape/all"] > 0


def test_a_time_that_cannot_be_read_is_wrong_usage(culture, tmp_path):
    result = culture(tmp_path, "forecast", "--as-of", "yesterday-ish", "--horizon", 2, "--output", tmp_path / "f")
    assert result.returncode == 2
    assert "yesterday-ish" in result.stderr
    assert culture(tmp_path, "no-such-command").returncode == 2


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--timezone", "Mars/Olympus"),
        ("--platform", ""),
        ("--platform", "a:b"),
        ("--platform", ".."),
        ("--platform", "章" * 29),
    ],
)
def test_a_platform_that_cannot_be_is_wrong_usage(culture, tmp_path, option, value):
    """A name of the parent folder would have its quarantine files written outside of it."""
    result = culture(tmp_path / "home", "ingest", NASHVILLE, option, value)
    assert result.returncode == 2
    assert "platform name" in result.stderr or value in result.stderr
    assert not (tmp_path / "home").exists()


def test_before_any_data_is_one_clear_line(culture, tmp_path):
    for words in (
        ("train", "--as-of", "2001-01-01"),
        ("recommend", "--as-of", "2001-01-01", "--k", 3, "--output", tmp_path / "r"),
    ):
        failed(culture(tmp_path / "empty", *words), "nothing is known before 2000-12-31T16:00:00+00:00", "ingest")
    assert not (tmp_path / "r").exists()


def test_a_folder_that_is_not_there_is_one_clear_line(culture, tmp_path):
    failed(culture(tmp_path, "ingest", tmp_path / "nowhere"), "nowhere")


def test_a_store_that_cannot_be_reached_is_one_clear_line(tmp_path):
    url = "postgresql://reader:secret@127.0.0.1:1/nothing"
    result = process(tmp_path, "ingest", NASHVILLE, CULTURE_DATABASE_URL=url)
    assert "127.0.0.1" in failed(result)
    assert "secret" not in result.stderr


def test_processes_of_their_own_share_the_server_under_their_home(open_folder, tmp_path):
    write_tables(tmp_path / "tables", 2, 3, 2)
    home, output = open_folder / "home", tmp_path / "forecast.parquet"
    assert done(process(home, "ingest", tmp_path / "tables")).stderr == ""
    words = ("forecast", "--as-of", "2026-01-02", "--horizon", 2, "--output", output, "--quiet")
    assert done(process(home, *words)).stderr == ""
    assert len(pd.read_parquet(output)) == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["forecast", "--as-of", "3000-01-01", "--horizon", "2"], "3000-01-01"),
        (["recommend", "--as-of", AS_OF, "--k", "0"], "--k"),
        (["evaluate", "--as-of", AS_OF, "--window-days", "0"], "--window-days"),
        (["suggest", "--as-of", AS_OF, "--budget", "-1"], "--budget"),
    ],
)
def test_values_out_of_range_are_wrong_usage(culture, tmp_path, words, said):
    result = culture(tmp_path, *words, "--output", tmp_path / "file")
    assert result.returncode == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--shape", "round", "logit"),
        ("--knob", "nope=1", "nope"),
        ("--knob", "nope", "NAME=VALUE"),
        ("--region", "99", "99"),
    ],
)
def test_what_cannot_be_simulated_is_wrong_usage(culture, tmp_path, option, value, said):
    result = culture(tmp_path, "simulate", "--output", tmp_path / "place", option, value)
    assert result.returncode == 2
    assert said in result.stderr
    assert not (tmp_path / "place").exists()


def test_an_output_that_cannot_be_written_is_told_before_the_work(culture, home, tmp_path):
    (tmp_path / "file").write_text("")
    for output, said in ((tmp_path, "is a folder"), (tmp_path / "file" / "x", "file is no folder")):
        failed(culture(home, "forecast", "--as-of", AS_OF, "--horizon", 2, "--output", output), said)


def test_a_window_without_an_end(culture, home, tmp_path):
    words = ("recommend", "--as-of", AS_OF, "--k", 3, "--quiet", "--output")
    for name, window in (("all", []), ("endless", ["--session-window-days", "1e300"])):
        done(culture(home, *words, tmp_path / name, *window))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "all"), pd.read_parquet(tmp_path / "endless"))


def champion(home):
    """Manifest of the champion, and its models as text without the number of threads that they were learned on."""
    bundle = home / "bundles" / (home / "champion").read_text().strip()
    manifest = json.loads((bundle / "manifest.json").read_text())
    texts = {path: (bundle / part["file"]).read_bytes() for path, part in manifest["parts"].items()}
    return manifest, {path: re.sub(rb"\[num_threads: \d+\]", b"", text) for path, text in texts.items()}


def test_two_processes_learn_and_judge_what_one_does(culture, home, monkeypatch):
    one, learned = champion(home)
    monkeypatch.setenv("CULTURE_PROCESSES", "2")
    said = done(culture(home, "train", "--as-of", AS_OF, "--config", home / "few.json")).stderr
    assert "2 processes side by side" in said
    assert "7 of 7: " in said
    two, beside = champion(home)
    assert two["evaluation"] == one["evaluation"]
    assert two["gate"] == one["gate"]
    assert beside == learned
    assert any(path.startswith("ranking/trees/") for path in learned)


def test_settings_that_are_not_text(culture, home, tmp_path):
    (tmp_path / "settings.json").write_bytes(b"\xff{")
    failed(culture(home, "train", "--as-of", AS_OF, "--config", tmp_path / "settings.json"), "settings.json")


def write_tables(folder, n_users, n_activities, n_bookings):
    folder.mkdir()
    hours = pd.date_range("2026-01-01", periods=n_activities, freq="7D", tz="UTC")
    ids = [f"a{n}" for n in range(n_activities)]
    pd.DataFrame({"user_id": [f"u{n}" for n in range(n_users)]}).to_csv(folder / "users.csv", index=False)
    pd.DataFrame({"activity_id": ids, "category": "舞蹈"}).to_csv(folder / "activities.csv", index=False)
    sessions = pd.DataFrame({"session_id": ids, "activity_id": ids, "starts_at": hours})
    sessions.to_csv(folder / "sessions.csv", index=False)
    bookings = [(f"b{n}", f"u{n % n_users}", ids[n % n_activities], "2025-12-20T00:00:00Z") for n in range(n_bookings)]
    columns = ["booking_id", "user_id", "session_id", "booked_at"]
    pd.DataFrame(bookings, columns=columns).to_csv(folder / "bookings.csv", index=False)


@pytest.mark.parametrize(
    ("n_users", "n_activities", "n_bookings", "n_rows"),
    [
        pytest.param(1, 1, 0, 0, id="one user, one activity that is over, no bookings"),
        pytest.param(1, 3, 1, 2, id="one user"),
        pytest.param(3, 3, 0, 6, id="no bookings at all"),
    ],
)
def test_next_to_nothing_still_trains_and_answers(culture, tmp_path, n_users, n_activities, n_bookings, n_rows):
    write_tables(tmp_path / "tables", n_users, n_activities, n_bookings)
    home, as_of = tmp_path / "home", "2026-01-02T00:00:00Z"
    done(culture(home, "ingest", tmp_path / "tables"))
    done(culture(home, "train", "--as-of", as_of))
    lists = tmp_path / "lists.parquet"
    done(culture(home, "recommend", "--as-of", as_of, "--k", 10, "--output", lists))
    assert len(pd.read_parquet(lists)) == n_rows


def test_a_champion_that_knows_less_than_the_one_before_says_so(culture, tmp_path):
    write_tables(tmp_path / "tables", 1, 3, 1)
    home = tmp_path / "home"
    done(culture(home, "ingest", tmp_path / "tables"))
    first = done(culture(home, "train", "--as-of", "2026-01-10T00:00:00Z")).stdout
    assert "takes the place" not in first
    newer = first.split()[1]
    assert f"takes the place of {newer}" in done(culture(home, "train", "--as-of", "2026-01-02T00:00:00Z")).stdout


def test_two_platforms_with_the_same_ids_stay_apart(culture, tmp_path):
    write_tables(tmp_path / "one", 2, 3, 2)
    write_tables(tmp_path / "two", 3, 3, 2)
    home, lists = tmp_path / "home", tmp_path / "lists.parquet"
    done(culture(home, "ingest", tmp_path / "one", "--platform", "east"))
    done(culture(home, "ingest", tmp_path / "two", "--platform", "west"))
    done(culture(home, "recommend", "--as-of", "2026-01-02T00:00:00Z", "--k", 10, "--output", lists))
    users = set(pd.read_parquet(lists)["user_id"])
    assert users == {"east:u0", "east:u1", "west:u0", "west:u1", "west:u2"}


def test_a_category_that_nobody_ever_offered_is_named(culture, home, tmp_path):
    words = ("suggest", "--as-of", AS_OF, "--budget", 2, "--output", tmp_path / "s", "--categories", "Dansing")
    failed(culture(home, *words), "Dansing")
