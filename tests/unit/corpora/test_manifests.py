import hashlib
import os
import re
import tarfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from todserve.corpora.files.extraction import tree_checksum
from todserve.corpora.files.manifest import manifest_of
from todserve.corpora.registry import CORPORA, TOD_DATA

NAMES = [name for name, reader in CORPORA.items() if reader.manifest]
_ADDRESS = re.compile(
    r"https://(?:raw\.githubusercontent\.com/[\w.-]+/[\w.-]+/[0-9a-f]{7,40}/[\w./-]+"
    r"|codeload\.github\.com/[\w.-]+/[\w.-]+/tar\.gz/[0-9a-f]{40})"
)


def test_every_declared_manifest_is_in_its_readers_folder() -> None:
    assert NAMES
    assert all(reader.manifest.is_file() for reader in CORPORA.values() if reader.manifest)


@pytest.mark.parametrize("name", NAMES)
def test_manifests_pin_https_addresses_to_commits_and_paths_to_one_file(name: str) -> None:
    manifest = manifest_of(name)
    assert manifest.name == name
    addresses = [url for one in manifest.files for url in one.urls]
    addresses += [one.url for one in manifest.archives]
    assert [url for url in addresses if not _ADDRESS.fullmatch(url)] == []
    paths = [one.path for one in manifest.files]
    paths += [member.path for one in manifest.archives for member in one.members]
    assert len(set(paths)) == len(paths)
    assert all(not Path(path).is_absolute() and ".." not in path for path in paths)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_fetched_is_recognised_as_the_corpus(name: str) -> None:
    manifest = manifest_of(name)
    paths = {one.path for one in manifest.files}
    paths |= {member.path for one in manifest.archives for member in one.members}
    patterns = [pattern for one in manifest.archives if one.tree for pattern in one.tree.patterns]
    for marker in CORPORA[name].publisher.markers:
        assert marker in paths or any(fnmatchcase(marker, one) for one in patterns)


def packed(name: str) -> Iterator[tuple[str, bytes]]:
    publisher = CORPORA[name].publisher
    path = Path(os.environ[TOD_DATA]) / publisher.archive
    if not path.is_file():
        pytest.skip(f"{path.name} is not at hand")
    prefix = f"{publisher.folder or name}/"
    with tarfile.open(path, mode="r|xz") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None:
                yield member.name.removeprefix("./").removeprefix(prefix), stream.read()


@pytest.mark.corpora
@pytest.mark.skipif(not os.environ.get(TOD_DATA), reason=f"{TOD_DATA} is not set")
@pytest.mark.parametrize("name", NAMES)
def test_checksums_are_those_of_the_published_files(name: str) -> None:
    manifest = manifest_of(name)
    sums = {one.path: one.sha256 for one in manifest.files}
    sums |= {member.path: member.sha256 for one in manifest.archives for member in one.members}
    sizes = {one.path: one.bytes for one in manifest.files}
    trees = [one.tree for one in manifest.archives if one.tree]
    found: dict[str, str] = {}
    inside: dict[str, bytes] = {}
    for path, content in packed(name):
        if path in sums:
            found[path] = hashlib.sha256(content).hexdigest()
            assert sizes.get(path, len(content)) == len(content)
        if any(fnmatchcase(path, pattern) for tree in trees for pattern in tree.patterns):
            inside[path] = content
    assert found == sums
    for tree in trees:
        assert (len(inside), tree_checksum(inside)) == (tree.files, tree.sha256)
