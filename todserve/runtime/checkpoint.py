"""Checkpoint: a folder with everything a worker needs, opened and checked.

Opened once when a worker or a benchmark starts, and given to the pipeline, which answers with it.
Imports no torch by itself; only ``load_network`` does. Example:
``Checkpoint.open(Path("checkpoints/multiwoz-small")).format``.

The network's class travels beside the weights, as a file, because TorchServe wants it so
(``--model-file``). ``runtime`` must not import it by a package name: in the archive it stands at
the root, in the checkout in ``model_defs/``. So it is imported by path.
"""

import hashlib
import importlib.util
import inspect
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from todserve.runtime.decoding.calibration import CALIBRATION_FILE, Calibration
from todserve.runtime.decoding.drafts import DRAFTS_FILE
from todserve.runtime.decoding.shortlist import SHORTLIST_FILE
from todserve.runtime.errors import ConfigError, TodError
from todserve.runtime.intents.intent_model import INTENT_MODEL, IntentModel
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.introduction import INTRODUCTION_FILE, Introduction
from todserve.runtime.language.learnt_labels import LABELS_FILE, LearntLabels
from todserve.runtime.language.prompts import PromptFormat
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tasks import DATABASE_TOKENS
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.runtime.language.word_forms import DEFAULT_LANGUAGE, FORMS_FILE, WordForms
from todserve.runtime.networks.export_manifest import ExportManifest
from todserve.runtime.networks.stored_weights import check_sizes, read_config
from todserve.runtime.reply.reply_style import REPLY_FILE, ReplyStyle, stated_language
from todserve.runtime.spelling.name_closeness import NAMES_FILE, NameCloseness
from todserve.runtime.torchserve_files import torchserve_file
from todserve.runtime.tracking.domain_model import DOMAIN_MODEL, DomainModel
from todserve.runtime.tracking.grounds import Grounds
from todserve.runtime.tracking.ways_of_saying import WAYS_FILE, WaysOfSaying
from todserve.runtime.untrusted.json_text import read_json
from todserve.runtime.values.place import PLACE_FILE
from todserve.runtime.values.value_reader import ValueReader

if TYPE_CHECKING:
    import torch

T5_FILE = "plug_and_play_t5.py"
"""The file of the network class of every plain T5, PPTOD's and Hugging Face's among them."""

BERT_ENCODER_FILE = "bert_encoder_t5.py"
"""The file of the class with a pretrained BERT under T5's decoder."""

MODEL_FILES = (T5_FILE, BERT_ENCODER_FILE)
"""Network classes, in the checkout's ``model_defs/``; an archive has its own at its root."""

_FRAME = 32
"""Encoder tokens that a prompt may take beside the history: its prefix and control tokens."""

_BERT_FIELDS = ("encoder_config", "encoder_layers")  # of a config.json; the second is the old form

CHECKPOINT_FILES = (
    "config.json",
    "tokenizer.json",
    "format.json",
    "schema.json",
    "knowledge.sqlite",
    "training.json",
)
"""What every checkpoint folder holds beside its weights."""

OPTIONAL_FILES = (
    CALIBRATION_FILE,
    DOMAIN_MODEL,
    DRAFTS_FILE,
    FORMS_FILE,
    INTENT_MODEL,
    INTRODUCTION_FILE,
    LABELS_FILE,
    NAMES_FILE,
    PLACE_FILE,
    REPLY_FILE,
    SHORTLIST_FILE,
    WAYS_FILE,
)
"""What a checkpoint may lack; what it has travels with it."""

