"""Copying start: a T5's weights arranged before training so that it learns to copy in minutes.

``tod train`` does this to networks from scratch alone, before the loop. A small T5 takes very long
to discover "find where this word stands in the context, write what follows it", although that is
most of belief-state tracking. Its parts are laid down at the start and trained on from there:

1. Encoder, head 0: attends to the previous token and writes that token's embedding, projected on
   one subspace, into a second one. A position then says what stands before it.
2. Decoder, cross-attention: queries read the first subspace of the last written token, keys read
   the second one of the context; they meet where the context has the same word before.
3. Its values and outputs pass the attended token's embedding on as it is, and the tied output
   layer turns it into the next token.
4. Everything else starts small beside the embeddings, so that nothing drowns the above.

The mechanism is what interpretability calls an induction head (Olsson et al., 2022). Example:
``arrange_for_copying(network)``; the architecture stays T5's own.
"""

from typing import Any, cast

import torch
from transformers import T5ForConditionalGeneration

from todserve.runtime.errors import ConfigError

_EMBEDDING_SCALE = 0.06  # of T5's unit variance; tied output layers learn sooner from small ones
_QUIET = 0.5  # of the embeddings' scale: all other sublayers at the start
_PREVIOUS = 5.0  # position bias: e^5 times the weight of any other token
_SHARPNESS = 0.3  # of the match between query and key
_LOUDNESS = 5.0  # of the copied token beside the decoder's own last token


@torch.no_grad()
def arrange_for_copying(network: T5ForConditionalGeneration) -> None:
    """Rearrange a freshly initialised network in place.

    Three quarters of the cross-attention heads copy, the others stay free.

    Raises:
        ConfigError: d_model has no room for two subspaces of d_kv.
    """
    config = network.config
    width, head = config.d_model, config.d_kv
    if 2 * head > width:
        raise ConfigError(
            f"start: copying needs d_model >= 2 x d_kv, got d_model {width} and d_kv {head}; "
            "choose a smaller d_kv, or start: t5"
        )
    scale = _EMBEDDING_SCALE
    network.shared.weight.mul_(scale)
    # T5 divides the last hidden state by sqrt(d_model) before the tied output layer.
    cast(Any, network).decoder.final_layer_norm.weight.fill_(width**0.5)
    for name, weight in network.named_parameters():
        if name.endswith((".o.weight", ".wo.weight")):
            weight.mul_(scale * _QUIET)

    basis = _orthonormal(width)
    read, written = basis[:, :head], basis[:, head : 2 * head]
    model = cast(Any, network)  # modules are reached by name
    previous = model.encoder.block[0].layer[0].SelfAttention
    previous.relative_attention_bias.weight[1, 0] = _PREVIOUS  # bucket 1: one to the left
    previous.v.weight[:head] = read.T
    previous.o.weight[:, :head] = scale * written

    passed = _orthonormal(width)
    for block in model.decoder.block:
        crossing = block.layer[1].EncDecAttention
        for number in range(max(1, min(3 * config.num_heads // 4, width // head))):
            rows = slice(number * head, (number + 1) * head)
            crossing.q.weight[rows] = _SHARPNESS**0.5 * read.T
            crossing.k.weight[rows] = _SHARPNESS**0.5 * written.T
            crossing.v.weight[rows] = passed[:, rows].T
            crossing.o.weight[:, rows] = scale * _LOUDNESS * passed[:, rows]


def _orthonormal(width: int) -> torch.Tensor:
    basis: torch.Tensor = torch.linalg.qr(torch.randn(width, width))[0]
    return basis
