"""The network: T5, loaded strictly and never from a pickle.

This is the file TorchServe's ``--model-file`` puts at the root of the ``.mar``;
``todserve.runtime.checkpoint`` imports it by path, and the torch engine calls it for every request.
``todserve.runtime`` is importable beside it, in the checkout and in the archive.
Example: ``PlugAndPlayT5.load(Path("checkpoints/multiwoz-small"))``.

One class, because TorchServe refuses a model file with two. Any Hugging Face T5 folder fits, a
PPTOD checkpoint among them: the tasks live in the prompts, not in the network.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

import torch
from transformers import T5Config, T5ForConditionalGeneration

from todserve.runtime.errors import ConfigError
from todserve.runtime.networks.stored_weights import check_weights, read_config, read_weights


class PlugAndPlayT5(T5ForConditionalGeneration):
    """T5 with one embedding for encoder, decoder and (unless the checkpoint says not) output."""

    def __init__(self, config: T5Config) -> None:
        """Build the network with random weights, as training from scratch wants it."""
        super().__init__(config)

    @classmethod
    def load(cls, folder: Path, *, dtype: torch.dtype = torch.float32) -> Self:
        """Build from ``config.json`` and the weights beside it, ready for inference.

        However the weights are stored (a small checkpoint is kept in fp16; `read_weights` says in
        which files), they are cast to ``dtype``.

        Args:
            folder: a checkpoint folder.
            dtype: float32 or bfloat16. float16 is refused: T5's activations overflow it.

        Raises:
            ConfigError: a file is missing or unreadable, or a weight is missing, unexpected, of
                another shape than ``config.json`` gives, or not finite.
        """
        if dtype not in (torch.float32, torch.bfloat16):
            raise ConfigError(f"dtype {dtype} for T5; expected torch.float32 or torch.bfloat16")
        config = T5Config.from_dict(read_config(folder))
        weights = read_weights(folder)
        # T5's first release saved a bias that no T5 ever used.
        weights.pop("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight", None)
        # On the meta device the random initialisation costs neither time nor memory.
        with torch.device("meta"):
            network = cls(config)
        tied_output = network._resolve_aliases(weights, folder)
        check_weights(network, weights, folder)
        cast = {name: tensor.to(dtype) for name, tensor in weights.items()}
        network.load_state_dict(cast, strict=True, assign=True)
        # load_state_dict gave each alias a Parameter of its own; training needs them to be one.
        network.encoder.set_input_embeddings(network.shared)
        network.decoder.set_input_embeddings(network.shared)
        if tied_output:
            network.lm_head.weight = network.shared.weight
        network.train(False)
        return network

    def _resolve_aliases(self, weights: dict[str, torch.Tensor], folder: Path) -> bool:
        """Give every name of the shared embedding its tensor; return whether the output is tied."""
        inputs = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
        # T5 v1.1 alone has an output matrix of its own, and alone leaves decoder states unscaled.
        tied_output = bool(self.config.scale_decoder_outputs) or not (
            "lm_head.weight" in weights
            and any(name in weights for name in inputs)
            and not self._same(weights, ("lm_head.weight", *inputs))
        )
        names = (*inputs, "lm_head.weight") if tied_output else inputs
        present = [name for name in names if name in weights]
        if not present:
            raise ConfigError(f"{folder} lacks weight 'shared.weight'; is it a T5 checkpoint?")
        if not self._same(weights, names):
            raise ConfigError(
                f"{folder}: {', '.join(present)} differ, but config.json ties them; a T5 v1.1 "
                'checkpoint needs "tie_word_embeddings": false'
            )
        for name in names:
            weights[name] = weights[present[0]]
        return tied_output

    @staticmethod
    def _same(weights: dict[str, torch.Tensor], names: Iterable[str]) -> bool:
        tensors = [weights[name] for name in names if name in weights]
        return all(torch.equal(tensors[0], other) for other in tensors[1:])
