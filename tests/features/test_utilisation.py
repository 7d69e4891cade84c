import pytest

from features.utilisation import service_radius, venue_utilisation, within_standard
from recsys.dataset import Dataset
from tests.opening_world import UNTIL, world


def test_use_of_seats_and_slots():
    dataset = world(0).dataset
    table = venue_utilisation(dataset)
    assert table["sessions"].sum() == pytest.approx(18, rel=0.01)
    assert table["seat_use"].between(0, 1).all()
    assert table["places_taken"].sum() * 26 == pytest.approx(len(dataset.bookings))
    assert (table["slot_use"] <= 1).all()


def test_people_come_from_nearer_than_everybody_lives():
    dataset = world(0).dataset
    radius = service_radius(dataset)
    assert (radius["median_km"] <= radius["km_90"]).all()
    assert radius["median_km"].median() < 5
    assert (service_radius(dataset, by="venue_id")["people"] >= 5).all()


def test_standard_of_the_cultural_circle():
    table = within_standard(world(0).dataset)
    assert (table["within_town_km"] <= table["within_country_km"]).all()
    assert table["users"].sum() == 1500


def test_empty_data_give_empty_tables():
    empty = Dataset.from_tables({}, UNTIL)
    assert venue_utilisation(empty).empty
    assert service_radius(empty).empty
    assert within_standard(empty).empty
