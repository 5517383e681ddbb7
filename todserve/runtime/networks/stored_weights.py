"""Stored weights: what a folder of weights holds, read without running anything of it.

Both network classes in ``model_defs/`` load through it, so that a missing, misshapen or infinite
weight is refused the same way everywhere.
Example: ``read_weights(Path("checkpoints/multiwoz"))["shared.weight"].shape``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from todserve.runtime.errors import ConfigError
from todserve.runtime.inner_paths import inner_path
from todserve.runtime.untrusted.json_text import read_json

if TYPE_CHECKING:
    import torch

_MOST = {
    **dict.fromkeys(("num_layers", "num_decoder_layers", "num_hidden_layers"), 512),
    **dict.fromkeys(("num_heads", "num_attention_heads"), 4_096),
    **dict.fromkeys(("d_model", "hidden_size", "d_kv", "type_vocab_size"), 1 << 16),
    **dict.fromkeys(("d_ff", "intermediate_size", "max_position_embeddings"), 1 << 20),
    "relative_attention_num_buckets": 1 << 16,
    "relative_attention_max_distance": 1 << 20,
    "vocab_size": 1 << 22,
    "num_labels": 1 << 16,
}
_MAY_BE_NULL = frozenset({"num_decoder_layers"})  # as many as the encoder has
_LONGEST_SHOWN = 40
_SHOWN = 5  # problems an error names before it counts the rest


def read_config(folder: Path) -> dict[str, Any]:
    """Return the fields of a folder's ``config.json``, which must describe a T5.

    Raises:
        ConfigError: the file is missing, unreadable or another model's.
    """
    path = folder / "config.json"
    try:
        fields = read_json(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}: {error}; expected a T5 config.json") from error
    if not isinstance(fields, dict) or fields.get("model_type") != "t5":
        found = fields.get("model_type") if isinstance(fields, dict) else type(fields).__name__
        raise ConfigError(f"{path}: model_type is {found!r}; expected 't5'")
    check_sizes(fields, path)
    return fields


def check_sizes(fields: Mapping[str, Any], path: Path) -> None:
    """Refuse the sizes of a network that nobody trains, before anything is built of them.

    Args:
        fields: of a ``config.json``; those of its ``encoder_config`` are looked at as well.
        path: of the file.

    Raises:
        ConfigError: one is no whole number from 1 to its bound.
    """
    for name, value in fields.items():
        most = _MOST.get(name)
        if most is None or (value is None and name in _MAY_BE_NULL):
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            shown = repr(value)[:_LONGEST_SHOWN]
            raise ConfigError(
                f"{path}: {name}: got {shown}; expected a whole number from 1 to {most}"
            )
    inner = fields.get("encoder_config")
    if isinstance(inner, dict) and inner is not fields:
        check_sizes({**inner, "encoder_config": None}, path)


def read_weights(folder: Path) -> dict[str, "torch.Tensor"]:
    """Return every weight of a folder by its name, as it is stored.

    Weights come from ``model.safetensors`` or ``pytorch_model.bin``, or from the shards that the
    index beside either's name lists; tensors first, pickles after. Pickles are read with
    ``weights_only=True``, which refuses everything in the file that is not a tensor.

    Raises:
        ConfigError: there are none, or they cannot be read as plain tensors.
    """
    import torch
    from safetensors.torch import load_file

    weights: dict[str, torch.Tensor] = {}
    for path in _weight_files(folder):
        try:
            if path.suffix == ".safetensors":
                part = load_file(path)
            else:
                # weights_only refuses everything in the file that is not a tensor.
                part = torch.load(path, map_location="cpu", weights_only=True)
        except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
            why = _instead(path) or str(error)
            raise ConfigError(f"cannot read the weights in {folder}: {why}") from error
        except Exception as error:  # pickle.UnpicklingError, whatever a foreign pickle provokes
            raise ConfigError(
                f"{path} is not a plain state dict: {_instead(path) or type(error).__name__}; "
                "convert it to model.safetensors where you trust it"
            ) from error
        if not isinstance(part, dict) or not all(
            isinstance(tensor, torch.Tensor) for tensor in part.values()
        ):
            raise ConfigError(f"{path} is not a plain state dict of tensors")
        weights |= part
    return weights


def _instead(path: Path) -> str:
    """Return what a file is that should be weights, where its first bytes tell; else ""."""
    try:
        with path.open("rb") as stream:
            head = stream.read(64).lstrip()
    except OSError:
        return ""
    if head.startswith(b"version https://git-lfs"):
        return f"{path.name} is a pointer of Git LFS, not the file; `git lfs pull` fetches it"
    if head[:5].lower().startswith((b"<!", b"<html", b"<?xml")):
        return f"{path.name} is a web page; fetch the file again"
    return "" if head else f"{path.name} is empty; fetch the file again"


def _weight_files(folder: Path) -> list[Path]:
    names = ("model.safetensors", "pytorch_model.bin")
    for name in names:
        if (folder / name).is_file():
            return [folder / name]
        index = folder / f"{name}.index.json"
        if index.is_file():
            try:
                places = [*read_json(index)["weight_map"].values()]
            except (OSError, KeyError, TypeError, ValueError, AttributeError):
                places = [None]
            if not places or not all(isinstance(one, str) for one in places):
                raise ConfigError(
                    f"cannot read the weights in {folder}: {index.name} is no index; expected "
                    'JSON with "weight_map": {"NAME": "SHARD", ...}; fetch it again'
                )
            # A cache of downloads links them to files elsewhere.
            return [
                inner_path(folder, shard, said_by=index.name, links=True)
                for shard in sorted(set(places))
            ]
    raise ConfigError(
        f"no weights in {folder}; expected {' or '.join(names)}, or the index of its shards"
    )


def check_weights(
    network: "torch.nn.Module", weights: Mapping[str, "torch.Tensor"], folder: Path
) -> None:
    """Compare stored weights with those a network has.

    Raises:
        ConfigError: one is missing, unexpected, of another shape or no finite floating-point
            number; the first few are named.
    """
    import torch

    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    problems = [f"missing {name}" for name in sorted(expected.keys() - weights.keys())]
    problems += [f"unexpected {name}" for name in sorted(weights.keys() - expected.keys())]
    for name in sorted(expected.keys() & weights.keys()):
        tensor = weights[name]
        if tuple(tensor.shape) != expected[name]:
            problems.append(
                f"{name} has shape {list(tensor.shape)}, config.json gives {list(expected[name])}"
            )
        elif not tensor.is_floating_point():
            problems.append(f"{name} is {tensor.dtype}, expected a floating-point type")
        elif not bool(torch.isfinite(tensor).all()):
            problems.append(f"{name} is not finite (was it cast to fp16 with overflow?)")
    if problems:
        shown = "; ".join(problems[:_SHOWN])
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ConfigError(f"the weights in {folder} do not fit config.json: {shown}{more}")
