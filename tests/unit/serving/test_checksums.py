import re
import shutil
import subprocess
from pathlib import Path

import pytest

from todserve.runtime.errors import ArchiveError
from todserve.serving.archive import checksums

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for name in ("tod.mar", "other.mar"):
        (tmp_path / name).write_text(name)
        checksums.record(tmp_path, tmp_path / name)
    return tmp_path


def test_record_writes_the_digest_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "tod.mar").touch()
    assert checksums.record(tmp_path, tmp_path / "tod.mar") == EMPTY
    assert (tmp_path / "SHA256SUMS").read_text() == f"{EMPTY}  tod.mar\n"


def test_record_replaces_one_line_and_keeps_the_others(store: Path) -> None:
    before = checksums.read(store)
    (store / "tod.mar").write_text("new")
    checksums.record(store, store / "tod.mar")
    after = checksums.read(store)
    assert after["other.mar"] == before["other.mar"]
    assert after["tod.mar"] != before["tod.mar"]


def test_record_leaves_no_temporary_file(store: Path) -> None:
    assert sorted(path.name for path in store.iterdir()) == ["SHA256SUMS", "other.mar", "tod.mar"]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum on this machine")
def test_sha256sum_reads_the_file(store: Path) -> None:
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=store, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "tod.mar: OK" in done.stdout


def test_verify_returns_all_digests(store: Path) -> None:
    assert checksums.verify(store) == checksums.read(store)


def test_verify_refuses_an_altered_archive(store: Path) -> None:
    (store / "tod.mar").write_text("altered")
    with pytest.raises(ArchiveError, match="tod.mar was altered"):
        checksums.verify(store, ("tod.mar",))


def test_verify_looks_at_the_named_archive_alone(store: Path) -> None:
    (store / "tod.mar").write_text("altered")
    assert set(checksums.verify(store, ("other.mar",))) == {"other.mar"}


def test_verify_names_a_missing_archive(store: Path) -> None:
    (store / "tod.mar").unlink()
    with pytest.raises(ArchiveError, match="does not exist; build it with"):
        checksums.verify(store, ("tod.mar",))


def test_verify_refuses_an_archive_that_is_not_listed(store: Path) -> None:
    (store / "new.mar").write_text("new")
    with pytest.raises(ArchiveError, match=re.escape("is not listed in")):
        checksums.verify(store, ("new.mar",))


def test_read_names_a_damaged_line(store: Path) -> None:
    with (store / "SHA256SUMS").open("a") as stream:
        stream.write("not a digest\n")
    with pytest.raises(ArchiveError, match="line 3: got 'not a digest'"):
        checksums.read(store)
