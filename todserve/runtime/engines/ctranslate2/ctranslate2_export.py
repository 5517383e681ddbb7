"""The CTranslate2 export: writes a T5 in the form that CTranslate2 reads, float32 or int8.

``tod export --format ctranslate2`` calls it, and ``ctranslate2_engine`` runs what it writes.
CTranslate2 speaks in tokens, not ids, and wants a vocabulary of unique names; ours is the ids
themselves in decimal (``"4009"``), so that its idea of a tokenizer never comes in. Example:
``export_ctranslate2(network, folder, dtype=Dtype.INT8)[0].name == "model.bin"``.
"""

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from todserve.runtime.engines.ctranslate2.ctranslate2_engine import (
    CONFIG_FILE,
    FOLDER,
    MODEL_FILE,
    VOCABULARY_FILE,
)
from todserve.runtime.engines.engine_spec import Dtype
from todserve.runtime.errors import ConfigError

if TYPE_CHECKING:
    import torch

_ACTIVATIONS = ("relu", "gelu_new")


def export_ctranslate2(network: "torch.nn.Module", folder: Path, *, dtype: Dtype) -> list[Path]:
    """Write ``network`` to ``folder/ctranslate2`` and return the files, the model first.

    Args:
        network: a T5ForConditionalGeneration; it is left as it is.
        folder: the export folder.
        dtype: float32, or int8: then every row of every matrix, the embedding's too, is kept in
            8 bits with a scale of its own, and so is what it is multiplied with while it runs.

    Raises:
        ConfigError: another dtype, or a network that CTranslate2 cannot run.
    """
    _check(network, dtype)
    spec = _specification(network)
    spec.validate()
    spec.optimize(quantization=str(dtype))
    target = folder / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    spec.save(str(target))
    return [target / name for name in (MODEL_FILE, CONFIG_FILE, VOCABULARY_FILE)]


def _check(network: Any, dtype: Dtype) -> None:
    possible = (Dtype.FLOAT32, Dtype.INT8)
    if dtype not in possible:
        raise ConfigError(f"dtype {dtype} for CTranslate2; expected {' or '.join(possible)}")
    config = network.config
    if config.model_type != "t5":
        raise ConfigError(f"a network of type {config.model_type!r}; expected 't5'")
    if hasattr(network.encoder, "bert"):
        raise ConfigError(
            "CTranslate2 has no T5 decoder over a BERT encoder; export to onnx or torchscript"
        )
    if config.dense_act_fn not in _ACTIVATIONS:
        raise ConfigError(
            f"activation {config.dense_act_fn!r}; CTranslate2 runs T5 with "
            f"{' or '.join(_ACTIVATIONS)}: export to onnx or torchscript instead"
        )


def _specification(network: "torch.nn.Module") -> Any:
    from ctranslate2.converters.transformers import T5Loader

    # The converter reads tensors through numpy, which wants none that could get a gradient.
    plain: Any = copy.deepcopy(network).float().cpu().requires_grad_(requires_grad=False)
    config = plain.config
    spec: Any = T5Loader().get_model_spec(plain)
    # The converter scales the output of tied embeddings; T5 says by itself whether it is scaled.
    spec.decoder.scale_outputs = config.d_model**-0.5 if config.scale_decoder_outputs else 1.0
    names = [str(token) for token in range(config.vocab_size)]
    spec.register_source_vocabulary(names)
    spec.register_target_vocabulary(list(names))
    # Every row brings its own first token, and a context is complete as it comes.
    spec.config.decoder_start_token = None
    spec.config.add_source_bos = False
    spec.config.add_source_eos = False
    # Of no effect in a call that names its end tokens and contains no unknown one; but they must
    # be in the vocabulary.
    spec.config.bos_token = spec.config.unk_token = names[int(config.pad_token_id or 0)]
    spec.config.eos_token = names[int(config.eos_token_id or 0)]
    spec.config.layer_norm_epsilon = config.layer_norm_epsilon
    return spec
