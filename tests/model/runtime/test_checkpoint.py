import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from todserve.runtime.checkpoint import Checkpoint, load_network, weights_checksum
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.engines.engine_spec import Dtype
from todserve.runtime.errors import ConfigError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint"))


def test_checksum_names_the_weights(folder: Path) -> None:
    expected = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert weights_checksum(folder) == expected
    assert Checkpoint.open(folder).checksum == expected[:12]


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "format.json",
        "knowledge.sqlite",
        "model.safetensors",
        "schema.json",
        "tokenizer.json",
    ],
)
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ConfigError, match=name):
        Checkpoint.open(folder)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no checkpoint folder"):
        Checkpoint.open(tmp_path / "nowhere")


def test_tokenizer_larger_than_the_embedding_is_refused(folder: Path) -> None:
    config = folder / "config.json"
    size = Checkpoint.open(folder).tokenizer.size
    config.write_text(config.read_text().replace(f'"vocab_size": {size}', '"vocab_size": 20'))
    with pytest.raises(ConfigError, match=f"tokenizer has {size} tokens.*embedding 20 rows"):
        Checkpoint.open(folder)


_FILES = (
    *("config.json", "format.json", "schema.json", "tokenizer.json", "calibration.json"),
    *(
        "domain.json",
        "introduction.json",
        "labels.json",
        "names.json",
        "reply.json",
        "ways_of_saying.json",
    ),
    "export.json",
)
_HOSTILE = {
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "digits": b"9" * 100_000,
    "many digits": b'{"version": ' + b"9" * 4_000 + b"}",
    "surrogate": rb'{"version": "\ud800"}',
    "no text": b"\xff\xfe\x00",
    "a list": b"[1]",
    "a list of nothing": b"[null]",
    "a number": b"1",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", _HOSTILE)
@pytest.mark.parametrize("name", _FILES)
def test_a_hostile_file_is_refused_by_its_name(name: str, kind: str, folder: Path) -> None:
    (folder / name).write_bytes(_HOSTILE[kind])
    with pytest.raises(ConfigError, match=name.replace(".", r"\.")):
        Checkpoint.open(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_layers", 10**7),
        ("num_decoder_layers", 10**7),
        ("num_layers", -1),
        ("num_layers", "2"),
        ("num_layers", True),
        ("num_heads", 10**9),
        ("d_model", 10**9),
        ("d_ff", 2.5),
        ("num_labels", 10**8),
        ("vocab_size", 10**12),
        ("encoder_config", {"max_position_embeddings": 10**12}),
        ("relative_attention_num_buckets", 0),
    ],
)
def test_sizes_that_nobody_trains_are_refused_before_anything_is_built(
    field: str, value: object, folder: Path
) -> None:
    config = folder / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), field: value}))
    named = field if not isinstance(value, dict) else min(value)
    with pytest.raises(ConfigError, match=rf"{named}: got .*expected a whole number from 1 to"):
        load_network(folder, dtype=torch.float32)
    with pytest.raises(ConfigError, match=r"expected a whole number from 1 to"):
        Checkpoint.open(folder)


def test_a_field_that_transformers_refuses_is_told_plainly(folder: Path) -> None:
    config = folder / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "feed_forward_proj": 5}))
    with pytest.raises(ConfigError, match="cannot build the network"):
        load_network(folder, dtype=torch.float32)


def test_a_token_with_a_number_beyond_all_vocabularies_is_refused(folder: Path) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"] = {"type": "WordLevel", "vocab": {"<unk>": 0, "a": 2**32 - 1}}
    content["model"]["unk_token"] = "<unk>"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"tokenizer\.json"):
        Checkpoint.open(folder)


def test_the_checkouts_class_is_taken_whatever_lies_beside_the_weights(folder: Path) -> None:
    (folder / "plug_and_play_t5.py").write_text("raise RuntimeError('run')\n")
    found = load_network(folder, dtype=torch.float32)
    named = load_network(
        folder, dtype=torch.float32, model_file=ROOT / "model_defs" / "plug_and_play_t5.py"
    )
    assert type(found).__name__ == type(named).__name__ == "PlugAndPlayT5"
    with pytest.raises(RuntimeError, match="run"):  # only who names it runs it
        load_network(folder, dtype=torch.float32, model_file=folder / "plug_and_play_t5.py")


def test_model_file_that_is_missing_or_has_no_class_is_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no model file"):
        load_network(folder, dtype=torch.float32, model_file=folder / "missing.py")
    (folder / "other.py").write_text("ANSWER = 42\n")
    with pytest.raises(ConfigError, match="defines 0 classes"):
        load_network(folder, dtype=torch.float32, model_file=folder / "other.py")


def test_opening_a_checkpoint_and_a_pipeline_module_imports_no_torch(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "import todserve.runtime.pipeline\n"
        "from todserve.runtime.checkpoint import Checkpoint\n"
        f"Checkpoint.open(Path({str(folder)!r}))\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_engine_settings_reject_what_they_do_not_know() -> None:
    assert EngineSettings(dtype=Dtype("bfloat16")).threads is None
    with pytest.raises(ValueError, match="extra"):
        EngineSettings.model_validate({"device": "cuda"})
    with pytest.raises(ValueError, match="dtype"):
        EngineSettings.model_validate({"dtype": "float16"})
