"""The `culture` command: the one place that joins all rooms.

Long for its options, which stand here with their help: what a command does is a call of one room, or two.
"""

from __future__ import annotations

import json
import os
import threading
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

# Before numpy is loaded: the learners bring their own threads, and BLAS threads under them only get in the way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Threads that wait for each other sleep: spinning, two trainings on two cores take many times as long as one.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import typer

from recsys.console import Console

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Recommendation and demand matching for public culture.",
    epilog="CULTURE_HOME (default: var) holds all that commands write. This and other variables: docs/nightly.md.",
)

Task = Literal["all", "ranking", "demand"]
Period = Literal["week", "month", "quarter"]
Language = Literal["zh", "en"]
Shape = Literal["logit", "gravity"]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="File to write.")]


def parse_time(text: str) -> Any:
    """An ISO 8601 instant; without a zone it is in Asia/Shanghai.

    Raises:
        typer.BadParameter: says which value could not be read.
    """
    from recsys.dataset import instant
    from recsys.errors import DataError

    try:
        return instant(text)
    except DataError as error:
        raise typer.BadParameter(error.problems[0]) from None


def _time(says: str, unless_given: str | None = None) -> Any:
    """The option `--as-of`, and what holds where it is not given."""
    written = f"{says}; ISO 8601, in Asia/Shanghai where no zone is named."
    return typer.Option("--as-of", parser=parse_time, metavar="TIME", help=written, show_default=unless_given or True)


_CUT_OFF = "Cut-off: only what was known before it is learned from"
AsOf = Annotated[Any, _time(_CUT_OFF)]
Config = Annotated[
    Path | None, typer.Option(help="JSON file with settings (docs/experiments.md).", show_default="those of the code")
]


@app.command()
def ingest(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with one file a table.")],
    platform: Annotated[str, typer.Option(help="Name of the platform that delivers.")] = "default",
    timezone: Annotated[
        str | None,
        typer.Option(help="Zone of times without one.", show_default="the platform's last, at first Asia/Shanghai"),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="JSON file for the report.")] = None,
    quiet: Quiet = False,
) -> None:
    """Load a platform's tables; bad rows go to quarantine with their reason."""
    from features.store.ingest import ingest_folder
    from features.store.platforms import platform_problems
    from features.store.store import open_store

    if problems := platform_problems(platform, timezone):
        raise typer.BadParameter("; ".join(problems), param_hint="--platform, --timezone")
    console = Console(quiet)
    with open_store(_settings()) as store:
        outcome = ingest_folder(store, folder, platform, timezone, report, show_progress=console.shows_progress)
    console.report(outcome)


@app.command()
def train(
    as_of: Annotated[Any, _time(_CUT_OFF, "now")] = None,
    config: Config = None,
    quiet: Quiet = False,
) -> None:
    """Learn from what was known before TIME, evaluate, and release the bundle if it beats its baselines."""
    import pandas as pd

    from training.run import load_config, train_bundle

    time = pd.Timestamp.now(tz="UTC").floor("s") if as_of is None else as_of
    console = Console(quiet)
    console.report(train_bundle(_settings(), time, load_config(config), console.say))


@app.command()
def tune(
    as_of: Annotated[Any, _time(_CUT_OFF, "the start of today, UTC")] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials in all; earlier runs of the same search count.")] = 40,
    windows: Annotated[int, typer.Option(min=1, help="Past windows that a trial is judged on.")] = 3,
    window_days: Annotated[float, typer.Option(min=1.0, max=366, help="Length of a window in days.")] = 14,
    config: Config = None,
    quiet: Quiet = False,
) -> None:
    """Search ranking's settings on windows before TIME; run again to go on where it ended."""
    import pandas as pd

    from training.ranking.tuning import TuneConfig
    from training.ranking.tuning import tune as search
    from training.run import known_data, load_config

    settings = _settings()
    time = pd.Timestamp.now(tz="UTC").floor("D") if as_of is None else as_of
    start = load_config(config).ranking
    console = Console(quiet)
    snapshot, dataset = known_data(settings, time, console.say)
    asked = TuneConfig(n_trials=trials, n_windows=windows, window_days=window_days)
    outcome = search(dataset, settings.home, asked, start, snapshot_sha256=snapshot.sha256, quiet=quiet)
    console.report(outcome)


