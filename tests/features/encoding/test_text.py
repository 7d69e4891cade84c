import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.encoding.text import tokens


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("", []),
        ("2017 — 4!!", []),
        ("Café Müller's WORKSHOP_2", ["café", "müller", "workshop"]),
        ("少儿舞蹈", ["少儿", "舞蹈"]),
        ("2026年Ｙｏｇａ瑜伽班", ["年", "yoga", "瑜伽", "班"]),
        ("Театр кукол", ["театр", "кукол"]),
    ],
)
def test_words_of_mixed_titles(title: str, words: list[str]) -> None:
    assert tokens(title) == words


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_any_text_gives_words_without_spaces_in_one_case(text: str) -> None:
    for word in tokens(text):
        assert word
        assert not any(letter.isspace() or letter.isdigit() for letter in word)


def test_the_first_use_prints_nothing_and_warns_of_nothing(tmp_path: Path) -> None:
    code = "from features.encoding.text import tokens; assert tokens('舞蹈') == ['舞蹈']"
    # Not compiled before: warnings of the compiler count too.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
