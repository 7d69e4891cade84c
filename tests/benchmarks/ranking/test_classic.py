"""The classic benchmark: files in, table and JSON out, whatever is in the files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.folds import fold_of, list_ndcg, read_pairs
from benchmarks.ranking import classic as ranking_classic
from benchmarks.ranking.classic import AS_PEERS, main, table
from recsys.errors import DataError
from tests.training.learners.worlds import checkerboard
from training.learners.families import FAMILIES


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking_classic, "_apart", lambda work, *arguments: work(*arguments))


def write(path: Path, pairs: list[tuple[str, str]], end: str = "\n") -> Path:
    path.write_text("".join(f"{user}\t{item}{end}" for user, item in pairs), encoding="utf-8", newline="")
    return path


def board() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    interactions, held_out = checkerboard(12, 12)
    train = [(f"person {user}", f"书 {item}") for user, item in zip(*interactions.nonzero(), strict=True)]
    return train, [(f"person {user}", f"书 {item}") for user, item in enumerate(held_out)]


def test_every_ranker_is_in_the_json_and_finds_the_taste(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = board()
    files = ["--train", str(write(tmp_path / "a.tsv", train)), "--test", str(write(tmp_path / "b.tsv", test))]
    assert main([*files, "--out", str(tmp_path / "deep" / "out.json")]) == 0
    result = json.loads((tmp_path / "deep" / "out.json").read_text(encoding="utf-8"))
    assert (result["metric"], result["n_users"], result["n_items"]) == ("ndcg@10", 12, 12)
    rows = {row["name"]: row for row in result["rankers"]}
    assert set(rows) == {family.name for family in (*FAMILIES, AS_PEERS)} | {"blend"}
    for name in ("item-knn", "rp3beta", "slim", "ease", "ridge", "kernel", "blend"):
        assert rows[name]["ndcg"] == 1
    for row in rows.values():
        assert row["low"] <= row["ndcg"] <= row["high"]
        assert min(row["fit_seconds"], row["users_per_second"], row["peak_mb"]) >= 0
    assert result["best"] in rows
    printed = capsys.readouterr().out
    assert all(name in printed for name in rows)
    assert printed.strip() == table(result)


def test_repeats_unknown_ids_and_odd_text_do_not_matter(tmp_path: Path) -> None:
    train = [("NA", " x y"), ("NA", " x y"), ('"q', "nan"), ("1e3", "#1"), ("1e3", "nan")]
    test = [("NA", "nan"), ("stranger", "nan"), ("1e3", "never seen"), ("NA", " x y")]
    first, second = write(tmp_path / "a.tsv", train, "\r\n"), write(tmp_path / "b.tsv", test, "\r\n\n")
    files = ["--train", str(first), "--test", str(second)]
    assert main([*files, "--out", str(tmp_path / "out.json")]) == 0
    result = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (result["n_users"], result["n_train"], result["n_test"]) == (3, 4, 3)
    assert {row["name"]: row for row in result["rankers"]}["blend"]["ndcg"] > 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no pair of user and item"),
        (b"a,b\n", "line 1 has not two columns"),
        (b"a\tb\nc\td\t5\n", "line 2 has not two columns"),
        (b"a\t\n", "line 1 has not two columns"),
        (b"alone\n", "line 1 has not two columns"),
        (b"\xff\xfe\n", "byte 0 is not UTF-8"),
    ],
)
def test_a_bad_file_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    good = write(tmp_path / "good.tsv", [("a", "x"), ("b", "y")])
    (tmp_path / "bad.tsv").write_bytes(content)
    assert main(["--train", str(good), "--test", str(tmp_path / "bad.tsv")]) == 1
    message = capsys.readouterr().err
    assert said in message
    assert "bad.tsv" in message
    assert message.count("\n") == 1


def test_missing_files_and_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write(tmp_path / "good.tsv", [("a", "x")])
    assert main(["--train", str(good), "--test", str(tmp_path / "none.tsv")]) == 1
    assert "none.tsv: cannot be read: No such file" in capsys.readouterr().err
    assert main(["--train", str(good), "--test", str(good)]) == 1
    assert "nothing is left to find" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        main(["--train", str(good)])
    assert stopped.value.code == 2


def test_ndcg_of_a_fold_by_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    pairs = sorted({(f"u{u}", f"i{i}") for u, i in rng.integers(0, 30, (300, 2))})
    fold = fold_of(pairs[::2], pairs[1::2])
    lists = np.array([rng.permutation(len(fold.item_ids))[:10] for _ in fold.user_ids])
    lists[0, 3:] = -1
    values = list_ndcg(fold, lists)
    for row, ranked in enumerate(lists):
        relevant = set(np.flatnonzero(fold.test.toarray()[row]))
        gained = sum(1 / np.log2(place + 2) for place, item in enumerate(ranked) if item in relevant)
        ideal = sum(1 / np.log2(place + 2) for place in range(min(10, len(relevant))))
        np.testing.assert_allclose(values[row], gained / ideal if relevant else np.nan)


def test_a_line_that_names_the_columns_is_no_pair(tmp_path: Path) -> None:
    named = write(tmp_path / "a.tsv", [("user_id", "item_id"), ("user", "x"), ("a", "item")])
    assert read_pairs(named) == [("user", "x"), ("a", "item")]
    write(tmp_path / "b.tsv", [("userId", "movieId")])
    with pytest.raises(DataError, match="no pair"):
        read_pairs(tmp_path / "b.tsv")


def test_a_byte_order_mark_is_no_part_of_an_id(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes("\ufeffa\tx\n".encode())
    assert read_pairs(tmp_path / "a.tsv") == [("a", "x")]
    with pytest.raises(DataError):
        read_pairs(tmp_path)