@app.command()
def recommend(
    as_of: AsOf,
    output: Output,
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="Length of a list.")],
    users: Annotated[Path | None, typer.Option(help="CSV with a column user_id.", show_default="all users")] = None,
    session_window_days: Annotated[
        float | None,
        typer.Option(min=0.0, help="Only sessions that start within so many days.", show_default="all"),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Rank open sessions for users."""
    from training.answers import recommend_file

    console = Console(quiet)
    console.wrote(output, recommend_file(_settings(), as_of, k, output, users, session_window_days, console.say))


@app.command()
def forecast(
    as_of: AsOf,
    output: Output,
    horizon: Annotated[int, typer.Option(min=1, max=104, help="Weeks ahead.")],
    period: Annotated[
        Period, typer.Option(help="Length of a row's time; months and quarters are whole, up to that of the last week.")
    ] = "week",
    details: Annotated[
        Path | None,
        typer.Option(help="Folder for what goes with it: history, gaps, drivers, alarms, accuracy, ... as Parquet."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Forecast bookings and demand for each region, category and week (or month, or quarter)."""
    from training.answers import forecast_file

    console = Console(quiet)
    console.wrote(output, forecast_file(_settings(), as_of, horizon, output, console.say, period, details))


@app.command()
def suggest(
    as_of: AsOf,
    output: Output,
    budget: Annotated[int, typer.Option(min=0, help="Number of new weekly classes.")],
    region: Annotated[str | None, typer.Option(help="Only venues in or under this region.")] = None,
    categories: Annotated[str | None, typer.Option(help="Only these categories, with commas between.")] = None,
    question: Annotated[
        Path | None,
        typer.Option(help="JSON with what HTTP takes: must_open, floors, budgets, ...; options come first."),
    ] = None,
    details: Annotated[Path | None, typer.Option(help="JSON file for curve, front, explanations, moves, ...")] = None,
    lang: Annotated[Language, typer.Option(help="Language of reasons.")] = "en",
    quiet: Quiet = False,
) -> None:
    """Suggest where to open new weekly training classes."""
    from training.suggestions import Asked, suggest_file

    asked = Asked(budget, region, categories, question, details, lang)
    console = Console(quiet)
    console.wrote(output, suggest_file(_settings(), as_of, asked, output, console.say))


@app.command()
def evaluate(
    as_of: AsOf,
    window_days: Annotated[float, typer.Option(min=0.01, max=3660, help="Length of the window in days.")],
    windows: Annotated[int, typer.Option(min=1, max=52, help="This window and those back to back before it.")] = 1,
    step_days: Annotated[
        float | None,
        typer.Option(min=0.01, max=3660, help="Days from one cut-off to the next.", show_default="a window's length"),
    ] = None,
    task: Annotated[Task, typer.Option(help="What is judged.")] = "all",
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="Length of a list.")] = 10,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="JSON file for the table.")] = None,
    quiet: Quiet = False,
) -> None:
    """Back-test every ranker and forecaster on [TIME, TIME + D), and log the table to MLflow."""
    from training.answers import BackTest, evaluate_window
    from training.run import TASKS

    tasks = TASKS if task == "all" else (task,)
    asked = BackTest(window_days, windows, window_days if step_days is None else step_days, k, tasks)
    console = Console(quiet)
    console.report(evaluate_window(_settings(), as_of, asked, output, console.say))


@app.command()
def simulate(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write; its tables are replaced.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of all chance.")] = 0,
    users: Annotated[int, typer.Option(min=1, help="Registered users.")] = 18000,
    weeks: Annotated[int, typer.Option(min=1, max=520, help="Weeks of history.")] = 26,
    start: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="First day, YYYY-MM-DD.", show_default="so that the last is 2026-01-18"),
    ] = None,
    region: Annotated[str, typer.Option(help="Code of the county, city or province to simulate.")] = "370114",
    shape: Annotated[Shape, typer.Option(help="Family of the choice model and of the counts.")] = "logit",
    knob: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Any further knob (docs/simulation.md); may be repeated."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write the tables of a made-up place, and its truth beside them."""
    from recsys.errors import DataError, UnknownIdError
    from recsys.simulation.command import further_knobs
    from recsys.simulation.command import simulate as write_simulation

    try:
        first_day = None if start is None else date.fromisoformat(start)
    except ValueError:
        raise typer.BadParameter(f"{start!r} is not a date; write YYYY-MM-DD", param_hint="--start") from None
    try:
        write_simulation(
            output,
            seed=seed,
            users=users,
            weeks=weeks,
            start=first_day,
            region=region,
            shape=shape,
            show_progress=Console(quiet).shows_progress,
            **further_knobs(knob or ()),
        )
    except (DataError, UnknownIdError) as error:
        # There are no data yet: whatever cannot be simulated stands on the command line.
        raise typer.BadParameter(str(error)) from None


