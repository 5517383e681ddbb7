"""Optimisers and the learning rate over time.

Stands beside the loop. Warm-up, a constant stretch, then a linear fall to zero: the constant
stretch can be continued from any of its checkpoints when there is more time to train.
"""

from collections.abc import Iterable

import torch
from torch import nn
from transformers import Adafactor

from todserve.training.config import OptimizerName, TrainingConfig


def optimizers_for(network: nn.Module, config: TrainingConfig) -> list[torch.optim.Optimizer]:
    """Return the optimisers that together update every parameter once.

    Muon takes the matrices inside the blocks; embeddings, norms and position biases, which are no
    linear maps between activations, go to AdamW.
    """
    parameters = [(name, value) for name, value in network.named_parameters()]
    if config.optimizer is OptimizerName.ADAFACTOR:
        return [
            Adafactor(
                network.parameters(),
                lr=config.learning_rate,
                scale_parameter=False,
                relative_step=False,
            )
        ]
    matrices = []
    if config.optimizer is OptimizerName.MUON:
        matrices = [value for name, value in parameters if _is_inner_matrix(name, value)]
    chosen = {id(value) for value in matrices}
    rest = [value for _, value in parameters if id(value) not in chosen]
    optimizers: list[torch.optim.Optimizer] = [_adamw(rest, config)]
    if matrices:
        optimizers.append(
            torch.optim.Muon(
                matrices,
                lr=config.matrix_learning_rate,
                weight_decay=config.weight_decay,
                momentum=0.95,
                adjust_lr_fn="original",
            )
        )
    return optimizers


def _is_inner_matrix(name: str, value: torch.Tensor) -> bool:
    return value.ndim == 2 and ".block." in name and "relative_attention_bias" not in name


def _adamw(parameters: Iterable[torch.Tensor], config: TrainingConfig) -> torch.optim.AdamW:
    return torch.optim.AdamW(
        parameters,
        lr=config.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=config.weight_decay if config.optimizer is OptimizerName.ADAMW else 0.0,
        fused=True,
    )


def rate_factor(step: int, config: TrainingConfig) -> float:
    """Return the factor on the learning rate of step ``step`` (from 0)."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    left = config.steps - step
    if left < config.decay_steps:
        return max(0.0, left / config.decay_steps)
    return 1.0
