"""The lean output loss against PyTorch's cross-entropy over all logits."""

import pytest
import torch

from todserve.training.network.output_loss import output_loss


@pytest.mark.parametrize("count", [1, 31, 256, 300, 545])
@pytest.mark.parametrize("pieces", [5, 64, 1001])
def test_loss_and_gradients_are_those_of_the_plain_way(count: int, pieces: int) -> None:
    torch.manual_seed(count * pieces)
    hidden = torch.randn(count, 24, requires_grad=True)
    table = torch.randn(pieces, 24, requires_grad=True)
    labels, weights = torch.randint(0, pieces, (count,)), torch.rand(count) * 2
    logits = hidden @ table.T
    nats = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    (3 * (nats * weights).sum()).backward()
    plain = [part.grad.clone() for part in (hidden, table) if part.grad is not None]
    hidden.grad = table.grad = None
    lean = output_loss(hidden, table, labels, weights)
    (3 * lean.total).backward()
    torch.testing.assert_close(lean.nats, nats.detach(), rtol=1e-4, atol=1e-5)
    assert torch.equal(lean.right, (logits.argmax(-1) == labels).float())
    assert hidden.grad is not None
    assert table.grad is not None
    torch.testing.assert_close(hidden.grad, plain[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(table.grad, plain[1], rtol=1e-4, atol=1e-4)


def test_hidden_states_of_less_precision_give_gradients_close_to_the_exact() -> None:
    torch.manual_seed(2)
    hidden, table = torch.randn(90, 32), torch.randn(700, 32, requires_grad=True)
    labels, weights = torch.randint(0, 700, (90,)), torch.ones(90)
    (exact,) = torch.autograd.grad(output_loss(hidden, table, labels, weights).total, table)
    rough_loss = output_loss(hidden.bfloat16(), table, labels, weights)
    (rough,) = torch.autograd.grad(rough_loss.total, table)
    assert rough.dtype == torch.float32
    assert ((rough - exact).norm() / exact.norm()).item() < 0.02


def test_large_scores_and_scores_far_apart_stay_finite() -> None:
    hidden = torch.tensor([[300.0], [-300.0]], requires_grad=True)
    table = torch.tensor([[1.0], [-1.0], [0.0]], requires_grad=True)
    loss = output_loss(hidden, table, torch.tensor([0, 0]), torch.ones(2))
    loss.total.backward()
    assert loss.nats.tolist() == pytest.approx([0, 600])
    assert hidden.grad is not None
    assert torch.isfinite(hidden.grad).all()


def test_without_gradients_only_the_figures_are_worked_out() -> None:
    with torch.no_grad():
        loss = output_loss(
            torch.randn(40, 8), torch.randn(9, 8), torch.zeros(40).long(), torch.ones(40)
        )
    assert not loss.total.requires_grad
    assert loss.nats.shape == (40,)
