import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.jit._trace import TracerWarning

from todserve.runtime.checkpoint import load_network
from todserve.runtime.engines.engine_settings import Dtype
from todserve.runtime.engines.torchscript.torchscript_encoder import Encoder, trace_encoder
from todserve.runtime.engines.torchscript.torchscript_export import (
    announced_deprecations,
    compile_network,
    export_torchscript,
)
from todserve.runtime.engines.torchscript.torchscript_layers import Matrix
from todserve.runtime.engines.torchscript.torchscript_search import Search
from todserve.runtime.networks.network_weights import T5Weights

START, END, CAP = 5, 28, 12


@pytest.fixture(scope="module")
def weights(tiny_checkpoint: Path) -> T5Weights:
    return T5Weights.of(load_network(tiny_checkpoint, dtype=torch.float32))


def random_contexts(count: int) -> list[list[int]]:
    draw = random.Random(2)
    return [[draw.randrange(3, 150) for _ in range(draw.randrange(2, 30))] for _ in range(count)]


class GreedyLoop(torch.nn.Module):
    """Greedy search over one context as one writes it in Python, to be traced."""

    def __init__(self, weights: T5Weights) -> None:
        super().__init__()
        self.encoder = Encoder(weights, Matrix)
        self.search = Search(weights, Matrix)
        self.past_shape = (1, 2, weights.heads, CAP, weights.head_size)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        memory = self.encoder(
            ids, torch.ones_like(ids).sum(0, keepdim=True), torch.arange(ids.shape[0])
        )
        past = [torch.zeros(self.past_shape) for _ in memory]
        unseen = torch.zeros(1, 1, 1, 1)
        bias = self.search._bias(CAP)
        written = [torch.tensor([START])]
        while len(written) <= CAP and int(written[-1]) != END:  # what a trace cannot keep
            position = len(written) - 1
            hidden = self.search.embedding.index_select(0, written[-1])
            near = bias.narrow(3, CAP - 1 - position, position + 1)
            for index, layer in enumerate(self.search.layers):
                hidden = layer(hidden, position, past[index], near, memory[index], unseen)
            written.append(self.search.output(self.search.norm(hidden)).argmax(1))
        return torch.cat(written[1:])


def compiled_ids(module: torch.jit.ScriptModule, context: list[int]) -> list[int]:
    memory, lengths = module.encode([context])
    found = module.search(memory, lengths, [0], [[START]], [END], [CAP], [1.0], None, [0])
    ids: list[int] = found[0][0]
    return ids


def test_a_traced_loop_keeps_its_examples_length_and_a_scripted_one_finds_its_own(
    weights: T5Weights,
) -> None:
    loop = GreedyLoop(weights).eval()
    scripted = compile_network(weights, dtype=Dtype.FLOAT32)
    with torch.inference_mode():
        right = {tuple(one): loop(torch.tensor(one)).tolist() for one in random_contexts(40)}
        for context, ids in right.items():
            assert compiled_ids(scripted, list(context)) == ids
    shorter = min(right, key=lambda context: len(right[context]))
    longer = max(right, key=lambda context: len(right[context]))
    assert len(right[shorter]) < len(right[longer])
    for example, other in ((shorter, longer), (longer, shorter)):
        with (
            torch.no_grad(),
            pytest.warns(TracerWarning),
            announced_deprecations(),
        ):
            traced = torch.jit.trace(loop, torch.tensor(example), check_trace=False)
        with torch.no_grad():
            assert traced(torch.tensor(example)).tolist() == right[example]
            wrong = traced(torch.tensor(other)).tolist()
        assert wrong != right[other]
        # The tokens are the other context's; how many there are is the example's.
        assert len(wrong) == len(right[example])
        both = min(len(wrong), len(right[other]))
        assert wrong[:both] == right[other][:both]


def test_a_traced_encoder_is_the_encoder_for_every_number_and_length_of_contexts(
    weights: T5Weights,
) -> None:
    encoder = Encoder(weights, Matrix).eval()
    with announced_deprecations():
        traced = trace_encoder(encoder)
    for contexts in (random_contexts(1), random_contexts(7), [[3] * 200, [4]]):
        ids = torch.tensor([token for context in contexts for token in context])
        lengths = torch.tensor([len(context) for context in contexts])
        grid = torch.arange(int(lengths.max()))
        with torch.no_grad():
            for mine, other in zip(
                traced(ids, lengths, grid), encoder(ids, lengths, grid), strict=True
            ):
                assert torch.equal(mine, other)


def test_logits_along_given_tokens_are_those_of_transformers(tiny_checkpoint: Path) -> None:
    network = load_network(tiny_checkpoint, dtype=torch.float32)
    module = compile_network(T5Weights.of(network), dtype=Dtype.FLOAT32)
    context, ids = [7, 19, 42, 8], [5, 9, 33, 80, 3, 3]
    with torch.inference_mode():
        expected = network(
            input_ids=torch.tensor([context]), decoder_input_ids=torch.tensor([ids])
        ).logits[0]
        torch.testing.assert_close(module.logits(context, ids), expected, rtol=1e-4, atol=1e-3)


def test_the_search_holds_the_loop_and_the_encoder_none(weights: T5Weights) -> None:
    module = compile_network(weights, dtype=Dtype.FLOAT32)
    assert "prim::Loop" in str(module.search.graph)
    with announced_deprecations():
        assert "prim::Loop" not in str(trace_encoder(Encoder(weights, Matrix).eval()).graph)


@pytest.mark.parametrize("dtype", [Dtype.FLOAT32, Dtype.INT8])
def test_an_export_is_one_frozen_module(
    tiny_checkpoint: Path, tmp_path: Path, dtype: Dtype
) -> None:
    network = load_network(tiny_checkpoint, dtype=torch.float32)
    written = export_torchscript(network, tmp_path, dtype=dtype)
    assert written == [tmp_path / "torchscript" / "model.pt"]
    with announced_deprecations():
        module = torch.jit.load(str(written[0]))
    assert list(module.parameters()) == []
    assert list(module.buffers()) == []
    assert module.vocabulary == network.get_parameter("shared.weight").shape[0]
    assert compiled_ids(module, [7, 8, 9])


def test_an_exported_network_is_left_as_it_was(tiny_checkpoint: Path, tmp_path: Path) -> None:
    network = load_network(tiny_checkpoint, dtype=torch.float32)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    export_torchscript(network, tmp_path, dtype=Dtype.INT8)
    for name, tensor in network.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), before[name].numpy())
