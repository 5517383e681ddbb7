from pathlib import Path

import pytest

from todserve.runtime.whole_files import write_whole, written_whole


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text("old")
    write_whole(tmp_path / "scores.json", "가\n")
    assert (tmp_path / "scores.json").read_bytes() == "가\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]


def write_half(path: Path) -> None:
    with written_whole(path) as partial:
        partial.write_text("half")
        raise ZeroDivisionError


def test_what_breaks_off_leaves_the_older_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text("old")
    with pytest.raises(ZeroDivisionError):
        write_half(tmp_path / "scores.json")
    assert (tmp_path / "scores.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    with written_whole(tmp_path / "a.json") as partial:
        left = partial
        partial.write_text("x")
    left.write_text("left by a process with the same number")
    with written_whole(tmp_path / "a.json") as partial:
        assert not partial.exists()
        partial.write_text("y")
    assert (tmp_path / "a.json").read_text() == "y"
