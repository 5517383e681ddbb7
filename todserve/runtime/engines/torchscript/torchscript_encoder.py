"""The encoder of the TorchScript export: from token ids to the states that the decoder looks at.

The export puts it into one module with the search of ``torchscript_search``, which takes what it
returns. It is traced: whatever comes in, the same operators follow one another, and only sizes
differ, which a trace keeps open. Example: ``trace_encoder(Encoder(weights, Matrix))``.
"""

import numpy as np
import torch
from torch import Tensor, nn

from todserve.runtime.engines.torchscript.torchscript_bert import BertStack
from todserve.runtime.engines.torchscript.torchscript_layers import (
    EncoderLayer,
    MatrixKind,
    Norm,
    memory_matrix,
)
from todserve.runtime.networks.network_weights import Bert, T5Encoder, T5Weights

_HIDDEN = -1e9  # added to the score of padding; its softmax is exactly 0 in fp32


class T5Stack(nn.Module):
    """T5's own encoder above the table of words."""

    distances: Tensor

    def __init__(self, weights: T5Weights, stack: T5Encoder, kind: MatrixKind) -> None:
        """Take every layer of ``stack``."""
        super().__init__()
        self.heads = weights.heads
        self.reach = weights.reach
        turned = np.ascontiguousarray(stack.bias.T)
        self.register_buffer("distances", torch.from_numpy(turned))
        self.layers = nn.ModuleList(EncoderLayer(weights, one, kind) for one in stack.layers)
        self.norm = Norm(weights, stack.norm)

    def forward(
        self, words: Tensor, cells: Tensor, places: Tensor, grid: Tensor, there: Tensor
    ) -> Tensor:
        """(N, d) -> (N, d); ``grid`` int64 (L) counts positions, see `BertStack` for the rest."""
        distance = (grid - grid.unsqueeze(1)).clamp(-self.reach, self.reach) + self.reach
        # In this order of sizes; in another, attention would copy the sum in every layer.
        bias = self.distances.index_select(1, distance.flatten()).view(
            1, self.heads, *distance.shape
        )
        bias = bias + there.logical_not().to(torch.float32).mul(_HIDDEN).unsqueeze(1).unsqueeze(1)
        hidden = words
        for layer in self.layers:
            hidden = layer(hidden, cells, places, bias)
        normed: Tensor = self.norm(hidden)
        return normed


class Encoder(nn.Module):
    """All encoder layers, and the key and value projections of all decoder layers."""

    embedding: Tensor

    def __init__(self, weights: T5Weights, kind: MatrixKind) -> None:
        """Take the encoder out of ``weights``."""
        super().__init__()
        self.heads = weights.heads
        self.head_size = weights.head_size
        self.register_buffer("embedding", torch.from_numpy(weights.embedding))
        stack = weights.encoder
        self.is_bert = isinstance(stack, Bert)
        self.stack: nn.Module = (
            BertStack(stack, kind) if isinstance(stack, Bert) else T5Stack(weights, stack, kind)
        )
        self.memories = nn.ModuleList(kind(memory_matrix(one)) for one in weights.decoder)

    def forward(self, ids: Tensor, lengths: Tensor, grid: Tensor) -> list[Tensor]:
        """Encode contexts.

        Args:
            ids: int64 (N), the tokens of all contexts one after another.
            lengths: int64 (C), how many are each context's.
            grid: int64 (L), 0 to the longest length less one.

        Returns:
            for each decoder layer the keys and values, (C, 2, H, L, D).
        """
        there = grid < lengths.unsqueeze(1)
        cells = (there.flatten().cumsum(0) - 1).clamp(min=0)
        places = there.flatten().nonzero().squeeze(1)
        words = self.embedding.index_select(0, ids)
        if self.is_bert:
            position = grid.expand_as(there).flatten().index_select(0, places)
            hidden = self.stack(words, cells, places, position, there)
        else:
            hidden = self.stack(words, cells, places, grid, there)
        return [self._memory(project(hidden), cells, there) for project in self.memories]

    def _memory(self, flat: Tensor, cells: Tensor, there: Tensor) -> Tensor:
        contexts, longest = there.shape
        table = flat.index_select(0, cells)
        table = table.view(contexts, longest, 2, self.heads, self.head_size)
        return table.permute(0, 2, 3, 1, 4)


def trace_encoder(encoder: Encoder) -> torch.jit.ScriptModule:
    """Run ``encoder`` once on a small example and keep the operators that ran."""
    lengths = torch.tensor([2, 5, 3])
    ids = torch.arange(int(lengths.sum())) % encoder.embedding.shape[0]
    with torch.no_grad():
        # Not strict: the answer is a list, whose length is the network's and never changes.
        example = (ids, lengths, torch.arange(5))
        traced: torch.jit.ScriptModule = torch.jit.trace(encoder, example, strict=False)
    return traced
