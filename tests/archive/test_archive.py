"""The real archiver on a tiny checkpoint; every build runs a canary turn in a clean process."""

import dataclasses
import importlib.metadata
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from todserve.runtime.errors import ArchiveError, ConfigError
from todserve.runtime.language.schema import Schema, Service, Slot, ValueType
from todserve.runtime.reply.reply_style import REPLY_FILE
from todserve.runtime.values.place import PLACE_FILE
from todserve.serving.archive import checksums
from todserve.serving.archive.archive_build import build_archive, run
from todserve.serving.archive.archive_packing import Parts
from todserve.serving.archive.archive_trial import try_archive, unpack

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def quick_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One thread: on a busy machine two of them wait for each other."""
    path = tmp_path_factory.mktemp("config") / "quick.yaml"
    path.write_text("handler:\n  engine: {threads: 1}\n")
    return path


@pytest.fixture(scope="module")
def archive(
    tiny_checkpoint: Path, quick_config: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    store = tmp_path_factory.mktemp("store")
    return build_archive(tiny_checkpoint, store, model_config=quick_config)


def names(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as packed:
        return set(packed.namelist())


def failing_parts(folder: Path, config: Path, handler: str) -> Parts:
    """Return the checkout's parts with another handler."""
    (folder / "tod_handler.py").write_text(handler)
    return dataclasses.replace(Parts.shipped(config), handler=folder / "tod_handler.py")


def test_archive_holds_checkpoint_runtime_network_and_handler(archive: Path) -> None:
    assert {
        "MAR-INF/MANIFEST.json",
        "config.json",
        "format.json",
        "knowledge.sqlite",
        "model-config.yaml",
        "model.safetensors",
        "plug_and_play_t5.py",
        "requirements.txt",
        "schema.json",
        "tod_handler.py",
        "todserve/__init__.py",
        "todserve/py.typed",
        "todserve/runtime/pipeline.py",
        "todserve/runtime/engines/torch/torch_engine.py",
        "tokenizer.json",
        "training.json",
    } <= names(archive)


def test_archive_holds_nothing_else_of_the_checkout(archive: Path) -> None:
    ours = {name for name in names(archive) if name.startswith("todserve/")}
    top = {"todserve/__init__.py", "todserve/py.typed"}
    assert all(name.startswith("todserve/runtime/") for name in ours - top)
    assert not any("__pycache__" in name or name.endswith(".pyc") for name in names(archive))


