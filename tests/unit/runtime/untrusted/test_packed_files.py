"""Archives of strangers: what unpacks to too much, or elsewhere, is is refused."""

import bz2
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from todserve.runtime.errors import ArchiveError, CorpusError
from todserve.runtime.untrusted.packed_files import BROKEN, PackedLimits, open_tar, unpack_zip
from todserve.serving.archive.archive_trial import unpack

SMALL = PackedLimits(max_bytes=1 << 20, free_bytes=1 << 16, max_entries=10, max_levels=3)


def zipped(path: Path, *entries: tuple[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as packed:
        for name, content in entries:
            packed.writestr(name, content)
    return path


def twice(path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        zipped(path, ("a", b"1"), ("a", b"2"))


def encrypted(path: Path) -> None:
    zipped(path, ("a", b"1"))
    content = bytearray(path.read_bytes())
    for begins, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(begins) + flags] |= 1
    path.write_bytes(content)


def unknown_packing(path: Path) -> None:
    zipped(path, ("a", b"1"))
    content = bytearray(path.read_bytes())
    for begins, method in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        content[content.index(begins) + method] = 77
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    path.write_bytes(zipped(path, ("a", b"1" * 5_000)).read_bytes()[:-40])


def lying(path: Path) -> None:
    zipped(path, ("a", b"1" * 60_000))
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\1\2") + 24
    content[place : place + 4] = (1).to_bytes(4, "little")
    path.write_bytes(content)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "more than its limit": (
        lambda path: zipped(path, ("a", b"1" * 2_000_000), packing=zipfile.ZIP_STORED),
        "bytes",
    ),
    "a thousand times its size": (lambda path: zipped(path, ("a", bytes(900_000))), "100 times"),
    "the same in many files": (
        lambda path: zipped(path, *((str(number), bytes(90_000)) for number in range(9))),
        "100 times",
    ),
    "too many files": (
        lambda path: zipped(path, *((str(number), b"") for number in range(11))),
        "10 entries",
    ),
    "too deep": (lambda path: zipped(path, ("a/b/c/d/e", b"")), "3 levels"),
    "out of the folder": (lambda path: zipped(path, ("../a", b"")), "inside"),
    "absolute": (lambda path: zipped(path, ("/a", b"")), "inside"),
    "one name twice": (twice, "twice"),
    "encrypted": (encrypted, "encrypted"),
    "packed in an unknown way": (unknown_packing, "cannot be unpacked"),
    "cut off": (cut_off, "cannot be unpacked"),
    "no archive": (lambda path: path.write_bytes(b"no archive"), "cannot be unpacked"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_archive_beyond_the_limits_is_refused_and_nothing_is_written(
    name: str, tmp_path: Path
) -> None:
    make, said = REFUSED[name]
    path, into = tmp_path / "a.mar", tmp_path / "into"
    make(path)
    with pytest.raises(ArchiveError, match=said):
        unpack_zip(path, into, error=ArchiveError, limits=SMALL)
    assert not list(into.rglob("*")) or name == "packed in an unknown way"
    assert sorted(one.name for one in tmp_path.iterdir() if one != into) == ["a.mar"]


def test_an_entry_that_lies_about_its_size_writes_no_more_than_it_says(tmp_path: Path) -> None:
    path, into = tmp_path / "a.mar", tmp_path / "into"
    lying(path)
    with pytest.raises(ArchiveError, match="cannot be unpacked"):
        unpack_zip(path, into, error=ArchiveError, limits=SMALL)
    assert sum(one.stat().st_size for one in into.rglob("*")) <= 1


def test_a_usual_archive_unpacks_as_it_was_packed(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.mar", ("a/", b""), ("a/b.txt", b"one"), ("c", bytes(50_000)))
    assert unpack(path, tmp_path / "into") == tmp_path / "into"
    assert (tmp_path / "into/a/b.txt").read_bytes() == b"one"
    assert (tmp_path / "into/c").stat().st_size == 50_000


def test_a_megabyte_and_a_half_does_not_become_a_gigabyte(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mar"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("w", "w") as entry,
    ):
        for _ in range(150):
            entry.write(bytes(1 << 20))
    with pytest.raises(ArchiveError, match="100 times its own size"):
        unpack(path, tmp_path / "into")
    assert not (tmp_path / "into").exists()


def tarred(path: Path, *entries: tuple[tarfile.TarInfo, bytes], kind: str = "xz") -> Path:
    with tarfile.open(path, f"w:{kind}") as archive:  # type: ignore[call-overload]
        for entry, content in entries:
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def long_header(path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 30
    with lzma.open(path, "wb") as stream:
        stream.write(header.tobuf())
        stream.write(bytes(1 << 20))


def endless(path: Path) -> None:
    entry = tarfile.TarInfo("x")
    entry.size = 900_000
    with lzma.open(path, "wb") as stream:
        stream.write(entry.tobuf())
        stream.write(bytes(2_000_000))


def read_whole(path: Path) -> None:
    with open_tar(path, error=CorpusError, limits=SMALL) as archive:
        for one in archive:
            stream = archive.extractfile(one) if one.isfile() else None
            if stream is not None:
                stream.read()


REFUSED_TAR: dict[str, tuple[Callable[[Path], object], str]] = {
    "a header of gigabytes": (long_header, "a header of"),
    "a thousand times its size": (endless, "100 times"),
    "too many files": (
        lambda path: tarred(path, *((tarfile.TarInfo(str(n)), b"") for n in range(11)), kind="gz"),
        "10 entries",
    ),
    "too deep": (lambda path: tarred(path, (tarfile.TarInfo("a/b/c/d/e"), b"")), "3 levels"),
}


@pytest.mark.parametrize("name", REFUSED_TAR)
def test_a_tar_beyond_the_limits_is_refused_while_it_is_read(name: str, tmp_path: Path) -> None:
    make, said = REFUSED_TAR[name]
    path = tmp_path / "a.tar.xz"
    make(path)
    with pytest.raises(CorpusError, match=said):
        read_whole(path)


@pytest.mark.parametrize("kind", ["xz", "gz"])
def test_a_usual_tar_is_read_whole(kind: str, tmp_path: Path) -> None:
    path = tarred(tmp_path / "a", (tarfile.TarInfo("a/b"), b"one"), kind=kind)
    with open_tar(path, error=CorpusError, limits=SMALL) as archive:
        (entry,) = archive
        assert entry.name == "a/b"


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"\xfd7zXZ", bz2.compress(b"a"), b"x" * 600])
def test_what_is_no_tar_is_one_of_the_known_failures(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(BROKEN), open_tar(path, error=CorpusError) as archive:
        list(archive)


_NAMES = (
    st.lists(
        st.sampled_from(["..", ".", "", "a", "b.txt", "/", "\\", "~", "C:", "\u202e", "a" * 300]),
        min_size=1,
        max_size=4,
    )
    .map("/".join)
    .filter(bool)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(names=st.lists(_NAMES, min_size=1, max_size=4, unique=True))
def test_no_name_in_an_archive_leaves_the_folder(names: list[str], tmp_path: Path) -> None:
    path, into = tmp_path / "a.mar", tmp_path / "below" / "into"
    zipped(path, *((name, b"x") for name in names))
    before = {one for one in tmp_path.rglob("*") if not one.is_relative_to(into)} | {into.parent}
    try:
        unpack_zip(path, into, error=ArchiveError, limits=SMALL)
    except ArchiveError as error:
        assert str(path) in str(error)  # noqa: PT017 - which names are refused is their test's
    assert {one for one in tmp_path.rglob("*") if not one.is_relative_to(into)} <= before
