"""Make a general start: a checkpoint whose encoder is half its own, half MiniLM's as published.

Training on dialogues moves the encoder away from what a billion pairs of sentences taught it about
the nearness of meanings, which is what intents of one's own are told apart by. The mean of both
keeps most of either (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022). Example:
``python scripts/mean_encoder.py runs/base/checkpoint checkpoints/base``.
"""

import argparse
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from todserve.runtime.language.tokenizer import Tokenizer
from todserve.runtime.networks.stored_weights import read_config
from todserve.training.network.pretrained_encoder import minilm_folder, network_over
from todserve.training.training_config import Network

_WEIGHTS = "model.safetensors"
_SIZES = ("d_kv", "d_ff", "num_decoder_layers", "num_heads")


def main() -> None:
    """Write the mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of MiniLM's weights")
    arguments = parser.parse_args()
    fields = read_config(arguments.checkpoint)
    sizes = Network(**{name: fields[name] for name in _SIZES})
    tokenizer = Tokenizer.load(arguments.checkpoint / "tokenizer.json")
    published = network_over(minilm_folder(), sizes, tokenizer).state_dict()
    own = load_file(arguments.checkpoint / _WEIGHTS)
    mean = {
        name: torch.lerp(value.float(), published[name].float(), arguments.share).half()
        if name.startswith("encoder.") and name in published
        else value
        for name, value in own.items()
    }
    shutil.copytree(arguments.checkpoint, arguments.out)
    save_file(mean, arguments.out / _WEIGHTS, metadata={"format": "pt"})
    moved = sum(not torch.equal(mean[name], own[name]) for name in own)
    print(f"{moved} weights moved, written to {arguments.out}")


if __name__ == "__main__":
    main()