def test_manifest_names_the_parts(archive: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        manifest = json.loads(packed.read("MAR-INF/MANIFEST.json"))
    assert manifest["model"] == {
        "modelName": "tod",
        "modelVersion": "1.0",
        "handler": "tod_handler.py",
        "modelFile": "plug_and_play_t5.py",
        "serializedFile": "model.safetensors",
        "configFile": "model-config.yaml",
        "requirementsFile": "requirements.txt",
    }


def test_archive_is_listed_with_its_checksum(archive: Path) -> None:
    assert checksums.verify(archive.parent) == {"tod.mar": checksums.sha256(archive)}
    assert sorted(path.name for path in archive.parent.iterdir()) == ["SHA256SUMS", "tod.mar"]


def test_same_inputs_give_the_same_bytes(
    archive: Path, tiny_checkpoint: Path, quick_config: Path, tmp_path: Path
) -> None:
    # Another folder, other file names and times.
    checkpoint = shutil.copytree(tiny_checkpoint, tmp_path / "elsewhere", copy_function=shutil.copy)
    config = tmp_path / "other.yaml"
    shutil.copyfile(quick_config, config)
    again = build_archive(checkpoint, tmp_path / "store", model_config=config)
    assert again.read_bytes() == archive.read_bytes()


def test_pptod_form_is_packed_too(
    tiny_pptod_checkpoint: Path,
    quick_config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    built = run(
        checkpoint=tiny_pptod_checkpoint,
        out_dir=tmp_path,
        name="pptod",
        version="2.1",
        model_config=quick_config,
    )
    assert built == tmp_path / "pptod.mar"
    assert checksums.sha256(built)[:16] in capsys.readouterr().out


def test_environment_does_not_reach_the_trial(
    tiny_checkpoint: Path, quick_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoy = tmp_path / "decoy" / "todserve"
    decoy.mkdir(parents=True)
    (decoy / "__init__.py").write_text("raise RuntimeError('the decoy was imported')")
    monkeypatch.setenv("PYTHONPATH", str(decoy.parent))
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    build_archive(tiny_checkpoint, tmp_path / "store", model_config=quick_config)


def test_archive_without_the_runtime_does_not_borrow_the_checkouts(
    archive: Path, tmp_path: Path
) -> None:
    unpacked = unpack(archive, tmp_path / "unpacked")
    shutil.rmtree(unpacked / "todserve")
    with pytest.raises(ArchiveError, match=r"No module named 'todserve|not from the archive"):
        try_archive(unpacked, Parts.shipped())


def test_import_error_of_the_handler_is_shown_unmasked(
    tiny_checkpoint: Path, quick_config: Path, tmp_path: Path
) -> None:
    parts = failing_parts(tmp_path, quick_config, "import nothing_of_that_name\n")
    with pytest.raises(ArchiveError) as raised:
        build_archive(tiny_checkpoint, tmp_path / "store", parts=parts)
    assert str(raised.value).endswith("No module named 'nothing_of_that_name'")
    assert "ts.torch_handler" not in str(raised.value)


def test_second_class_in_the_handler_is_refused(
    tiny_checkpoint: Path, quick_config: Path, tmp_path: Path
) -> None:
    handler = (ROOT / "handlers" / "tod_handler.py").read_text()
    parts = failing_parts(tmp_path, quick_config, handler + "\n\nclass Another:\n    pass\n")
    with pytest.raises(ArchiveError, match="Expected only one class"):
        build_archive(tiny_checkpoint, tmp_path / "store", parts=parts)


def test_failed_build_leaves_the_published_archive(
    archive: Path, tiny_checkpoint: Path, quick_config: Path, tmp_path: Path
) -> None:
    store = shutil.copytree(archive.parent, tmp_path / "store")
    before = {path.name: path.read_bytes() for path in store.iterdir()}
    parts = failing_parts(tmp_path, quick_config, "raise ValueError('broken')\n")
    with pytest.raises(ArchiveError, match="ValueError: broken"):
        build_archive(tiny_checkpoint, store, parts=parts)
    assert {path.name: path.read_bytes() for path in store.iterdir()} == before


def test_damaged_weights_are_refused(
    tiny_checkpoint: Path, quick_config: Path, tmp_path: Path
) -> None:
    checkpoint = shutil.copytree(tiny_checkpoint, tmp_path / "damaged")
    weights = (checkpoint / "model.safetensors").read_bytes()
    (checkpoint / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ArchiveError, match="cannot answer a request"):
        build_archive(checkpoint, tmp_path / "store", model_config=quick_config)
    assert list((tmp_path / "store").iterdir()) == []


def test_incomplete_checkpoint_lists_what_is_missing(tiny_checkpoint: Path, tmp_path: Path) -> None:
    checkpoint = shutil.copytree(tiny_checkpoint, tmp_path / "incomplete")
    for name in ("schema.json", "knowledge.sqlite"):
        (checkpoint / name).unlink()
    with pytest.raises(ArchiveError, match=r"missing schema\.json, knowledge\.sqlite"):
        build_archive(checkpoint, tmp_path / "store")


def test_wrong_model_config_is_refused_before_anything_is_packed(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    config = tmp_path / "wrong.yaml"
    config.write_text("batchSize: eight")
    with pytest.raises(ConfigError, match="batchSize: got 'eight'"):
        build_archive(tiny_checkpoint, tmp_path / "store", model_config=config)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(("name", "version"), [("../tod", "1.0"), ("", "1.0"), ("tod", "one")])
def test_name_and_version_are_checked(
    tiny_checkpoint: Path, tmp_path: Path, name: str, version: str
) -> None:
    with pytest.raises(ArchiveError, match="got .*; expected"):
        build_archive(tiny_checkpoint, tmp_path, name, version)


def test_unpack_refuses_an_entry_that_leaves_the_folder(tmp_path: Path) -> None:
    evil = tmp_path / "evil.mar"
    with zipfile.ZipFile(evil, "w") as packed:
        packed.writestr("../outside", "x")
    with pytest.raises(ArchiveError, match="expected a plain path inside"):
        unpack(evil, tmp_path / "inside")
    assert not (tmp_path / "outside").exists()


def test_unpack_names_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "text.mar").write_text("no zip")
    with pytest.raises(ArchiveError, match="cannot be unpacked"):
        unpack(tmp_path / "text.mar", tmp_path / "inside")


def test_requirements_of_the_archive_are_what_it_was_tried_with() -> None:
    lines = (ROOT / "archive" / "requirements.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    # torch adds its build: 2.13.0+cpu.
    installed = {name: importlib.metadata.version(name).partition("+")[0] for name in pins}
    assert installed == pins


def test_what_values_are_read_with_travels_with_them(
    tiny_checkpoint: Path, quick_config: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "typed"))
    day = Slot(name="day", type=ValueType.DATE)
    Schema(services=(Service(name="visit", slots=(day,)),)).save(folder / "schema.json")
    (folder / PLACE_FILE).write_text('{"time_zone": "Europe/Berlin"}', encoding="utf-8")
    (folder / REPLY_FILE).write_text('{"language": "german"}', encoding="utf-8")
    # The trial opens it with nothing but what it holds.
    built = build_archive(folder, tmp_path / "store", model_config=quick_config)
    assert {PLACE_FILE, "todserve/runtime/values/german.json"} <= names(built)
    with zipfile.ZipFile(built) as packed:
        needed = packed.read("requirements.txt").decode()
    assert "dateparser==" in needed
    assert "phonenumbers==" not in needed


def test_an_archive_without_types_needs_nothing_for_them(archive: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        assert "dateparser" not in packed.read("requirements.txt").decode()
