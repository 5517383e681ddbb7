"""Checkpoints, exports and archives are data to every command: no Python of theirs is run."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from todserve.cli.main import main
from todserve.runtime.errors import ArchiveError, ConfigError
from todserve.runtime.networks.export_manifest import ExportManifest, sha256_of
from todserve.serving.archive.archive_build import build_archive
from todserve.serving.archive.archive_packing import Parts
from todserve.serving.archive.archive_trial import try_archive, unpack

# Whatever a worker of TorchServe or one of our commands might import by name.
PLANTED = (
    "plug_and_play_t5.py",
    "bert_encoder_t5.py",
    "tod_handler.py",
    "sitecustomize.py",
    "usercustomize.py",
    "torch.py",
    "json.py",
    "onnxruntime/__init__.py",
    "onnx/__init__.py",
    "model_defs/plug_and_play_t5.py",
    "handlers/tod_handler.py",
    "todserve/__init__.py",
    "todserve/runtime/__init__.py",
    "todserve/runtime/pipeline.py",
)
QUICK = "handler:\n  engine: {threads: 1, engine: ENGINE}\n"


class Planted:
    """A copy of the tiny checkpoint with modules that leave a mark when they are imported."""

    def __init__(self, checkpoint: Path, folder: Path) -> None:
        self.folder = folder
        self.mark = folder / "ran"
        self.checkpoint = shutil.copytree(checkpoint, folder / "checkpoint")
        self.code = f"open({str(self.mark)!r}, 'a').write(__file__)\n"
        for name in PLANTED:
            target = self.checkpoint / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self.code)
        self.lines = folder / "dialogues"
        self.lines.mkdir()
        shutil.copyfile(checkpoint / "schema.json", self.lines / "schema.json")
        turn = {"user": "a train to ely", "belief_state": {"train": {"destination": "ely"}}}
        line = json.dumps({"dialogue_id": "one", "turns": [turn]})
        (self.lines / "dev.jsonl").write_text(f"{line}\n")

    def config(self, engine: str) -> Path:
        path = self.folder / "quick.yaml"
        path.write_text(QUICK.replace("ENGINE", engine))
        return path

    def archive(self) -> Path:
        """Return an archive of the checkpoint, with planted modules for ours."""
        archive = self.folder / "planted.mar"
        model = {"modelName": "tod", "modelVersion": "1.0", "handler": "tod_handler.py"}
        model["modelFile"] = "plug_and_play_t5.py"
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": model}))
            packed.write(self.config("torch"), "model-config.yaml")
            for path in sorted(self.checkpoint.rglob("*")):
                if path.is_file():
                    packed.write(path, path.relative_to(self.checkpoint).as_posix())
        return archive


@pytest.fixture
def planted(tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planted:
    monkeypatch.chdir(tmp_path)
    return Planted(tiny_checkpoint, tmp_path)


@pytest.mark.parametrize("engine", ["onnx", "torchscript"])
def test_exporting_runs_nothing_of_a_checkpoint_and_names_its_engines_files(
    planted: Planted, engine: str
) -> None:
    out = planted.folder / "out"
    command = ["export", str(planted.checkpoint), "--format", engine, "--dtype", "float32"]
    assert main([*command, "--out", str(out), "--no-fidelity"]) == 0
    assert not planted.mark.exists()
    manifest = ExportManifest.of_folder(out)
    assert manifest is not None
    export_form = manifest.engine.spec.export
    assert export_form is not None
    assert set(manifest.files) == export_form.files


def test_archiving_runs_and_packs_nothing_of_a_checkpoint(planted: Planted) -> None:
    store = planted.folder / "store"
    archive = build_archive(planted.checkpoint, store, model_config=planted.config("onnx"))
    assert not planted.mark.exists()
    with zipfile.ZipFile(archive) as packed:
        assert all(planted.code.encode() not in packed.read(name) for name in packed.namelist())


def test_evaluating_runs_nothing_of_a_checkpoint(planted: Planted) -> None:
    command = ["evaluate", "corpus", str(planted.lines), "--checkpoint", str(planted.checkpoint)]
    assert main(command) == 0
    assert not planted.mark.exists()


@pytest.mark.parametrize("kind", ["archive", "checkpoint"])
def test_replaying_runs_nothing_of_an_archive_or_a_checkpoint(planted: Planted, kind: str) -> None:
    against = planted.archive() if kind == "archive" else planted.checkpoint
    assert main(["replay", str(planted.lines), "--against", str(against)]) in (0, 1)
    assert not planted.mark.exists()


def test_a_planted_module_would_run_where_it_is_asked_for(planted: Planted) -> None:
    # The mark shows what it should: the canary plays TorchServe's worker, which runs the archive.
    unpacked = unpack(planted.archive(), planted.folder / "unpacked")
    with pytest.raises(ArchiveError):
        try_archive(unpacked, Parts.shipped(planted.config("torch")))
    assert planted.mark.exists()


@pytest.mark.parametrize(
    "name",
    [
        *PLANTED,
        "../../../victim.txt",
        "../victim.txt",
        "/victim.txt",
        "onnx/../../victim.txt",
        "MAR-INF/MANIFEST.json",
        "onnx\\encoder.onnx",
        "",
        "\0",
    ],
)
def test_an_exports_manifest_names_its_engines_files_alone(planted: Planted, name: str) -> None:
    victim = planted.folder / "victim.txt"
    victim.write_text("precious")
    export = planted.folder / "a" / "b" / "export"
    shutil.copytree(planted.checkpoint, export)
    (export / "model.safetensors").unlink()
    manifest = {
        "engine": "onnx",
        "dtype": "float32",
        "checkpoint": "0" * 12,
        "exporter": "1",
        "files": {name: sha256_of(victim)},
    }
    (export / "export.json").write_text(json.dumps(manifest))
    store = planted.folder / "store"
    with pytest.raises(ConfigError, match=r"export\.json: files: got .*expected"):
        build_archive(export, store, model_config=planted.config("onnx"))
    assert victim.read_text() == "precious"
    assert list(store.iterdir()) == []
    assert not planted.mark.exists()


def test_an_exports_file_that_is_a_link_out_of_it_is_not_packed(planted: Planted) -> None:
    secret = planted.folder / "secret"
    secret.write_text("secret")
    export = planted.folder / "export"
    (export / "onnx").mkdir(parents=True)
    (export / "onnx" / "encoder.onnx").symlink_to(secret)
    manifest = {"engine": "onnx", "dtype": "float32", "checkpoint": "0" * 12, "exporter": "1"}
    manifest |= {"files": {"onnx/encoder.onnx": sha256_of(secret)}}  # type: ignore[dict-item]
    (export / "export.json").write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match="a link leads out of the folder"):
        ExportManifest.of_folder(export)
