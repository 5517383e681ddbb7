"""The network: a pretrained BERT encoder under a T5 decoder, loaded strictly, never from a pickle.

This is the file TorchServe's ``--model-file`` puts at the root of the ``.mar`` of a checkpoint
whose ``config.json`` has an ``encoder_config``; ``plug_and_play_t5.py`` is the one of every other
T5. An encoder that has read much English (MiniLM, 22M parameters) understands wordings that no
labelled dialogue holds; a decoder of two layers is enough to write states, acts and replies.
Example: ``BertEncoderT5.load(Path("checkpoints/multiwoz"))``.
"""

from pathlib import Path
from typing import Any, Self

import torch
from transformers import BertConfig, T5Config, T5ForConditionalGeneration

from todserve.runtime.errors import ConfigError
from todserve.runtime.networks.bert_encoder import BertEncoder, encoder_fields
from todserve.runtime.networks.stored_weights import check_weights, read_config, read_weights

# One table of embeddings serves encoder, decoder and output; a file holds it under the first name.
_TABLE = "shared.weight"
_TIED = (
    "encoder.bert.embeddings.word_embeddings.weight",
    "decoder.embed_tokens.weight",
    "lm_head.weight",
)


class BertEncoderT5(T5ForConditionalGeneration):
    """T5's decoder and output over a BERT-like encoder; one table of embeddings for all three.

    ``config.json`` is a T5Config (``model_type`` "t5") with one field more: ``encoder_config``, the
    BertConfig of the encoder. Sizes come from there, so any BERT-like encoder whose hidden size is
    ``d_model`` fits. ``num_layers`` repeats the encoder's number of layers.
    """

    def __init__(self, config: T5Config) -> None:
        """Build the network with random weights.

        Raises:
            ConfigError: ``encoder_config`` is missing, or its sizes and the decoder's differ.
        """
        fields = getattr(config, "encoder_config", None)
        if not isinstance(fields, dict):
            raise ConfigError(
                "config.json has no encoder_config; expected the fields of a BertConfig there, "
                "or a plain T5, which plug_and_play_t5.py loads"
            )
        bert = BertConfig.from_dict({**fields, "vocab_size": config.vocab_size})
        if bert.hidden_size != config.d_model:
            raise ConfigError(
                f"encoder_config.hidden_size is {bert.hidden_size}, d_model {config.d_model}; "
                "expected equal numbers, for encoder and decoder share their embeddings"
            )
        layers = config.num_layers
        config.num_layers = 0  # T5's own encoder is not wanted
        super().__init__(config)
        config.num_layers = layers
        # BERT's classes take their kind of attention from their own configuration.
        bert._attn_implementation = config._attn_implementation
        model: Any = self  # transformers' modules are reached by name
        model.encoder = BertEncoder(bert)
        model._tied_weights_keys = dict.fromkeys(_TIED, _TABLE)
        model.post_init()
        self._share_table()

    @classmethod
    def load(cls, folder: Path, *, dtype: torch.dtype = torch.float32) -> Self:
        """Build from ``config.json`` and the weights beside it, ready for inference.

        Args:
            folder: a checkpoint folder; see `read_weights` for the files that are read.
            dtype: float32 or bfloat16. float16 is refused: T5's activations overflow it.

        Raises:
            ConfigError: a file is missing or unreadable, or a weight is missing, unexpected, of
                another shape than ``config.json`` gives, or not finite.
        """
        if dtype not in (torch.float32, torch.bfloat16):
            raise ConfigError(f"dtype {dtype} for T5; expected torch.float32 or torch.bfloat16")
        config = T5Config.from_dict(encoder_fields(read_config(folder)))
        weights = read_weights(folder)
        # On the meta device the random initialisation costs neither time nor memory.
        with torch.device("meta"):
            network = cls(config)
        table = weights.get(_TABLE)
        if table is None:
            raise ConfigError(f"{folder} lacks weight {_TABLE!r}; is it a checkpoint of todserve?")
        for name in _TIED:
            if not torch.equal(weights.setdefault(name, table), table):
                raise ConfigError(
                    f"{folder}: {name} and {_TABLE} differ; expected one table for all of them"
                )
        check_weights(network, weights, folder)
        cast = {name: tensor.to(dtype) for name, tensor in weights.items()}
        network.load_state_dict(cast, strict=True, assign=True)
        # load_state_dict gave each name a Parameter of its own; training needs them to be one.
        network._share_table()
        model: Any = network
        model.encoder.restore_positions()
        network.train(False)
        return network

    def _share_table(self) -> None:
        model: Any = self
        model.set_input_embeddings(model.shared)
        model.lm_head.weight = model.shared.weight