@app.command()
def score(
    truth: Annotated[Path, typer.Option(help="Folder of the truth that `culture simulate` wrote.")],
    recommendations: Annotated[Path | None, typer.Option(help="File of `culture recommend`.")] = None,
    forecast: Annotated[Path | None, typer.Option(help="File of `culture forecast`.")] = None,
    suggestions: Annotated[Path | None, typer.Option(help="File of `culture suggest`.")] = None,
    quiet: Quiet = False,
) -> None:
    """Score answers against the truth, beside the oracle's and simple rules'."""
    from recsys.simulation.scoring.answers import score as score_answers

    result = score_answers(truth, recommendations, forecast, suggestions)
    typer.echo(json.dumps(result, ensure_ascii=False, indent=None if quiet else 2))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Loopback address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 1,
    as_of: Annotated[Any, _time("Start the clock here, for past data", "now")] = None,
    quiet: Quiet = False,
) -> None:
    """Serve the HTTP API and the web pages."""
    from recsys.ending import served_until_told
    from serving.main import HostRefusedError
    from serving.main import serve as serve_http

    try:
        with served_until_told():
            serve_http(_settings(), host=host, port=port, workers=workers, quiet=quiet, at=as_of)
    except HostRefusedError as error:
        raise typer.BadParameter(str(error), param_hint="--host") from None


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port, or the next free one.")] = 8000,
    quiet: Quiet = False,
) -> None:
    """Simulate a county, load it, learn from it, and serve; a second run starts at once."""
    from features.settings import Settings
    from recsys.ending import served_until_told
    from serving.main import free_port
    from serving.main import serve as serve_http

    # A home and a database of its own: made-up rows never mix with a platform's.
    settings = Settings(home=_settings().home / "demo", database_url=None)
    port = free_port("127.0.0.1", port)
    console = Console(quiet)
    as_of = _prepare_demo(settings, console)
    console.tell()
    if not quiet:
        threading.Thread(target=_show_examples, args=(port,), daemon=True).start()
    with served_until_told():
        serve_http(settings, host="127.0.0.1", port=port, workers=1, quiet=True, at=as_of)


def _prepare_demo(settings: Any, console: Console) -> Any:
    """Simulates, loads and trains what is not there yet; returns the instant at which the county's known past ends."""
    from features.store.ingest import ingest_folder
    from features.store.store import open_store
    from recsys.simulation.command import simulate as write_simulation
    from serving.parts import can_serve
    from training.run import TrainConfig, train_bundle

    folder = settings.home / "county"
    manifest = folder / "truth" / "manifest.json"
    if not manifest.exists():
        console.say("simulating half a year of a county")
        write_simulation(folder, show_progress=console.shows_progress)
    as_of = parse_time(json.loads(manifest.read_text(encoding="utf-8"))["as_of"])
    if not can_serve(settings.home):
        console.say("loading its tables")
        with open_store(settings) as store:
            ingest_folder(store, folder, show_progress=console.shows_progress)
        console.say(str(train_bundle(settings, as_of, TrainConfig(), console.say)))
    return as_of


def _show_examples(port: int) -> None:
    """Waits until the service is ready, asks it three questions and prints the answers."""
    from serving.examples import ask_examples

    for line in ask_examples(f"http://127.0.0.1:{port}"):
        typer.echo(line)


def _settings() -> Any:
    from features.settings import settings_from_environment

    return settings_from_environment()


def main() -> None:
    """Entry point of the console command; CULTURE_DEBUG shows tracebacks, and the warnings of libraries."""
    from recsys.ending import run

    run(app, "culture", is_debugged=bool(os.environ.get("CULTURE_DEBUG")))
