import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from features.encoding.matrices import MatrixConfig, feature_matrices, interaction_matrix
from features.encoding.user_features import age_bands
from features.interactions import InteractionConfig
from recsys.dataset import Dataset
from recsys.errors import DataError
from recsys.ids import IdMap
from recsys.matrices import FeatureMatrices, NamedFeatures

UNTIL = pd.Timestamp("2026-03-01", tz="UTC")

TABLES = {
    "regions": pd.DataFrame(
        {
            "region_id": ["p", "c", "t"],
            "name": ["P", "C", "T"],
            "level": ["province", "city", "township"],
            "parent_id": [None, "p", "c"],
        }
    ),
    "venues": pd.DataFrame({"venue_id": ["hall", "tent"], "name": ["Hall", "Tent"], "region_id": ["t", None]}),
    "users": pd.DataFrame(
        {
            "user_id": ["ann", "bo", "cy"],
            "birth_year": [1996, None, 1700 + 250],
            "gender": ["f", None, "x"],
            "region_id": ["t", None, "c"],
            "interests": ["dance; 书法", None, ""],
        }
    ),
    "activities": pd.DataFrame(
        {
            "activity_id": ["a1", "a2", "a3"],
            "category": ["dance", "dance", "chess"],
            "title": ["少儿舞蹈", "舞蹈 Ballet", None],
            "kind": ["training", None, "lecture"],
            "organiser_id": ["o", "o", None],
            "series_id": ["s", None, None],
            "tags": ["fun;free", None, "fun"],
            "audience": [None, "adults", None],
            "online": [True, None, False],
        }
    ),
    "sessions": pd.DataFrame(
        {
            "session_id": ["x1", "x2", "x3", "x4"],
            "activity_id": ["a2", "a2", "a3", "a1"],
            "starts_at": ["2026-02-20T10:00Z", "2026-04-01T10:00Z", "2026-04-02T10:00Z", "2026-04-03T10:00Z"],
            "venue_id": ["hall", "tent", None, None],
            "price": [0, 30, None, None],
        }
    ),
    "bookings": pd.DataFrame(
        {
            "booking_id": ["b1", "b2"],
            "user_id": ["ann", "bo"],
            "session_id": ["x1", "x2"],
            "booked_at": ["2026-01-30T00:00Z", "2026-02-28T00:00Z"],
            "attendee_birth_years": [None, "2020; 1990"],
        }
    ),
}


def names_of(features: NamedFeatures, row: int) -> set[str]:
    return set(features.names[features.matrix[[row]].indices])


@pytest.fixture(scope="module")
def matrices() -> FeatureMatrices:
    return feature_matrices(Dataset.from_tables(TABLES, UNTIL))


def test_users_have_age_band_gender_region_path_interests_and_family(matrices: FeatureMatrices) -> None:
    ann, bo, cy = (names_of(matrices.user_features, row) for row in matrices.users.nums(["ann", "bo", "cy"]))
    path = {"region:t", "region:c", "region:p"}
    assert ann == {"age_band:25-34", "gender:f", "interest:dance", "interest:书法"} | path
    assert bo == {"family:children"}
    assert cy == {"age_band:75+", "gender:x", "region:c", "region:p"}


def test_activities_have_all_that_is_known_of_them(matrices: FeatureMatrices) -> None:
    first, second, third = (
        names_of(matrices.activity_features, n) for n in matrices.activities.nums(["a1", "a2", "a3"])
    )
    assert first == {
        *("category:dance", "kind:training", "organiser:o", "series:s", "tag:fun", "tag:free", "online:true"),
        "word:舞蹈",
    }
    assert second == {
        *("category:dance", "organiser:o", "audience:adults", "venue:hall", "venue:tent"),
        *("region:t", "region:c", "region:p", "price_band:up to 20", "word:舞蹈"),
    }
    assert third == {"category:chess", "kind:lecture", "tag:fun"}


def test_interactions_are_decayed_weights(matrices: FeatureMatrices) -> None:
    config = InteractionConfig()
    expected = config.booked * 2 ** (-30 / config.half_life_days)
    row, column = matrices.users.nums(["ann"])[0], matrices.activities.nums(["a2"])[0]
    assert matrices.interactions.nnz == 2
    # ann's session has started and nothing says that she came: still booked.
    np.testing.assert_allclose(matrices.interactions[row, column], expected, rtol=1e-6)


def test_people_and_activities_that_only_ids_imply_have_empty_rows() -> None:
    bookings = TABLES["bookings"][["booking_id", "user_id", "session_id", "booked_at"]]
    sessions = TABLES["sessions"][["session_id", "activity_id", "starts_at"]]
    found = feature_matrices(Dataset.from_tables({"sessions": sessions, "bookings": bookings}, UNTIL))
    assert found.user_features.matrix.nnz == 0
    assert set(found.activity_features.names) == {"category:unknown", "online:true"}
    assert found.interactions.nnz == 2


