"""TorchScript's logits: what the exported module predicts along tokens that are given.

The fidelity measurement compares them with PyTorch's, to tell how true the export is. Example:
``TorchScriptLogits(folder).logits((5, 17, 3), (9,), (4, 4)).shape == (3, vocabulary)``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from todserve.runtime.engines.engine import Logits
from todserve.runtime.engines.torchscript.torchscript_engine import MODEL_FILE, load_module
from todserve.runtime.errors import ConfigError


class TorchScriptLogits:
    """The exported module, by its method ``logits``."""

    def __init__(self, folder: Path) -> None:
        """Load the module of an export folder.

        Raises:
            ConfigError: it is missing, cannot be loaded, or does not tell its logits.
        """
        self._module: Any = load_module(folder / MODEL_FILE)
        if not hasattr(self._module, "logits"):
            raise ConfigError(
                f"{folder / MODEL_FILE} has no method 'logits'; export the checkpoint again with "
                "this version"
            )

    def logits(self, context: Sequence[int], prefix: Sequence[int], ids: Sequence[int]) -> Logits:
        """Take one step for each token, inside the module."""
        jit: Any = torch.jit  # does not name this function to type checkers
        with torch.inference_mode(), jit.optimized_execution(False):
            steps = self._module.logits(list(context), [*prefix, *ids])
        found: Logits = steps[len(prefix) - 1 :].numpy()
        return found
