import json
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.errors import RecsysError
from recsys.files import check_output, write_json, write_table, write_tables

SCHEMA = pa.schema({"user_id": pa.string(), "rank": pa.int64()})


def blocks(n: int) -> Iterator[pd.DataFrame]:
    return (pd.DataFrame({"user_id": [f"u{i}", f"u{i}"], "rank": [1, 2]}) for i in range(n))


def test_tables_are_one_file_in_few_groups(tmp_path: Path) -> None:
    output = tmp_path / "lists.parquet"
    assert write_tables(blocks(101), SCHEMA, output) == 202
    assert pq.ParquetFile(output).num_row_groups == 3
    pd.testing.assert_frame_equal(pd.read_parquet(output), pd.concat(blocks(101), ignore_index=True))


def test_what_was_there_stays_where_writing_fails(tmp_path: Path) -> None:
    output = tmp_path / "lists.parquet"
    write_table(next(blocks(1)), output)
    before = output.read_bytes()

    def failing() -> Iterator[pd.DataFrame]:
        yield from blocks(60)
        raise OSError(28, "No space left on device")

    with pytest.raises(RecsysError, match=r"output .*lists\.parquet cannot be written: No space left on device"):
        write_tables(failing(), SCHEMA, output)
    assert output.read_bytes() == before
    assert list(tmp_path.iterdir()) == [output]


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    write_json({"a": 1}, tmp_path / "file")
    for output in (tmp_path, tmp_path / "file" / "one.parquet"):
        with pytest.raises(RecsysError, match="folder"):
            check_output(output)
    check_output(tmp_path / "new" / "one.parquet")
    assert (tmp_path / "new").is_dir()
    os.mkfifo(tmp_path / "pipe")
    for output in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(RecsysError, match="is not a file"):
            check_output(output)


def test_a_link_stays_one(tmp_path: Path) -> None:
    link = tmp_path / "latest.json"
    link.symlink_to(tmp_path / "there" / "first.json")
    check_output(link)
    write_json({"a": 1}, link)
    assert link.is_symlink()
    assert json.loads((tmp_path / "there" / "first.json").read_text()) == {"a": 1}
