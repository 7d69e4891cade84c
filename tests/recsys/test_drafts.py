import errno
import fcntl
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from recsys.drafts import OF_FILE, delete_left, draft_file, draft_folder

_WRITES = """
import sys
from pathlib import Path
from recsys.drafts import draft_folder
with draft_folder(Path(sys.argv[1]), ".draft-") as draft:
    (draft / "part").write_text("half")
    print(draft, flush=True)
    sys.stdin.read()
"""


def test_a_draft_is_deleted_with_the_block_unless_it_has_its_place(tmp_path: Path) -> None:
    with draft_folder(tmp_path, ".draft-") as draft:
        (draft / "part").write_text("half")
    assert not list(tmp_path.iterdir())
    with draft_folder(tmp_path, ".draft-") as draft:
        draft.rename(tmp_path / "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_who_writes_keeps_the_draft_and_a_killed_processs_is_deleted_by_the_next(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WRITES, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        theirs = Path(writer.stdout.readline().strip())
        with draft_folder(tmp_path, ".draft-") as mine:
            assert {theirs, mine} == set(tmp_path.iterdir())
        writer.kill()
    assert list(tmp_path.iterdir()) == [theirs]
    with draft_folder(tmp_path, ".draft-") as mine:
        assert list(tmp_path.iterdir()) == [mine]


def test_files_and_links_of_such_a_name_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / ".draft-link").symlink_to(tmp_path / "folder")
    (tmp_path / ".draft-file").write_text("mine")
    delete_left(tmp_path, ".draft-")
    assert {path.name for path in tmp_path.iterdir()} == {"folder", ".draft-link", ".draft-file"}


def test_a_file_has_its_place_whole_or_the_old_one_stays(tmp_path: Path) -> None:
    place = tmp_path / "file"
    with draft_file(place) as draft:
        draft.write_text("first")
        assert not place.exists()
    with suppress(KeyboardInterrupt), draft_file(place) as draft:
        draft.write_text("ha")
        raise KeyboardInterrupt
    assert (place.read_text(), list(tmp_path.iterdir())) == ("first", [place])


def test_a_file_that_a_killed_process_left_half_written_is_deleted_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / f"{OF_FILE}left"
    left.mkdir()
    (left / "other").write_text("half")
    with draft_file(tmp_path / "file") as draft:
        draft.write_text("whole")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_where_a_file_system_has_no_locks_files_are_written_and_drafts_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    (tmp_path / f"{OF_FILE}perhaps-being-written").mkdir()
    monkeypatch.setattr(fcntl, "flock", refused)
    with draft_file(tmp_path / "file") as draft:
        draft.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {"file", f"{OF_FILE}perhaps-being-written"}
