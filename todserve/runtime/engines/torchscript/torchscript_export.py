"""The TorchScript export: compiles a network's weights and its search into one frozen module.

``tod export --format torchscript`` calls it; ``torchscript_engine`` runs what it writes, and so
does any C++ program with libtorch (``deploy/cpp``): ``torchscript/model.pt`` with the methods
``encode``, ``search`` and, to compare networks by, ``logits``. Example:
``export_torchscript(network, Path("out"), dtype=Dtype.INT8)``.

The encoder is traced and the search is scripted, and that is decided by control flow: see there.
(Traced or scripted, the encoder runs equally fast; the trace needs no type of any operator.)
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from todserve.runtime.engines.engine_spec import Dtype
from todserve.runtime.engines.torchscript.torchscript_encoder import Encoder, trace_encoder
from todserve.runtime.engines.torchscript.torchscript_layers import (
    Int8Matrix,
    Matrix,
    MatrixKind,
    known_deprecation,
)
from todserve.runtime.engines.torchscript.torchscript_search import Search
from todserve.runtime.networks.network_weights import T5Weights

MODEL_FILE = "torchscript/model.pt"

_KEPT = ["encode", "search", "logits", "vocabulary"]
_KINDS: dict[Dtype, MatrixKind] = {Dtype.FLOAT32: Matrix, Dtype.INT8: Int8Matrix}


class Generator(nn.Module):
    """The whole network behind two calls on plain lists, so that a caller needs no tensors.

    Attributes:
        vocabulary: how many token ids there are.
    """

    def __init__(self, encoder: torch.jit.ScriptModule, search: Search) -> None:
        """Join a traced encoder and a search that is scripted with this module."""
        super().__init__()
        self.encoder = encoder
        self.searching = search
        self.vocabulary = search.embedding.shape[0]

    @torch.jit.export
    def encode(self, contexts: list[list[int]]) -> tuple[list[Tensor], list[int]]:
        """Return what ``search`` takes first: the encoder's answer and the contexts' lengths."""
        ids: list[int] = []
        lengths: list[int] = []
        for context in contexts:
            ids.extend(context)
            lengths.append(len(context))
        memory = self.encoder(torch.tensor(ids), torch.tensor(lengths), torch.arange(max(lengths)))
        return memory, lengths

    @torch.jit.export
    def search(
        self,
        memory: list[Tensor],
        lengths: list[int],
        contexts: list[int],
        prefixes: list[list[int]],
        ends: list[int],
        caps: list[int],
        temperatures: list[float],
        table: Tensor | None,
        states: list[int],
    ) -> tuple[list[list[int]], list[list[float]], list[list[float]]]:
        """See ``Search``."""
        found: tuple[list[list[int]], list[list[float]], list[list[float]]] = self.searching(
            memory, lengths, contexts, prefixes, ends, caps, temperatures, table, states
        )
        return found

    @torch.jit.export
    def logits(self, context: list[int], ids: list[int]) -> Tensor:
        """Return float32 (len(ids), vocabulary): what follows each of the decoder's ``ids``."""
        memory, lengths = self.encode([context])
        found: Tensor = self.searching.logits(memory, lengths, ids)
        return found


def export_torchscript(network: nn.Module, folder: Path, *, dtype: Dtype) -> list[Path]:
    """Write the module below ``folder`` and return its path, as the only one of a list.

    Args:
        network: a T5ForConditionalGeneration in fp32.
        folder: the export folder.
        dtype: float32 or int8: then the weights of every matrix product are kept in 8 bits and
            its inputs are brought to 8 bits while it runs; sums, norms and softmax stay in fp32.
    """
    path = folder / MODEL_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with announced_deprecations():
        compile_network(T5Weights.of(network), dtype=dtype).save(str(path))
    return [path]


def compile_network(weights: T5Weights, *, dtype: Dtype) -> torch.jit.ScriptModule:
    """Return the frozen module: weights are constants of its code, and nothing can be trained."""
    kind = _KINDS[dtype]
    with announced_deprecations():
        encoder = trace_encoder(Encoder(weights, kind).eval())
        scripted = torch.jit.script(Generator(encoder, Search(weights, kind)).eval())
        frozen: torch.jit.ScriptModule = torch.jit.freeze(scripted, preserved_attrs=_KEPT)
    return frozen


@contextmanager
def announced_deprecations() -> Iterator[None]:
    """Silence PyTorch's announcements that its TorchScript compiler will go.

    The version is pinned, and what replaces it (torch.export) keeps no loop over tokens.
    """
    with warnings.catch_warnings(), known_deprecation():
        for function in ("script", "trace", "trace_method", "freeze", "save", "load"):
            warnings.filterwarnings(
                "ignore",
                message=rf"`torch\.jit\.{function}` is (deprecated|not supported)",
                category=DeprecationWarning,
            )
        yield
