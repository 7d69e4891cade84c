"""Calls side by side: results, errors, and what ends with what."""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from multiprocessing.connection import wait
from pathlib import Path

import psutil
import pytest
from threadpoolctl import threadpool_info

from recsys.errors import DataError, RecsysError, UnknownIdError
from tests.commands import PATIENCE_S
from training.workers import Here, closed_by_one, n_processes, workers


def doubled(value):
    return 2 * value


def fail_with(error):
    raise error


def blocked_signals():
    return signal.pthread_sigmask(signal.SIG_BLOCK, set())


def end_suddenly():
    os._exit(9)


def n_threads():
    importlib.import_module("lightgbm")
    return [pool["num_threads"] for pool in threadpool_info()]


def warn():
    warnings.warn("told as in the first process", UserWarning, stacklevel=1)


def wait_for_ever():
    threading.Event().wait()


def _wait_and_fail(executor):
    executor.submit(wait_for_ever)
    executor.submit(fail_with, DataError("a", ["b"])).result()


@pytest.mark.parametrize("n", [1, 2])
def test_calls_return_in_any_number_of_processes(n):
    with workers(n) as executor:
        futures = [executor.submit(doubled, value) for value in range(5)]
        assert [one.result() for one in futures] == [0, 2, 4, 6, 8]


def test_calls_run_in_other_processes_of_one_thread(monkeypatch):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    with workers(2) as executor:
        assert executor.submit(os.getpid).result() != os.getpid()
        assert set(executor.submit(n_threads).result()) == {1}


@pytest.mark.parametrize(
    "error",
    [
        DataError("bookings", ["column 'user_id' is missing", "14 times"]),
        UnknownIdError("region", ["x"]),
        OSError(28, "x"),
    ],
)
def test_an_error_is_the_same_from_another_process(error):
    with pytest.raises(type(error)) as failure, workers(2) as executor:
        executor.submit(fail_with, error).result()
    assert str(failure.value) == str(error)
    assert vars(failure.value) == vars(error)


def test_warnings_are_as_in_the_first_process():
    with workers(2) as executor, pytest.raises(UserWarning, match="told as"):
        executor.submit(warn).result()


def test_a_process_that_is_killed_is_told_in_words():
    with pytest.raises(RecsysError, match="CULTURE_PROCESSES=1"), workers(2) as executor:
        executor.submit(end_suddenly).result()


def test_an_error_does_not_wait_for_other_calls():
    with pytest.raises(DataError), workers(2) as executor:
        _wait_and_fail(executor)
    # What they hold open tells it: the executor's own thread may be the one that the system tells of their end.
    assert all(wait([child.sentinel], PATIENCE_S) for child in multiprocessing.active_children())


def test_threads_that_close_a_connection_at_once_do_so_once(monkeypatch):
    reader, writer = multiprocessing.Pipe(duplex=False)
    n_inside, real = [], type(reader)._close

    def slow(connection):
        if connection is reader:  # Other tests' processes may still be closing theirs.
            n_inside.append(1)
            time.sleep(0.05)  # Long enough for the other threads to come in, if they can.
        real(connection)

    monkeypatch.setattr(type(reader), "_close", slow)
    closed_by_one(reader)
    failed = []

    def close():
        try:
            reader.close()
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reader.closed
    assert (len(n_inside), failed) == (1, [])
    writer.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_ends_the_first_process_ends_the_others(how, tmp_path):
    script = tmp_path / "main.py"
    script.write_text(
        "import os\n"
        "from tests.training.test_workers import wait_for_ever\n"
        "from training.workers import workers\n"
        "if __name__ == '__main__':\n"
        "    with workers(2) as executor:\n"
        "        executor.submit(os.getpid).result()\n"
        "        futures = [executor.submit(wait_for_ever) for _ in range(2)]\n"
        "        print('begun', flush=True)\n"
        "        futures[0].result()\n",
        encoding="utf-8",
    )
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": root},
        start_new_session=True,
    ) as main:
        begun = main.stdout.readline()
        assert begun == "begun\n", main.communicate()
        others = psutil.Process(main.pid).children(recursive=True)
        assert len(others) >= 2
        # As a terminal does, an interrupt goes to all of them.
        os.killpg(main.pid, how) if how == signal.SIGINT else main.send_signal(how)
        _, said = main.communicate(timeout=PATIENCE_S)
    assert main.returncode != 0
    _, alive = psutil.wait_procs(others, timeout=PATIENCE_S)
    assert not alive
    if how == signal.SIGINT:
        assert said.count("Traceback") == 1, said


def test_a_process_is_born_deaf_to_an_interrupt_and_the_first_one_is_not():
    with workers(2) as executor:
        born = [executor.submit(blocked_signals) for _ in range(4)]
        assert all(signal.SIGINT in future.result() for future in born)
    assert signal.SIGINT not in blocked_signals()


def test_here_raises_where_it_is_submitted():
    with pytest.raises(DataError):
        Here().submit(fail_with, DataError("a", ["b"]))


def test_as_many_processes_as_wanted_and_at_most_two_by_itself():
    assert n_processes(5) == 5
    assert 1 <= n_processes(None) <= 2


def interrupted_while_sending(senders):
    with workers(2) as executor:
        for _ in range(4):
            executor.submit(len, bytes(50_000_000))
        while not senders:
            senders += [t for t in threading.enumerate() if t.name == "QueueFeederThread" and t.is_alive()]
            time.sleep(0.01)
        raise KeyboardInterrupt


def test_what_is_being_sent_is_not_waited_for_after_an_interrupt():
    senders = []
    with pytest.raises(KeyboardInterrupt):
        interrupted_while_sending(senders)
    for sender in senders:
        sender.join(PATIENCE_S)
        assert not sender.is_alive()
