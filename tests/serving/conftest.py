"""A small simulated county in a store, and a bundle learned from it."""

import uuid

import pandas as pd
import psycopg
import pytest
from sqlalchemy.engine import make_url

from features.openings.inputs import opening_inputs
from features.openings.latent_demand import LATENT, latent_demand
from features.settings import Settings
from features.store.frames import read_dataset
from features.store.ingest import ingest_folder
from features.store.platforms import zones_by_num
from features.store.snapshot import load_snapshot
from features.store.store import open_store
from recsys.bundle import BundleWriter
from recsys.openings.learned.stored import save_openings
from recsys.releases import bundles_folder, release
from recsys.simulation.command import simulate
from serving.app import create_app
from serving.champion import ChampionWatcher
from serving.parts import open_parts
from serving.rows.queries import FAR
from tests.serving.live import FixedProvider, serving
from training.demand.config import DemandConfig
from training.demand.forecast import forecast_demand
from training.forecasters.boosting import BoostingConfig
from training.ranking.fit import RankingConfig, fit_ranking

AS_OF = pd.Timestamp("2026-01-19T00:00:00+08:00")
BUNDLE = "first"


def new_database(server: str, template: str = "culture_template") -> str:
    """URL of a database made from a template."""
    name = f"serving_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def copy_of(settings, server):
    """URL of a copy of a database that nobody is connected to."""
    return new_database(server, make_url(settings.database_url).database)


@pytest.fixture(scope="session")
def county_template(tmp_path_factory, database_server):
    """Settings of a home with a champion, and of a database with the county's rows that stays a template."""
    home = tmp_path_factory.mktemp("county")
    template = Settings(home=home, database_url=new_database(database_server))
    simulate(home / "tables", seed=3, users=300, weeks=10, start=(AS_OF - pd.Timedelta(weeks=10)).date())
    with open_store(template) as store:
        ingest_folder(store, home / "tables", "default", None, None, show_progress=False)
        dataset = load_snapshot(store.snapshot(home / "snapshots", AS_OF).path)
    manifest = {"data_until": AS_OF.isoformat(), "timezone": dataset.timezone}
    with BundleWriter(bundles_folder(home) / BUNDLE, manifest) as writer:
        fit_ranking(dataset, RankingConfig()).save(writer)
        config = DemandConfig(max_origins=3, test_weeks=1, boosting=BoostingConfig(n_rounds=5))
        forecast_demand(dataset, 6, config).save(writer)
        inputs = opening_inputs(dataset)
        save_openings(inputs, writer)
        writer.table(LATENT, latent_demand(dataset, inputs))
    release(home, BUNDLE)
    return template


@pytest.fixture(scope="session")
def county(county_template, database_server):
    """The county in a database that no test writes to."""
    return Settings(home=county_template.home, database_url=copy_of(county_template, database_server))


@pytest.fixture(scope="session")
def dataset(county):
    """All rows of the county."""
    with open_store(county) as store, store.reading() as connection:
        return read_dataset(connection, zones_by_num(connection), FAR)


@pytest.fixture
def own_county(county_template, database_server):
    """The county in a database of the test's own, which it may write to."""
    url = copy_of(county_template, database_server)
    yield Settings(home=county_template.home, database_url=url)
    with psycopg.connect(database_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")


def app_of(settings, at=AS_OF, provider=None, **others):
    """The application on a home, its clock standing at `at`."""
    provider = provider or ChampionWatcher(settings.home, open_parts, interval_s=0.05)
    return create_app(provider, lambda: open_store(settings), clock=lambda: at.tz_convert("UTC"), **others)


@pytest.fixture(scope="session")
def client(county):
    """A client of the whole service; tests that use it do not write."""
    with serving(app_of(county)) as opened:
        yield opened


@pytest.fixture
def own_client(own_county):
    """A client of a service that the test may write to."""
    with serving(app_of(own_county)) as opened:
        yield opened


@pytest.fixture
def empty_client(database_url, tmp_path):
    """A client of a service with neither rows nor a bundle."""
    settings = Settings(home=tmp_path / "home", database_url=database_url)
    with serving(app_of(settings, provider=FixedProvider(None))) as opened:
        yield opened
