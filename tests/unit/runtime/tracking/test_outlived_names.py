"""A name goes where a newer wish speaks of other places, and stays where it is asked about."""

from pathlib import Path

import pytest

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.tracking.outlived_names import OutlivedNames

SHIPPED = Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz"


@pytest.fixture(scope="module")
def outlived() -> OutlivedNames:
    return Checkpoint.open(SHIPPED).grounds.outlived


@pytest.mark.parametrize(
    ("user", "name", "written", "goes"),
    [
        ("is there anything in the centre then", "hilton", {"area": "centre"}, True),
        ("i would rather be in the north", "gonville hotel", {"area": "north"}, True),
        ("is it in the north?", "gonville hotel", {"area": "north"}, False),
        ("is the gonville hotel in the north?", "gonville hotel", {"area": "north"}, False),
        ("somewhere in the centre", "gonville hotel", {"area": "centre"}, False),
        ("for three nights", "gonville hotel", {"stay": "3"}, False),
        ("the acorn, in the north", "gonville hotel", {"name": "acorn", "area": "north"}, False),
    ],
)
def test_a_name_goes_where_a_newer_wish_denies_it(
    outlived: OutlivedNames, user: str, name: str, written: dict[str, str], goes: bool
) -> None:
    gone = outlived.of(user, {"hotel": {"name": name}}, {"hotel": written})
    assert gone == ({"hotel": "name"} if goes else {})
