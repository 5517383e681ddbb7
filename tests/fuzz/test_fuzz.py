"""Every seed, and a few mutations of each, are read or refused as they should be."""

import random

import pytest

from tests.fuzz.mutation import mutated
from tests.fuzz.run import SEEDS, fault_of, seeds
from tests.fuzz.targets import TARGETS


def test_every_target_has_seeds_and_every_seed_a_target() -> None:
    assert {path.name for path in SEEDS.iterdir()} == set(TARGETS)
    assert all(seeds(name) for name in TARGETS)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_seeds_and_their_mutations_are_read_or_refused(name: str) -> None:
    chance = random.Random(7)
    known = seeds(name)
    cases = [*known, *(mutated(chance.choice(known), chance, known) for _ in range(8))]
    assert [fault for case in cases if (fault := fault_of(TARGETS[name], case))] == []


def test_a_fault_is_told() -> None:
    def raises(content: bytes, folder: object) -> None:
        raise KeyError(content)

    def writes(content: bytes, folder: object) -> None:
        from pathlib import Path

        assert isinstance(folder, Path)
        (folder.parent / "outside").write_bytes(content)

    assert "KeyError" in (fault_of(raises, b"") or "")
    assert "outside" in (fault_of(writes, b"") or "")
    assert fault_of(lambda content, folder: None, b"") is None
