"""The network run by OpenVINO: our ONNX export, a step at a time, as OpenVINO itself advises.

The OpenVINO peer calls it where the other peers call transformers' ``generate``. The models are the
encoder and the step with past keys and values that `tod export --format onnx` writes in fp32;
OpenVINO then chooses its precision by the processor, bf16 where that has it, as it does for whoever
asks nothing.
Example: ``StockTurns(checkpoint, OpenVinoNetwork(folder / "onnx"))``.
"""

from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from benchmarks.peers.stock_turn import MAX_NEW_TOKENS, Rows

_PAST, _PRESENT, _CROSS = "past_", "present_", "cross_"


class OpenVinoNetwork:
    """Greedy generation of padded batches."""

    def __init__(self, folder: Path, *, precision: str | None = None) -> None:
        """Compile ``encoder.onnx`` and ``step.onnx`` of an export for this processor.

        Args:
            folder: with the models.
            precision: what products are computed in, ``f32`` for one; OpenVINO's choice when None.
        """
        core = openvino.Core()
        if precision is not None:
            core.set_property("CPU", {"INFERENCE_PRECISION_HINT": precision})
        # Read and compiled as they are: convert_model would report its use to the vendor.
        self._encoder = core.compile_model(folder / "encoder.onnx", "CPU")
        self._step = core.compile_model(folder / "step.onnx", "CPU")
        self._past = {
            one.any_name: (one.partial_shape[1].get_length(), one.partial_shape[3].get_length())
            for one in self._step.inputs
            if one.any_name.startswith(_PAST)
        }

    def __call__(self, contexts: Rows, prefixes: Rows, ends: list[int]) -> list[list[int]]:
        """Generate all rows as one padded batch."""
        lengths = np.array([len(context) for context in contexts])
        mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
        ids = np.zeros_like(mask)
        ids[mask == 1] = np.concatenate(contexts)
        memory = _named(self._encoder({"ids": ids, "mask": mask}))
        feed = {name: array for name, array in memory.items() if name.startswith(_CROSS)}
        feed["mask"] = mask
        for name, (heads, size) in self._past.items():
            feed[name] = np.zeros((len(contexts), heads, 0, size), dtype=np.float32)
        rows = [list(prefix) for prefix in prefixes]
        ended = np.zeros(len(rows), dtype=bool)
        width = len(rows[0])
        for place in range(width + MAX_NEW_TOKENS - 1):
            feed["tokens"] = np.array([row[place] for row in rows], dtype=np.int64)
            found = _named(self._step(feed, share_inputs=True))
            for name in self._past:
                feed[name] = found[_PRESENT + name.removeprefix(_PAST)]
            if place < width - 1:
                continue  # what comes next is given
            chosen = np.where(ended, 0, found["logits"].argmax(axis=1))
            for row, token in zip(rows, chosen.tolist(), strict=True):
                row.append(token)
            ended |= np.isin(chosen, ends)
            if ended.all():
                break
        return rows


def _named(results: Any) -> dict[str, NDArray[Any]]:
    return {output.any_name: array for output, array in results.items()}
