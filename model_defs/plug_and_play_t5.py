"""The network: T5, loaded strictly and never from a pickle.

This is the file TorchServe's ``--model-file`` puts at the root of the ``.mar``; it stands below
the engine on the way of a request (``todserve.runtime.checkpoint`` imports it by path, the torch
engine drives it). ``todserve.runtime`` is importable beside it, in the checkout and in the archive.
Example: ``PlugAndPlayT5.load(Path("checkpoints/multiwoz-small"))``.

One class, because TorchServe refuses a model file with two. Any Hugging Face T5 folder fits, a
PPTOD checkpoint among them: the tasks live in the prompts, not in the network.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import T5Config, T5ForConditionalGeneration

from todserve.runtime.errors import ConfigError
from todserve.runtime.inner_paths import inner_path


class PlugAndPlayT5(T5ForConditionalGeneration):
    """T5 with one embedding for encoder, decoder and (unless the checkpoint says not) output."""

    def __init__(self, config: T5Config) -> None:
        """Build the network with random weights, as training from scratch wants it."""
        super().__init__(config)

    @classmethod
    def load(cls, folder: Path, *, dtype: torch.dtype = torch.float32) -> Self:
        """Build from ``config.json`` and the weights beside it, ready for inference.

        Weights come from ``model.safetensors``, from the shards that
        ``model.safetensors.index.json`` names, or from ``pytorch_model.bin`` read with
        ``weights_only=True``, in this order. However they are stored (a small checkpoint is kept
        in fp16), they are cast to ``dtype``.

        Args:
            folder: a checkpoint folder.
            dtype: float32 or bfloat16. float16 is refused: T5's activations overflow it.

        Raises:
            ConfigError: a file is missing or unreadable, or a weight is missing, unexpected, of
                another shape than ``config.json`` gives, or not finite.
        """
        if dtype not in (torch.float32, torch.bfloat16):
            raise ConfigError(f"dtype {dtype} for T5; expected torch.float32 or torch.bfloat16")
        config = cls._read_config(folder)
        weights = cls._read_weights(folder)
        # On the meta device the random initialisation costs neither time nor memory.
        with torch.device("meta"):
            network = cls(config)
        tied_output = network._resolve_aliases(weights, folder)
        network._check(weights, folder)
        cast = {name: tensor.to(dtype) for name, tensor in weights.items()}
        network.load_state_dict(cast, strict=True, assign=True)
        # load_state_dict gave each alias a Parameter of its own; training needs them to be one.
        network.encoder.set_input_embeddings(network.shared)
        network.decoder.set_input_embeddings(network.shared)
        if tied_output:
            network.lm_head.weight = network.shared.weight
        network.train(False)
        return network

    @staticmethod
    def _read_config(folder: Path) -> T5Config:
        path = folder / "config.json"
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot read {path}: {error}; expected a T5 config.json") from error
        if not isinstance(fields, dict) or fields.get("model_type") != "t5":
            found = fields.get("model_type") if isinstance(fields, dict) else type(fields).__name__
            raise ConfigError(f"{path}: model_type is {found!r}; expected 't5'")
        return T5Config.from_dict(fields)

    @staticmethod
    def _read_weights(folder: Path) -> dict[str, torch.Tensor]:
        single = folder / "model.safetensors"
        index = folder / "model.safetensors.index.json"
        pickled = folder / "pytorch_model.bin"
        weights: dict[str, torch.Tensor] = {}
        try:
            if single.is_file():
                weights = load_file(single)
            elif index.is_file():
                shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
                # A cache of downloads links them to files elsewhere.
                for path in [
                    inner_path(folder, shard, said_by=index.name, links=True)
                    for shard in sorted(shards)
                ]:
                    weights |= load_file(path)
            elif pickled.is_file():
                # weights_only refuses everything in the file that is not a tensor.
                weights = torch.load(pickled, map_location="cpu", weights_only=True)
            else:
                raise ConfigError(
                    f"no weights in {folder}; expected model.safetensors, "
                    "model.safetensors.index.json or pytorch_model.bin"
                )
        except ConfigError:
            raise
        except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
            raise ConfigError(f"cannot read the weights in {folder}: {error}") from error
        except Exception as error:  # pickle.UnpicklingError and whatever a foreign pickle provokes
            raise ConfigError(
                f"{pickled} is not a plain state dict: {type(error).__name__}; convert it to "
                "model.safetensors where you trust it"
            ) from error
        if not isinstance(weights, dict) or not all(
            isinstance(tensor, torch.Tensor) for tensor in weights.values()
        ):
            raise ConfigError(f"{pickled} is not a plain state dict of tensors")
        # T5's first release saved a bias that no T5 ever used.
        weights.pop("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight", None)
        return weights

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

    def _check(self, weights: dict[str, torch.Tensor], folder: Path) -> None:
        expected = {name: tuple(tensor.shape) for name, tensor in self.state_dict().items()}
        problems = [f"missing {name}" for name in sorted(expected.keys() - weights.keys())]
        problems += [f"unexpected {name}" for name in sorted(weights.keys() - expected.keys())]
        for name in sorted(expected.keys() & weights.keys()):
            tensor = weights[name]
            if tuple(tensor.shape) != expected[name]:
                problems.append(
                    f"{name} has shape {list(tensor.shape)}, config.json gives "
                    f"{list(expected[name])}"
                )
            elif not tensor.is_floating_point():
                problems.append(f"{name} is {tensor.dtype}, expected a floating-point type")
            elif not bool(torch.isfinite(tensor).all()):
                problems.append(f"{name} is not finite (was it cast to fp16 with overflow?)")
        if problems:
            shown = "; ".join(problems[:5])
            more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
            raise ConfigError(f"the weights in {folder} do not fit config.json: {shown}{more}")
