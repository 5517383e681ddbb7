"""A calibration travels in the archive, and a wrong one is refused before that."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.calibration import CALIBRATION_FILE, Calibration
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tasks import TaskName
from todserve.serving.archive.archive_build import build_archive
from todserve.serving.archive.archive_trial import unpack


@pytest.fixture
def checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint"))


@pytest.fixture
def quick_config(tmp_path: Path) -> Path:
    """One thread: on a busy machine two of them wait for each other."""
    path = tmp_path / "quick.yaml"
    path.write_text("handler:\n  engine: {threads: 1}\n")
    return path


def test_calibration_travels_in_the_archive_and_is_read_there(
    checkpoint: Path, quick_config: Path, tmp_path: Path
) -> None:
    calibration = Calibration(
        checkpoint=Checkpoint.open(checkpoint).checksum, temperatures={TaskName.INTENT: 1.5}
    )
    calibration.save(checkpoint / CALIBRATION_FILE)
    archive = build_archive(checkpoint, tmp_path / "store", model_config=quick_config)
    with zipfile.ZipFile(archive) as packed:
        assert packed.read(CALIBRATION_FILE) == (checkpoint / CALIBRATION_FILE).read_bytes()
    unpack(archive, tmp_path / "unpacked")
    assert Checkpoint.open(tmp_path / "unpacked").calibration == calibration


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"temperatures": {"intent": 0}}, "expected at least"),
        ({"warmth": 1}, "warmth"),
        ({"checkpoint": "0" * 12}, "fitted for weights 000000000000"),
    ],
)
def test_wrong_calibration_is_refused_before_anything_is_packed(
    checkpoint: Path, quick_config: Path, tmp_path: Path, keys: dict[str, object], reason: str
) -> None:
    (checkpoint / CALIBRATION_FILE).write_text(json.dumps(keys))
    with pytest.raises(ConfigError, match=reason):
        build_archive(checkpoint, tmp_path / "store", model_config=quick_config)
    assert list((tmp_path / "store").iterdir()) == []
