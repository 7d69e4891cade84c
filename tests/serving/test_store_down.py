import psycopg
from sqlalchemy.engine import make_url

from features.settings import Settings
from tests.serving.conftest import BUNDLE, app_of
from tests.serving.live import serving, wait_until
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


def test_a_store_that_goes_away_is_said_and_found_again_when_it_comes_back(own_county, database_server):
    name = make_url(own_county.database_url).database

    def allow(yes):
        with psycopg.connect(database_server, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {yes}")
            connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    with serving(app_of(own_county)) as client:
        assert client.get("/v1/recommendations").status_code == 200
        allow("false")
        problem(client.get("/v1/recommendations"), 503, "store-unavailable")
        assert client.get("/readyz").status_code == 503
        allow("true")
        wait_until(lambda: client.get("/readyz").status_code == 200)
        assert client.get("/v1/recommendations").status_code == 200