def test_no_data_gives_matrices_without_rows() -> None:
    found = feature_matrices(Dataset.from_tables({}, UNTIL))
    assert found.interactions.shape == (0, 0)


OPTIONAL = [(name, column) for name, frame in TABLES.items() for column in frame.columns[1:]]
REQUIRED = {"name", "level", "category", "activity_id", "starts_at", "user_id", "session_id", "booked_at"}


@settings(max_examples=20, deadline=None)
@given(st.sets(st.sampled_from([pair for pair in OPTIONAL if pair[1] not in REQUIRED])))
def test_any_optional_columns_may_be_missing(missing: set[tuple[str, str]]) -> None:
    tables = {
        name: frame.drop(columns=[column for table, column in missing if table == name])
        for name, frame in TABLES.items()
    }
    found = feature_matrices(Dataset.from_tables(tables, UNTIL))
    assert found.interactions.shape == (3, 3)
    assert found.interactions.nnz == 2


def test_rows_at_or_after_the_cut_off_change_nothing(matrices: FeatureMatrices) -> None:
    late = "2026-03-01T00:00Z"
    tables = {
        **TABLES,
        "users": pd.concat([TABLES["users"], pd.DataFrame({"user_id": ["new"], "registered_at": [late]})]),
        "bookings": pd.concat(
            [
                TABLES["bookings"],
                pd.DataFrame({"booking_id": ["b9"], "user_id": ["cy"], "session_id": ["x3"], "booked_at": [late]}),
            ]
        ),
        "feedback": pd.DataFrame(
            {"feedback_id": ["f"], "user_id": ["cy"], "activity_id": ["a1"], "kind": ["share"], "occurred_at": [late]}
        ),
    }
    found = feature_matrices(Dataset.from_tables(tables, UNTIL))
    assert found.users.ids.tolist() == matrices.users.ids.tolist()
    for before, after in (
        (matrices.interactions, found.interactions),
        (matrices.user_features.matrix, found.user_features.matrix),
        (matrices.activity_features.matrix, found.activity_features.matrix),
    ):
        np.testing.assert_array_equal(before.toarray(), after.toarray())


def test_interactions_may_be_with_what_lasts_longer_than_an_activity() -> None:
    rows = pd.DataFrame(
        {
            "user_id": ["u", "u", "v"],
            "organiser_id": ["o", "o", None],
            "at": pd.to_datetime(["2026-02-28T00:00Z"] * 3),
            "weight": [1.0, 2.0, 4.0],
        }
    )
    found = interaction_matrix(
        rows, IdMap.of(["v", "u"]), IdMap.of(["o"]), data_until=UNTIL, half_life_days=1, key="organiser_id"
    )
    np.testing.assert_allclose(found.toarray(), [[0.0], [1.5]])


def test_age_bands_leave_out_what_cannot_be() -> None:
    born = pd.Series([2026.0, 2019, 2008, 1951, 1905, 2027, np.nan])
    found = age_bands(born, 2026, MatrixConfig().users.age_bands)
    assert found.fillna("?").tolist() == ["0-6", "7-12", "18-24", "75+", "?", "?", "?"]


def csr(values: list[list[float]], dtype: type = np.float32) -> sparse.csr_array:
    return sparse.csr_array(np.array(values, dtype=dtype))


@pytest.mark.parametrize(
    ("matrix", "names", "problem"),
    [
        (csr([[1.0, 2.0]]), ["a"], "shape"),
        (csr([[1.0, 2.0]]), ["b", "a"], "not sorted"),
        (csr([[1.0, 2.0]]), ["a", "a"], "repeat"),
        (csr([[1.0]], np.float64), ["a"], "float64"),
        (csr([[np.nan]]), ["a"], "not finite"),
        (csr([[-1.0]]), ["a"], "below 0"),
        (csr([[1.0]]).tocsc(), ["a"], "CSR"),
    ],
)
def test_features_check_themselves(matrix: sparse.csr_array, names: list[str], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        NamedFeatures(matrix, np.array(names, dtype=object))


def test_matrices_check_their_shapes_together(matrices: FeatureMatrices) -> None:
    with pytest.raises(DataError, match=r"interactions has shape.*user features have 3 rows, expected 1"):
        FeatureMatrices(
            IdMap.of(["u"]),
            matrices.activities,
            matrices.interactions,
            matrices.user_features,
            matrices.activity_features,
        )
