"""Schedule: the optimisers, and the learning rate over time.

The training loop makes its optimisers and asks for each step's learning rate with it. Warm-up, a
constant stretch, then a linear fall to zero: the constant stretch can be continued from any of its
checkpoints when there is more time to train. Where the budget is time, the fall follows the clock.
torch's schedulers count their own steps: they know no clock, and their count would have to be saved
and to go back with every step that recovery takes back, so the rate is a plain function of the step
and the seconds.
Example: ``minutes: 60`` and ``decay: 0.5``: the rate falls for the last half hour.
"""

from typing import Any

import torch
from torch import nn
from transformers import Adafactor

from todserve.training.training_config import LearningRates, OptimizerName, TrainingConfig


def optimizers_for(
    network: nn.Module, config: TrainingConfig, *, graphs: bool = False
) -> list[torch.optim.Optimizer]:
    """Return the optimisers that together update every parameter once.

    Muon takes the matrices inside the blocks; embeddings, norms and position biases, which are no
    linear maps between activations, go to AdamW.

    Args:
        network: its parameters.
        config: names the optimiser, its rates and the groups they are for.
        graphs: steps are to be captured in CUDA graphs: AdamW keeps its counts on the device.
    """
    named = dict(network.named_parameters())
    matrices = []
    if config.optimizer is OptimizerName.MUON:
        matrices = [value for name, value in named.items() if _is_inner_matrix(name, value)]
    chosen = {id(value) for value in matrices}
    rest = {name: value for name, value in named.items() if id(value) not in chosen}
    groups = _groups(network, rest, config)
    if config.optimizer is OptimizerName.ADAFACTOR:
        return [
            Adafactor(groups, lr=config.learning_rate, scale_parameter=False, relative_step=False)
        ]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(
            groups,
            lr=config.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=config.weight_decay if config.optimizer is OptimizerName.ADAMW else 0.0,
            fused=True,
            capturable=graphs,
        )
    ]
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


def _groups(
    network: nn.Module, named: dict[str, nn.Parameter], config: TrainingConfig
) -> list[dict[str, Any]]:
    """Return the parameters as groups of one rate each; an empty part makes no group."""
    rates = config.rates
    if rates is None:
        return [{"params": list(named.values())}]
    parts: dict[str, list[nn.Parameter]] = {part: [] for part in LearningRates.model_fields}
    tables = {id(table) for table in _tables(network)}
    for name, value in named.items():
        inner = "encoder" if name.startswith("encoder.") else "decoder"
        parts["embeddings" if id(value) in tables else inner].append(value)
    return [
        {"params": values, "lr": getattr(rates, part)} for part, values in parts.items() if values
    ]


def _tables(network: Any) -> list[nn.Parameter]:
    return [network.get_input_embeddings().weight, network.lm_head.weight]


def _is_inner_matrix(name: str, value: torch.Tensor) -> bool:
    return value.ndim == 2 and ".block." in name and "relative_attention_bias" not in name


def share_done(step: int, seconds: float, config: TrainingConfig) -> float:
    """Return how much of the budget is used up, 1 at its end.

    Of steps and minutes the one that is further counts, and steps beside minutes only where the
    configuration sets them.
    """
    done = step / config.steps
    if config.minutes is not None:
        spent = seconds / (60 * config.minutes)
        done = max(done, spent) if "steps" in config.model_fields_set else spent
    return done


def rate_factor(step: int, config: TrainingConfig, seconds: float = 0.0) -> float:
    """Return the factor on the learning rate of step ``step`` (from 0) at that time of training."""
    rising = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    falling = config.decay if config.decay is not None else config.decay_steps / config.steps
    left = max(0.0, 1 - share_done(step, seconds, config))
    return rising * min(1.0, left / falling) if falling else rising
