import asyncio
import gc
import signal
import socket
import weakref
from contextlib import contextmanager

import httpx
import psutil
import pytest
from annotated_types import Le
from typer.testing import CliRunner

from culture import app
from features.settings import Settings
from recsys.openings.answers.inquiry import Inquiry
from recsys.openings.learned.beside import Beside
from recsys.releases import load_champion
from serving.main import (
    HostRefusedError,
    PortTakenError,
    Workers,
    bind,
    free_port,
    open_to_stay,
    serve,
    server_config,
)
from tests.commands import begin, wait_until


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "", "127.0.0.1.example.org"])
def test_only_loopback_is_served(host, tmp_path):
    with pytest.raises(HostRefusedError, match="refused"):
        serve(Settings(home=tmp_path), host=host, port=0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.53"])
def test_loopback_is_bound(host):
    with bind(host, 0) as listener:
        assert listener.getsockname()[0].startswith("127.")


def test_a_taken_port_is_one_clear_line_and_the_next_free_one_is_found():
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTakenError, match=str(port)):
            bind("127.0.0.1", port)
        found = free_port("127.0.0.1", port)
        assert found != port
        with socket.socket() as other:
            other.bind(("127.0.0.1", found))


@pytest.mark.parametrize("quiet", [True, False])
def test_the_address_is_said_also_where_the_system_chose_the_port(tmp_path, monkeypatch, caplog, quiet):
    for name in ("CULTURE_HOME", "CULTURE_DATABASE_URL"):
        monkeypatch.setenv(name, "restored afterwards")
    ports = []
    monkeypatch.setattr("uvicorn.Server.run", lambda _, sockets: ports.append(sockets[0].getsockname()[1]))
    serve(Settings(home=tmp_path, database_url=None), port=0, quiet=quiet)
    assert (f"http://127.0.0.1:{ports[0]}/planner" in caplog.text) is not quiet


@pytest.mark.parametrize("host", ["0.0.0.0", "example.org"])
def test_a_host_that_others_reach_is_wrong_usage(host, tmp_path, monkeypatch):
    monkeypatch.setenv("CULTURE_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["serve", "--host", host])
    assert result.exit_code == 2
    assert "Invalid value for --host" in result.output
    assert not list(tmp_path.iterdir())


def test_whoever_asks_lets_go_of_an_idle_connection_before_the_service_does():
    """Where both let go after the same 5 s, now and then a request met a connection that was just being closed."""
    with httpx.Client() as client:
        pool = client._transport._pool
        waits_of_those_who_ask = [pool._keepalive_expiry, 60]  # the second is what proxies have as their default
    assert server_config("serving.main:app_from_environment").timeout_keep_alive > max(waits_of_those_who_ask)


def test_the_longest_plan_is_answered_before_the_service_ends_and_a_slow_start_is_waited_for():
    config = server_config("serving.main:app_from_environment")
    (most_s,) = (limit.le for limit in Inquiry.model_fields["front_seconds"].metadata if isinstance(limit, Le))
    assert config.timeout_graceful_shutdown > most_s
    # A worker that says nothing for so long is killed; uvicorn begins to ask before one has read its first module.
    assert config.timeout_worker_healthcheck >= 60


@contextmanager
def two_workers():
    """Workers that are yet to be started; signals are taken as before once the block ends."""
    config = server_config("serving.main:app_from_environment", factory=True, workers=2, log_config=None)
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    with bind("127.0.0.1", 0) as listener:
        try:
            yield Workers(config, sockets=[listener])
        finally:
            for number, told in before.items():
                if signal.getsignal(number) is not told:
                    signal.signal(number, told)


@pytest.mark.parametrize("is_ignored", [True, False])
def test_workers_outlive_a_terminal_where_nohup_says_so(is_ignored):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if is_ignored else signal.SIG_DFL)
    try:
        with two_workers() as workers:
            assert (signal.getsignal(signal.SIGHUP) is signal.SIG_IGN) is is_ignored
            if not is_ignored:
                signal.raise_signal(signal.SIGHUP)
                workers.handle_signals()
                assert workers.should_exit.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_worker_that_ends_while_it_is_asked_is_not_waited_for():
    """Else a service that is told to end while its workers start does so only once one would be killed as hung."""
    with two_workers() as workers:
        try:
            for start in (workers.init_processes, workers.keep_subprocess_alive):
                start()
                for process in workers.processes:
                    process.process.kill()
                    process.join()
                assert [process.parent_conn.poll() for process in workers.processes] == [True, True]
        finally:
            for process in workers.processes:
                process.process.kill()
                process.join()


def test_workers_of_a_service_that_is_killed_end(open_folder):
    def workers():
        children = psutil.Process(service.pid).children()
        found = [child for child in children if any("spawn_main" in word for word in child.cmdline())]
        return found if len(found) == 2 else None

    with begin(open_folder, "serve", "--workers", "2", "--port", "0") as service:
        others = wait_until(workers)
        service.kill()
        _, alive = psutil.wait_procs(others, timeout=60)
        for process in alive:
            process.kill()
    assert not alive


def test_answers_leave_at_once():
    """Without the option headers wait for what the other side may put off by 40 ms before the body follows."""
    delays = []

    async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        delays.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def ask() -> None:
        with bind("127.0.0.1", 0) as listener:
            server = await asyncio.start_server(told, sock=listener)
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            await reader.read()
            writer.close()
            server.close()

    asyncio.run(ask())
    assert delays == [1]


class _Ring:
    def __init__(self) -> None:
        self.itself = self


def test_what_stays_is_looked_through_once_and_what_the_bundle_before_left_is_freed(county):
    before = _Ring()
    left = weakref.ref(before)
    gc.freeze()
    del before
    try:
        gc.collect()
        assert left() is not None
        parts = open_to_stay(load_champion(county.home))
        assert left() is None
        assert all(one is not vars(parts) for one in gc.get_objects())
        assert gc.get_freeze_count() > 50_000
    finally:
        gc.unfreeze()


def test_no_question_waits_until_classes_are_valued_beside_each_other(county, monkeypatch):
    try:
        parts = open_to_stay(load_champion(county.home))
    finally:
        gc.unfreeze()
    monkeypatch.setattr(Beside, "together", None)
    assert all(parts.openings.alone.pairs(category) for category in range(len(parts.openings.categories)))
