"""ONNX's logits: what the exported decoder step predicts along tokens that are given.

The fidelity measurement compares them with PyTorch's; the engine's own search cannot serve for it,
since it says only what it chose. Example:
``OnnxLogits(folder).logits((5, 17, 3), (9,), (4, 4)).shape == (3, vocabulary)``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from todserve.runtime.engines.engine import Logits
from todserve.runtime.errors import ConfigError


class OnnxLogits:
    """The exported ONNX encoder and decoder step, driven token by token by ONNX Runtime."""

    def __init__(self, folder: Path) -> None:
        """Load ``onnx/encoder.onnx`` and ``onnx/step.onnx`` of an export folder.

        Raises:
            ConfigError: one is missing or cannot be loaded.
        """
        self._encoder = _session(folder / "onnx" / "encoder.onnx")
        self._step = _session(folder / "onnx" / "step.onnx")
        taken = {one.name for one in self._step.get_inputs()}
        self._memory = [one.name for one in self._encoder.get_outputs() if one.name in taken]
        self._outputs = [one.name for one in self._step.get_outputs()]
        self._past = {
            one.name: (1, one.shape[1], 0, one.shape[3])
            for one in self._step.get_inputs()
            if one.name.startswith("past_")
        }

    def logits(self, context: Sequence[int], prefix: Sequence[int], ids: Sequence[int]) -> Logits:
        """Take one step for each token."""
        words = np.array([context], dtype=np.int64)
        mask = np.ones_like(words)
        memory = self._encoder.run(self._memory, {"ids": words, "mask": mask})
        feed: dict[str, NDArray[Any]] = dict(zip(self._memory, memory, strict=True))
        feed["mask"] = mask
        feed |= {name: np.zeros(shape, dtype=np.float32) for name, shape in self._past.items()}
        steps = []
        for token in (*prefix, *ids):
            feed["tokens"] = np.array([token], dtype=np.int64)
            found = dict(zip(self._outputs, self._step.run(None, feed), strict=True))
            steps.append(found["logits"][0])
            for name in self._past:
                feed[name] = found["present_" + name.removeprefix("past_")]
        return np.stack(steps[len(prefix) - 1 :])


def _session(path: Path) -> Any:
    if not path.is_file():
        raise ConfigError(f"no {path}; `tod export --format onnx` writes it")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own making
        raise ConfigError(f"cannot load {path}: {error}; export the checkpoint again") from error
