"""Words of titles as one table of them."""

import numpy as np
import pandas as pd

from features.signals.known.text import title_words


def test_titles_of_the_same_words_are_alike_however_they_are_written() -> None:
    titles = ["少儿舞蹈 Jazz 班 1", "ＪＡＺＺ（少儿舞蹈）班", "书法", None]
    words = title_words(pd.DataFrame({"title": titles}), np.array([1, 3]))
    alike = (words.activities @ words.activities.T).toarray()
    np.testing.assert_allclose(alike[:2, :2], 1.0)
    np.testing.assert_array_equal(alike[2], [0, 0, 1, 0])
    np.testing.assert_array_equal(words.candidates.toarray(), words.activities.toarray()[[1, 3]])


def test_without_titles_nothing_is_alike() -> None:
    words = title_words(pd.DataFrame({"title": [None, "7"]}), np.array([0]))
    assert words.activities.shape[0] == 2
    assert words.activities.nnz == words.candidates.nnz == 0
