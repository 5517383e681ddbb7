"""BertEncoder: a pretrained BERT as the encoder of a T5 decoder.

The network class ``model_defs/bert_encoder_t5.py`` is built with it; it stands here because
TorchServe wants one class in a model file. A decoder over BERT's last layer alone cannot copy: that
layer says what a word means, no longer which word it is. So what the decoder attends to is the last
layer plus the embedding layer's output, each of its features weighted by a learnt number (``mix``).
Example: ``BertEncoder(BertConfig(hidden_size=384, num_hidden_layers=6))``.
"""

from typing import Any

import torch
from torch import nn
from transformers import BertConfig, BertModel
from transformers.modeling_outputs import BaseModelOutput


class BertEncoder(nn.Module):
    """What T5 calls its encoder: token ids and their mask in, one vector for each token out."""

    main_input_name = "input_ids"

    def __init__(self, config: BertConfig) -> None:
        """Build with random weights; ``config`` gives every size."""
        super().__init__()
        self.config = config
        self.bert = BertModel(config, add_pooling_layer=False)
        self.mix = nn.Parameter(torch.ones(config.hidden_size))

    def get_input_embeddings(self) -> nn.Module:
        """Return the table of word embeddings."""
        table: nn.Module = self.bert.embeddings.word_embeddings
        return table

    def set_input_embeddings(self, table: nn.Module) -> None:
        """Share a table of word embeddings with the decoder."""
        embeddings: Any = self.bert.embeddings
        embeddings.word_embeddings = table

    def restore_positions(self) -> None:
        """Number the positions again, which a network built on the meta device has lost."""
        embeddings: Any = self.bert.embeddings
        size = self.config.max_position_embeddings
        device = embeddings.word_embeddings.weight.device
        embeddings.position_ids = torch.arange(size, device=device)[None]
        embeddings.token_type_ids = torch.zeros((1, size), dtype=torch.long, device=device)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        **_: Any,
    ) -> BaseModelOutput:
        """Encode.

        Args:
            input_ids: (contexts, length), at most ``max_position_embeddings`` long.
            attention_mask: (contexts, length), 1 or true where there is a token; all when None.

        Returns:
            ``last_hidden_state`` (contexts, length, hidden_size).
        """
        first = self.bert.embeddings(input_ids=input_ids)
        seen = None
        if attention_mask is not None:
            refused = torch.finfo(first.dtype).min
            seen = (1.0 - attention_mask[:, None, None, :].to(first.dtype)) * refused
            # Fused attention takes no mask that it would have to stretch over the queries itself.
            seen = seen.expand(-1, 1, input_ids.shape[1], -1)
        last = self.bert.encoder(first, attention_mask=seen).last_hidden_state
        return BaseModelOutput(last_hidden_state=last + self.mix * first)


def encoder_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a ``config.json`` with its ``encoder_config``, made where only sizes are given.

    The first networks of this kind wrote three numbers (``encoder_layers``, ``encoder_heads``,
    ``encoder_ff``) and meant MiniLM's settings for the rest.
    """
    if "encoder_config" in fields or "encoder_layers" not in fields:
        return fields
    kept = {name: value for name, value in fields.items() if not name.startswith("encoder_")}
    return kept | {
        "encoder_config": {
            "hidden_size": fields["d_model"],
            "num_hidden_layers": fields["encoder_layers"],
            "num_attention_heads": fields["encoder_heads"],
            "intermediate_size": fields["encoder_ff"],
            "max_position_embeddings": 512,
            "type_vocab_size": 1,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-12,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
        }
    }
