"""PyTorch's logits: what the reference network predicts along tokens that are given.

The fidelity measurement holds the logits of every export against these. Example:
``TorchLogits(network).logits((5, 17, 3), (9,), (4, 4)).shape == (3, vocabulary)``.
"""

from collections.abc import Sequence
from typing import Any

import torch

from todserve.runtime.engines.engine import Logits


class TorchLogits:
    """A T5ForConditionalGeneration, by one pass of its decoder."""

    def __init__(self, network: torch.nn.Module) -> None:
        """Use ``network`` in its own dtype and on its device."""
        self._network: Any = network.eval()

    @torch.inference_mode()
    def logits(self, context: Sequence[int], prefix: Sequence[int], ids: Sequence[int]) -> Logits:
        """Run the decoder once over all tokens."""
        words = torch.tensor([list(context)], device=self._network.device)
        written = torch.tensor([[*prefix, *ids]], device=self._network.device)
        steps = self._network(
            input_ids=words,
            attention_mask=torch.ones_like(words),
            decoder_input_ids=written,
            use_cache=False,
        ).logits[0]
        found: Logits = steps[len(prefix) - 1 :].float().cpu().numpy()
        return found
