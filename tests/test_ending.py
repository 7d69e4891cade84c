"""Commands that are told to end by a signal: what is under way is undone, nothing stays open."""

import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from mlflow.tracking import MlflowClient

import culture as command
from tests.commands import PATIENCE_S, begin, done, open_to_servers, process, wait_until
from training.tracking import tracked_run, tracking_uri

pytestmark = pytest.mark.long

NASHVILLE = Path(__file__).parent / "data" / "nashville"
AS_OF = "2017-06-01T00:00:00Z"


def newest_status(client):
    """The status of the run that began last."""
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    return max(runs, key=lambda run: run.info.start_time).info.status


def workers_of(begun):
    """The two processes that work beside a command, once they are there."""
    while True:
        with pytest.raises(subprocess.TimeoutExpired):
            begun.wait(0.05)
        found = [p for p in psutil.Process(begun.pid).children() if is_worker(p)]
        if len(found) == 2:
            return found


def is_worker(process):
    """Whether it works beside a command; others come and go while it starts."""
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def own_home():
    """A home with the slice loaded, an empty table of runs, and the server that starts under it."""
    with open_to_servers() as folder:
        done(process(folder, "ingest", NASHVILLE))
        with tracked_run(folder, "before", {}):
            pass
        yield folder


@pytest.mark.parametrize(
    ("number", "code", "last_line"),
    [(signal.SIGTERM, 143, "culture: told to end (SIGTERM)"), (signal.SIGINT, 130, None)],
)
def test_a_training_that_is_told_to_end_leaves_nothing_open(own_home, number, code, last_line):
    client = MlflowClient(tracking_uri(own_home))
    with begin(own_home, "train", "--as-of", AS_OF, CULTURE_PROCESSES="2") as training:
        others = workers_of(training)
        assert newest_status(client) == "RUNNING"
        training.send_signal(number)
        _, said = training.communicate(timeout=PATIENCE_S)
    assert training.returncode == code
    assert "Traceback" not in said
    assert last_line is None or said.splitlines()[-1] == last_line
    assert newest_status(client) == "KILLED"
    _, alive = psutil.wait_procs(others, timeout=PATIENCE_S)
    assert not alive
    assert not list((own_home / "bundles").glob("*"))
    assert not list((own_home / "bundles").glob(".*"))


def started(service, workers):
    """Address of a service that has started, told line by line."""
    told = ""
    while told.count("startup complete") < workers:
        line = service.stderr.readline()
        assert line, f"the service ended by itself: {told}"
        told += line
    return re.search(r"http://[\d.:]+", told)[0]


@contextmanager
def store_kept_from_writing(home):
    """A write waits until the block ends; yields whether one does."""
    sockets = (home / "postgres" / "postmaster.pid").read_text().splitlines()[4]
    with psycopg.connect(host=sockets, user="postgres", dbname="postgres") as connection:
        connection.execute("SELECT version FROM store_state FOR UPDATE")
        yield lambda: connection.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_service_that_is_told_to_end_answers_what_it_was_asked_and_stops_its_database(own_home, number, workers):
    running = own_home / "postgres" / "postmaster.pid"
    assert not running.exists()
    with begin(own_home, "serve", "--port", 0, "--workers", workers) as service, ThreadPoolExecutor(1) as pool:
        address = started(service, workers)
        # There while the database runs: what has ended is still a process until somebody asks after it.
        assert running.exists()
        told = [service]
        if number == signal.SIGHUP:  # A terminal that is closed tells it all that run on it.
            told += filter(is_worker, psutil.Process(service.pid).children())
        with store_kept_from_writing(own_home) as is_waiting:
            late = f"{address}/v1/activities/{number.name}{workers}"
            asked = pool.submit(httpx.put, late, json={"category": "c"}, timeout=None)
            wait_until(is_waiting)
            for one in told:
                one.send_signal(number)
            said = ""
            while "Waiting for connections to close" not in said:
                line = service.stderr.readline()
                assert line, said
                said += line
        assert asked.result().status_code == 200
        out, err = service.communicate(timeout=PATIENCE_S)
    assert (service.returncode, out) == (0, "")
    assert "Traceback" not in said + err
    assert "told to end" not in said + err
    assert not running.exists()


class AtTheEnd:
    """Does something in its destructor, where what is raised goes nowhere."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        signal.raise_signal(self.number)


def caught(number):
    with suppress(BaseException):
        signal.raise_signal(number)


@pytest.mark.parametrize("lost", [AtTheEnd, caught])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_that_comes_where_nothing_is_passed_on_comes_again(monkeypatch, tmp_path, number, code, lost):
    def interrupted(*_):
        lost(number)
        assert not threading.Event().wait(PATIENCE_S)

    monkeypatch.setattr(
        sys, "argv", ["culture", "forecast", "--as-of", AS_OF, "--horizon", "1", "-o", str(tmp_path / "f")]
    )
    monkeypatch.setattr("training.answers.forecast_file", interrupted)
    # Who runs tests in the background has them ignored.
    before = signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    try:
        with pytest.raises(SystemExit) as end:
            command.main()
    finally:
        signal.signal(number, before)
    assert end.value.code == code


_LEAVES_A_LOCK = """
import multiprocessing, os
from recsys.ending import run
def leave():
    lock = multiprocessing.get_context("spawn").Lock()
    os._exit(143)
run(leave, "culture")
"""


def test_what_a_signal_left_between_processes_is_deleted_in_silence():
    ended = subprocess.run([sys.executable, "-c", _LEAVES_A_LOCK], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (143, "")


def test_a_signal_that_a_library_makes_an_error_of_ends_the_command_all_the_same(monkeypatch, tmp_path, capsys):
    def interrupted(*_):
        try:
            signal.raise_signal(signal.SIGTERM)
        except BaseException as error:
            raise TypeError("'builtins' is no schema") from error

    words = ["forecast", "--as-of", AS_OF, "--horizon", "1", "--output", str(tmp_path / "f")]
    monkeypatch.setattr(sys, "argv", ["culture", *words])
    monkeypatch.setattr("training.answers.forecast_file", interrupted)
    with pytest.raises(SystemExit) as end:
        command.main()
    assert end.value.code == 143
    assert capsys.readouterr().err == "culture: told to end (SIGTERM)\n"
