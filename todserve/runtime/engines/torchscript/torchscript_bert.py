"""A BERT as plain PyTorch modules, for the traced encoder of the TorchScript export.

``torchscript_encoder`` uses it in place of T5's own layers where a network's encoder is a
pretrained BERT. Tokens of all contexts lie one after another, as there: N tokens, C contexts, L the
longest, d hidden size. Example:
``BertStack(weights.encoder, Matrix)(words, cells, places, position, there)``.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from todserve.runtime.engines.torchscript.torchscript_layers import MatrixKind
from todserve.runtime.networks.network_weights import Array, Bert, BertLayer, Scaling

_HIDDEN = -1e9  # added to the score of padding; its softmax is exactly 0 in fp32


class MeanNorm(nn.Module):
    """A layer norm that takes off the mean: (rows, d) -> (rows, d)."""

    scale: Tensor
    shift: Tensor

    def __init__(self, norm: Scaling, epsilon: float) -> None:
        """Keep scale and shift, (d,) each."""
        super().__init__()
        self.epsilon = epsilon
        self.register_buffer("scale", torch.from_numpy(norm.scale))
        self.register_buffer("shift", torch.from_numpy(norm.shift))

    def forward(self, rows: Tensor) -> Tensor:
        """(rows, d) -> (rows, d)."""
        size = (self.scale.shape[0],)
        return functional.layer_norm(rows, size, self.scale, self.shift, self.epsilon)


class BiasedMatrix(nn.Module):
    """A product with a bias: (rows, inputs) -> (rows, outputs)."""

    bias: Tensor

    def __init__(self, weight: Array, bias: Array, kind: MatrixKind) -> None:
        """Keep ``weight`` (inputs, outputs) as ``kind`` does, and ``bias`` (outputs,)."""
        super().__init__()
        self.matrix = kind(weight)
        self.register_buffer("bias", torch.from_numpy(bias))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the product and the bias."""
        product: Tensor = self.matrix(rows)
        return product + self.bias


class BertStackLayer(nn.Module):
    """One layer over all tokens of all contexts."""

    def __init__(self, weights: Bert, layer: BertLayer, kind: MatrixKind) -> None:
        """Take one of ``weights.layers``."""
        super().__init__()
        self.heads = weights.heads
        self.head_size = layer.output.shape[0] // weights.heads
        self.qkv = BiasedMatrix(layer.qkv, layer.qkv_bias, kind)
        self.output = BiasedMatrix(layer.output, layer.output_bias, kind)
        self.attention_norm = MeanNorm(layer.attention_norm, weights.epsilon)
        self.inner = BiasedMatrix(layer.inner, layer.inner_bias, kind)
        self.outer = BiasedMatrix(layer.outer, layer.outer_bias, kind)
        self.norm = MeanNorm(layer.norm, weights.epsilon)

    def forward(self, hidden: Tensor, cells: Tensor, places: Tensor, unseen: Tensor) -> Tensor:
        """(N, d) -> (N, d); ``unseen`` (C, 1, 1, L) hides padding, the rest is `EncoderLayer`'s."""
        contexts, longest = unseen.shape[0], unseen.shape[3]
        table = self.qkv(hidden).index_select(0, cells)
        table = table.view(contexts, longest, 3, self.heads, self.head_size)
        query, key, value = table.permute(2, 0, 3, 1, 4).unbind(0)
        looked = functional.scaled_dot_product_attention(query, key, value, unseen)
        looked = looked.transpose(1, 2).reshape(-1, self.heads * self.head_size)
        hidden = self.attention_norm(hidden + self.output(looked.index_select(0, places)))
        inner = functional.gelu(self.inner(hidden))
        normed: Tensor = self.norm(hidden + self.outer(inner))
        return normed


class BertStack(nn.Module):
    """The whole encoder above the table of words."""

    positions: Tensor
    mix: Tensor

    def __init__(self, weights: Bert, kind: MatrixKind) -> None:
        """Take every layer of ``weights``."""
        super().__init__()
        self.register_buffer("positions", torch.from_numpy(weights.positions))
        self.register_buffer("mix", torch.from_numpy(weights.mix))
        self.embedding_norm = MeanNorm(weights.embedding_norm, weights.epsilon)
        self.layers = nn.ModuleList(BertStackLayer(weights, one, kind) for one in weights.layers)

    def forward(
        self, words: Tensor, cells: Tensor, places: Tensor, position: Tensor, there: Tensor
    ) -> Tensor:
        """(N, d) -> (N, d).

        Args:
            words: (N, d), the tokens' embeddings.
            cells: int64 (C x L), the token in each cell of the padded table.
            places: int64 (N), the cell of each token.
            position: int64 (N), where each token stands in its context.
            there: bool (C, L), where there is a token.
        """
        first = self.embedding_norm(words + self.positions.index_select(0, position))
        unseen = there.logical_not().to(torch.float32).mul(_HIDDEN).unsqueeze(1).unsqueeze(1)
        hidden = first
        for layer in self.layers:
            hidden = layer(hidden, cells, places, unseen)
        mixed: Tensor = hidden + self.mix * first
        return mixed