CHECKSUM_LENGTH = 12
"""Hexadecimal digits of the weights' sha256 that name a checkpoint in answers and scores."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """An opened checkpoint folder: schema, database, tokenizer and settings, not yet the network.

    Attributes:
        folder: where it is.
        format: how prompts and targets are written.
        tokenizer: its vocabulary.
        schema: its domains, slots and intents.
        knowledge: its database.
        checksum: the first CHECKSUM_LENGTH digits of the sha256 of its weights.
        calibration: the temperatures of its confidences; all 1 without ``calibration.json``.
        domain_model: weighs words for the active domain; None without ``domain.json``.
        style: the words of its replies; its language's own without ``reply.json``.
        grounds: looks for what bears a value out.
        intent_model: weighs words and vectors for the intent; None without ``intent.safetensors``.
        labels: the acts and placeholders it has learnt; None without ``labels.json``: all that
            its vocabulary holds.
        name_closeness: how near a value must come to a known name to mean it.
        introduction: what it says of itself to people; nothing without ``introduction.json``.
        values: reads values of slots with a type; None where its schema gives none one.
    """

    folder: Path
    format: PromptFormat
    tokenizer: Tokenizer
    schema: Schema
    knowledge: KnowledgeBase
    checksum: str
    style: ReplyStyle
    grounds: Grounds
    calibration: Calibration = field(default_factory=Calibration)
    domain_model: DomainModel | None = None
    intent_model: IntentModel | None = None
    labels: LearntLabels | None = None
    name_closeness: NameCloseness = field(default_factory=NameCloseness)
    introduction: Introduction = field(default_factory=Introduction)
    values: ValueReader | None = None

    @classmethod
    def open(cls, folder: Path) -> "Checkpoint":
        """Read a checkpoint folder.

        Raises:
            ConfigError: a file is missing or wrong, or tokenizer and network do not fit.
        """
        if not folder.is_dir():
            raise ConfigError(f"no checkpoint folder {folder}; `tod train` writes one")
        tokenizer = Tokenizer.load(folder / "tokenizer.json")
        for token in DATABASE_TOKENS:
            tokenizer.token_id(token)
        rows = _embedding_rows(folder / "config.json")
        if tokenizer.size > rows:
            raise ConfigError(
                f"{folder}: the tokenizer has {tokenizer.size} tokens, the network's embedding "
                f"{rows} rows; take tokenizer.json and weights from the same checkpoint"
            )
        form = PromptFormat.load(folder / "format.json")
        _check_positions(folder, form)
        checksum = _identity(folder)
        forms = word_forms_of(folder)
        schema = Schema.load(folder / "schema.json", forms)
        knowledge = KnowledgeBase.open(folder / "knowledge.sqlite", forms)
        style = ReplyStyle.of(folder, schema, knowledge)
        values = ValueReader.of(folder, schema, language=style.language)
        return cls(
            folder=folder,
            format=form,
            tokenizer=tokenizer,
            schema=schema,
            knowledge=knowledge,
            checksum=checksum,
            style=style,
            grounds=Grounds(
                schema=schema, ways=WaysOfSaying.of(folder), knowledge=knowledge, values=values
            ),
            domain_model=DomainModel.of_folder(folder),
            intent_model=IntentModel.of_folder(folder, checkpoint=checksum),
            labels=LearntLabels.of_folder(folder),
            name_closeness=NameCloseness.load(folder / NAMES_FILE),
            introduction=Introduction.of_folder(folder),
            calibration=Calibration.load(folder / CALIBRATION_FILE, checkpoint=checksum),
            values=values,
        )


def word_forms_of(folder: Path) -> WordForms:
    """Return how a checkpoint's language writes a name, a number or a time in several ways.

    Raises:
        ConfigError: ``word_forms.json`` or ``reply.json`` is malformed.
    """
    return WordForms.of(folder, language=stated_language(folder) or DEFAULT_LANGUAGE)


def weights_checksum(folder: Path) -> str:
    """Return the sha256 of the folder's weights; of shards, of one after another by name.

    Raises:
        ConfigError: there are no weights.
    """
    stored = [path for path in folder.glob("*.safetensors") if path.name != INTENT_MODEL]
    files = sorted(stored) or sorted(folder.glob("pytorch_model*.bin"))
    if not files:
        raise ConfigError(f"no weights in {folder}; expected model.safetensors")
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _identity(folder: Path) -> str:
    """Name the weights: an export, which no longer has them, says what it was made of."""
    manifest = ExportManifest.of_folder(folder)
    if manifest is None:
        return weights_checksum(folder)[:CHECKSUM_LENGTH]
    manifest.verify(folder)
    return manifest.checkpoint


def load_network(
    folder: Path, *, dtype: "torch.dtype", model_file: Path | None = None
) -> "torch.nn.Module":
    """Return the network of a checkpoint folder.

    Args:
        folder: the checkpoint.
        dtype: what the weights are cast to.
        model_file: the file that defines its class, which is run: in TorchServe's worker the
            archive's own. By default todserve's own in ``model_defs/``, never one that lies in
            ``folder``: a checkpoint is data.

    Raises:
        ConfigError: no such file, not one class in it, or the weights do not fit.
    """
    kind = _class_in(model_file or torchserve_file("model_defs", model_file_of(folder)))
    try:
        network: torch.nn.Module = kind.load(folder, dtype=dtype)
    except (TodError, RuntimeError, OSError, MemoryError):
        raise
    except Exception as error:  # transformers checks the fields with kinds of its own
        raise ConfigError(
            f"cannot build the network of {folder}: {error}; expected a config.json whose fields "
            "are those of a T5, as `tod train` writes it"
        ) from error
    return network


def model_file_of(folder: Path) -> str:
    """Return which of MODEL_FILES defines the network that a folder's ``config.json`` describes."""
    fields = read_config(folder)
    return BERT_ENCODER_FILE if any(name in fields for name in _BERT_FIELDS) else T5_FILE


def _class_in(path: Path) -> Any:
    name = f"todserve_network_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(
            f"no model file {path}; expected one of todserve's {', '.join(MODEL_FILES)}"
        )
    module = importlib.util.module_from_spec(spec)
    # transformers looks a model's module up by name when it inspects the class.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    own = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if member.__module__ == name and hasattr(member, "load")
    ]
    if len(own) != 1:
        raise ConfigError(f"{path} defines {len(own)} classes with `load`; expected exactly one")
    return own[0]


def _check_positions(folder: Path, form: PromptFormat) -> None:
    """Refuse a history longer than the encoder has positions for; T5's own has no such limit."""
    encoder = read_config(folder).get("encoder_config")
    positions = encoder.get("max_position_embeddings") if isinstance(encoder, dict) else None
    if isinstance(positions, int) and form.max_history_tokens + _FRAME > positions:
        raise ConfigError(
            f"{folder}: format.json allows {form.max_history_tokens} history tokens, the encoder "
            f"has {positions} positions; expected at most {positions - _FRAME}, for the prompt "
            "takes the rest"
        )


def _embedding_rows(path: Path) -> int:
    try:
        fields = read_json(path)
        rows = int(fields["vocab_size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"cannot read vocab_size from {path}: {error}") from error
    check_sizes(fields, path)
    return rows
