import numpy as np
import pytest
import torch

from tests.support.source_tree import ROOT
from todserve.runtime.engines.torchscript.torchscript_layers import (
    FeedForwardLayer,
    Int8Matrix,
    Matrix,
    Norm,
    joined,
)
from todserve.runtime.networks.network_weights import Array, FeedForward, T5Encoder, T5Weights

NONE = np.zeros((0, 2), dtype=np.float32)


def two_wide(activation: str = "relu", epsilon: float = 0.0) -> T5Weights:
    """Weights of a T5 without layers, d_model 2."""
    return T5Weights(
        heads=1,
        head_size=2,
        epsilon=epsilon,
        activation=activation,
        embedding=np.zeros((3, 2), dtype=np.float32),
        encoder=T5Encoder(
            layers=(),
            norm=np.ones(2, dtype=np.float32),
            bias=np.zeros((3, 1), dtype=np.float32),
        ),
        decoder=(),
        decoder_norm=np.ones(2, dtype=np.float32),
        decoder_bias=np.zeros((2, 1), dtype=np.float32),
        output=np.zeros((2, 3), dtype=np.float32),
    )


def array(*rows: tuple[float, ...]) -> Array:
    return np.array(rows, dtype=np.float32)


@pytest.mark.parametrize(
    ("hidden", "scale", "epsilon", "expected"),
    [
        # The mean square of (3, 4) is 12.5, that of (1, 7) 25.
        ((1.0, 7.0), (1.0, 1.0), 0.0, (0.2, 1.4)),
        ((1.0, 7.0), (10.0, -1.0), 0.0, (2.0, -1.4)),
        ((1.0, 7.0), (1.0, 1.0), 75.0, (0.1, 0.7)),
        ((0.0, 0.0), (1.0, 1.0), 4.0, (0.0, 0.0)),
    ],
)
def test_norm_divides_by_the_root_of_the_mean_square(
    hidden: tuple[float, float],
    scale: tuple[float, float],
    epsilon: float,
    expected: tuple[float, float],
) -> None:
    norm = Norm(two_wide(epsilon=epsilon), np.array(scale, dtype=np.float32))
    assert norm(torch.tensor([hidden]))[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_norm_of_a_large_state_does_not_overflow() -> None:
    norm = Norm(two_wide(epsilon=1e-6), np.ones(2, dtype=np.float32))
    assert norm(torch.tensor([[1e15, 0.0]]))[0].tolist() == pytest.approx([2**0.5, 0.0])


def test_joined_matrices_give_their_outputs_side_by_side() -> None:
    whole = joined(array((1, 2), (3, 4)), array((5,), (6,)))
    assert whole.tolist() == [[1, 2, 5], [3, 4, 6]]


@pytest.mark.parametrize(
    ("activation", "gate", "expected"),
    [
        # The norm makes (0.2, 1.4) of (1, 7). Inner: 5 x 0.2 = 1 and -1.4.
        ("relu", None, (1 + 1, 7 + 0)),
        # Times the gate's 1.4 and 0.2.
        ("relu", array((0, 1), (1, 0)), (1 + 1.4, 7 + 0)),
        # gelu(1) = 0.841192, gelu(-1.4) = -0.113292 in the tanh form.
        ("gelu_new", None, (1.841192, 6.886708)),
        ("gelu_new", array((0, 1), (1, 0)), (1 + 1.4 * 0.841192, 7 - 0.2 * 0.113292)),
    ],
)
def test_feed_forward_adds_what_it_makes_of_the_normed_state(
    activation: str, gate: Array | None, expected: tuple[float, float]
) -> None:
    part = FeedForward(
        norm=np.ones(2, dtype=np.float32),
        inner=array((5, 0), (0, -1)),
        gate=gate,
        outer=array((1, 0), (0, 1)),
    )
    layer = FeedForwardLayer(two_wide(activation), part, Matrix)
    assert layer(torch.tensor([[1.0, 7.0]]))[0].tolist() == pytest.approx(expected, abs=1e-4)


def test_an_unknown_activation_is_refused() -> None:
    part = FeedForward(norm=np.ones(2, np.float32), inner=NONE, gate=None, outer=NONE)
    with pytest.raises(ValueError, match="activation 'silu'; expected relu or gelu_new"):
        FeedForwardLayer(two_wide("silu"), part, Matrix)


@pytest.mark.parametrize("kind", [Matrix, Int8Matrix])
def test_both_matrices_give_the_product_and_add_it(kind: type[Matrix] | type[Int8Matrix]) -> None:
    # Numbers that eight bits hold exactly: weights up to 127 of each output's largest, inputs
    # whose range is 255 steps.
    matrix = kind(array((127, 0), (0, 254), (64, -2)))
    rows = torch.tensor([[255.0, 0.0, 1.0], [0.0, 2.0, 10.0]])
    expected = torch.tensor([[127.0 * 255 + 64, -2.0], [640.0, 508.0 - 20]])
    torch.testing.assert_close(matrix(rows), expected)
    torch.testing.assert_close(matrix.onto(torch.full((2, 2), 0.5), rows), expected + 0.5)


def test_int8_errs_by_less_than_its_steps_allow() -> None:
    draw = np.random.default_rng(1)
    # One output a thousand times larger than the others: each has a scale of its own.
    weight = (draw.normal(size=(64, 8)) * [1, 1, 1, 1000, 1, 1, 1, 1]).astype(np.float32)
    rows = torch.from_numpy(draw.normal(size=(5, 64)).astype(np.float32))
    exact = rows.double() @ torch.from_numpy(weight).double()
    error = (Int8Matrix(weight)(rows).double() - exact).abs()
    step_in = float(rows.max() - rows.min()) / 255
    step_weight = np.abs(weight).max(axis=0) / 127
    bound = (np.abs(weight).sum(axis=0) * step_in / 2) + (
        step_weight / 2 * rows.abs().sum(dim=1).max().item() + 64 * step_in * step_weight / 4
    )
    assert (error.numpy() <= bound * 1.01).all()
    assert float(error.max()) > 0


def test_an_output_without_weights_is_zero_in_int8() -> None:
    assert Int8Matrix(array((0, 1), (0, 2)))(torch.tensor([[3.0, 4.0]]))[0, 0].item() == 0


def test_the_modules_of_the_export_import_no_transformers() -> None:
    folder = ROOT / "todserve" / "runtime" / "engines" / "torchscript"
    written = {path: path.read_text(encoding="utf-8") for path in folder.glob("torchscript_*.py")}
    assert len(written) >= 5
    assert [path.name for path, text in written.items() if "import transformers" in text] == []
