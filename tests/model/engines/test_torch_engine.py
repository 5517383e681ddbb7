import random
from pathlib import Path

import pytest
import torch

from todserve.runtime.checkpoint import load_network
from todserve.runtime.engines.engine import Generation, Row
from todserve.runtime.engines.torch.torch_engine import TorchEngine
from todserve.runtime.errors import ConfigError

CONTEXT_LENGTHS = (3, 19, 8, 40)


@pytest.fixture
def network(tiny_checkpoint: Path) -> torch.nn.Module:
    return load_network(tiny_checkpoint, dtype=torch.float32)


@pytest.fixture
def contexts() -> list[list[int]]:
    draw = random.Random(5)
    return [[draw.randrange(3, 150) for _ in range(length)] for length in CONTEXT_LENGTHS]


def mixed_rows() -> list[Row]:
    """Prefixes of one to three tokens, caps of 6 to 17, and end tokens that do come up."""
    draw = random.Random(6)
    return [
        Row(
            context=number % len(CONTEXT_LENGTHS),
            prefix=tuple(draw.randrange(3, 150) for _ in range(1 + number % 3)),
            end_id=(127, 33, 28)[number % 3],
            max_new_tokens=6 + number,
        )
        for number in range(12)
    ]


def whole(row: Row, generation: Generation) -> list[int]:
    return [*generation.ids, *([row.end_id] if generation.finished else [])]


def test_ids_are_those_of_transformers_generate_row_by_row(
    network: torch.nn.Module, contexts: list[list[int]]
) -> None:
    rows = mixed_rows()
    expected = [
        network.generate(  # type: ignore[operator]
            input_ids=torch.tensor([contexts[row.context]]),
            decoder_input_ids=torch.tensor([row.prefix]),
            decoder_start_token_id=row.prefix[0],
            eos_token_id=row.end_id,
            max_new_tokens=row.max_new_tokens,
            do_sample=False,
            num_beams=1,
        )[0].tolist()[len(row.prefix) :]
        for row in rows
    ]
    engine = TorchEngine(network)
    got = engine.generate(engine.encode(contexts), rows)
    assert [whole(row, one) for row, one in zip(rows, got, strict=True)] == expected
    # Or nothing was tested: some rows must end by themselves and some by their cap.
    assert {one.finished for one in got} == {True, False}


def test_log_probabilities_are_those_of_teacher_forcing(
    network: torch.nn.Module, contexts: list[list[int]]
) -> None:
    rows = mixed_rows()
    engine = TorchEngine(network)
    for row, generation in zip(rows, engine.generate(engine.encode(contexts), rows), strict=True):
        written = whole(row, generation)
        with torch.inference_mode():
            logits = network(
                input_ids=torch.tensor([contexts[row.context]]),
                decoder_input_ids=torch.tensor([[*row.prefix, *written[:-1]]]),
            ).logits[0, len(row.prefix) - 1 :]
        expected = torch.log_softmax(logits.double(), dim=-1)[range(len(written)), written]
        got = [*generation.log_probs]
        if generation.end_log_prob is not None:
            got.append(generation.end_log_prob)
        assert got == pytest.approx(expected.tolist(), abs=2e-4)


def test_batch_gives_what_each_row_gives_alone(
    network: torch.nn.Module, contexts: list[list[int]]
) -> None:
    engine = TorchEngine(network)
    rows = mixed_rows()
    together = engine.generate(engine.encode(contexts), rows)
    for row, expected in zip(rows, together, strict=True):
        alone_row = Row(
            context=0,
            prefix=row.prefix,
            end_id=row.end_id,
            max_new_tokens=row.max_new_tokens,
        )
        (alone,) = engine.generate(engine.encode([contexts[row.context]]), [alone_row])
        assert alone.ids == expected.ids
        assert alone.finished == expected.finished
        assert alone.log_probs == pytest.approx(expected.log_probs, abs=2e-4)


def test_rows_of_one_context_share_its_encoding(
    network: torch.nn.Module, contexts: list[list[int]]
) -> None:
    encoded: list[tuple[int, ...]] = []
    encoder = network.encoder
    assert isinstance(encoder, torch.nn.Module)
    encoder.register_forward_hook(
        lambda module, arguments, output: encoded.append(tuple(output.last_hidden_state.shape))
    )
    engine = TorchEngine(network)
    encoding = engine.encode(contexts)
    assert encoding.size == len(contexts)
    engine.generate(encoding, mixed_rows())
    engine.generate(encoding, mixed_rows()[:4])
    assert encoded == [(len(contexts), max(CONTEXT_LENGTHS), 32)]


def test_no_rows_give_no_generations(network: torch.nn.Module, contexts: list[list[int]]) -> None:
    engine = TorchEngine(network)
    assert engine.generate(engine.encode(contexts), []) == []


@pytest.mark.parametrize("contexts", [[], [[5], []]])
def test_encode_refuses_empty_contexts(network: torch.nn.Module, contexts: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        TorchEngine(network).encode(contexts)


@pytest.mark.parametrize(
    ("dtype", "fix"),
    [(torch.bfloat16, "dtype float32"), (torch.float32, "weights are damaged")],
)
@pytest.mark.parametrize("damage", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_are_an_error(
    tiny_checkpoint: Path, dtype: torch.dtype, fix: str, damage: float
) -> None:
    network = load_network(tiny_checkpoint, dtype=dtype)
    with torch.no_grad():
        network.get_parameter("decoder.final_layer_norm.weight")[0] = damage
    engine = TorchEngine(network)
    row = Row(context=0, prefix=(5,), end_id=1, max_new_tokens=4)
    with pytest.raises(ConfigError, match=rf"not finite in {dtype}.*{fix}"):
        engine.generate(engine.encode([[5, 6]]), [row])


def test_bfloat16_decodes(tiny_checkpoint: Path, contexts: list[list[int]]) -> None:
    engine = TorchEngine(load_network(tiny_checkpoint, dtype=torch.bfloat16))
    for row, one in zip(
        mixed_rows(), engine.generate(engine.encode(contexts), mixed_rows()), strict=True
    ):
        assert one.ids or one.finished
        assert len(one.ids) <= row.max_new_tokens
        assert all(log_prob <= 0 for log_prob in one.log_probs)
