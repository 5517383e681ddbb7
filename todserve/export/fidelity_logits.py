"""LogitSource: what a network predicts along tokens that are given, whatever runs it.

Below the fidelity report: engines only say what they chose, and an export can be compared with
its checkpoint more finely than that. Teacher forcing: row t is predicted from the tokens before t.
Example: ``OnnxLogits(folder).logits((5, 17, 3), (9,), (4, 4)).shape == (3, vocabulary)``.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.engines.engine_settings import EngineName
from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import read_json

if TYPE_CHECKING:
    import torch

Logits = NDArray[np.float32]
"""(steps, vocabulary)."""


class LogitSource(Protocol):
    """A network that tells its logits."""

    def logits(self, context: Sequence[int], prefix: Sequence[int], ids: Sequence[int]) -> Logits:
        """Return the logits of each token of ``ids`` and of the one after them.

        Args:
            context: encoder ids, at least one.
            prefix: decoder ids, at least the start token; they are not predicted.
            ids: decoder ids that follow.

        Returns:
            (len(ids) + 1, vocabulary), float32, before any softmax or temperature.
        """
        ...


def open_logits(folder: Path, engine: EngineName) -> LogitSource:
    """Return the logits of an export folder's files for ``engine``.

    Raises:
        ConfigError: a file is missing, or the engine needs no export.
    """
    sources: dict[EngineName, Callable[[Path], LogitSource]] = {
        EngineName.TORCHSCRIPT: TorchScriptLogits,
        EngineName.ONNX: OnnxLogits,
        EngineName.CTRANSLATE2: CTranslate2Logits,
    }
    if engine not in sources:
        raise ConfigError(f"no logits of engine {engine}; expected one of {', '.join(sources)}")
    return sources[engine](folder)


class TorchLogits:
    """The reference: a T5ForConditionalGeneration in float32."""

    def __init__(self, network: "torch.nn.Module") -> None:
        """Use ``network`` in its own dtype and on its device."""
        from todserve.evaluation.metrics.forced_passages import Forced

        self._forced = Forced(network)

    def logits(self, context: Sequence[int], prefix: Sequence[int], ids: Sequence[int]) -> Logits:
        """Run the decoder once over all tokens."""
        from todserve.evaluation.metrics.forced_passages import Passage
        from todserve.runtime.language.tasks import TaskName

        passage = Passage(
            task=TaskName.RESPONSE,  # of no effect on what the network predicts
            context=tuple(context),
            prefix=tuple(prefix),
            # One row for each token of the target; which token the last is does not matter.
            target=(*ids, prefix[0]),
        )
        found: Logits = self._forced([passage]).cpu().numpy()
        return found


class TorchScriptLogits:
    """The exported TorchScript module, by its method ``logits``."""

    def __init__(self, folder: Path) -> None:
        """Load the module of an export folder.

        Raises:
            ConfigError: it is missing, cannot be loaded, or does not tell its logits.
        """
        from todserve.runtime.engines.torchscript.torchscript_engine import MODEL_FILE, load_module

        self._module: Any = load_module(folder / MODEL_FILE)
        if not hasattr(self._module, "logits"):
            raise ConfigError(
                f"{folder / MODEL_FILE} has no method 'logits'; export the checkpoint again with "
                "this version"
            )

    def logits(self, context: Sequence[int], prefix: Sequence[int], ids: Sequence[int]) -> Logits:
        """Take one step for each token, inside the module."""
        import torch

        jit: Any = torch.jit  # does not name this function to type checkers
        with torch.inference_mode(), jit.optimized_execution(False):
            steps = self._module.logits(list(context), [*prefix, *ids])
        found: Logits = steps[len(prefix) - 1 :].numpy()
        return found


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


class CTranslate2Logits:
    """The exported CTranslate2 model, forced along the tokens by its ``target_prefix``."""

    def __init__(self, folder: Path) -> None:
        """Load the model of an export folder.

        Raises:
            ConfigError: it is missing or cannot be loaded.
        """
        from todserve.runtime.engines.ctranslate2.ctranslate2_engine import (
            VOCABULARY_FILE,
            open_translator,
        )

        self._translator = open_translator(folder, replicas=1, threads=1)
        vocabulary = folder / "ctranslate2" / VOCABULARY_FILE
        self._names: list[str] = read_json(vocabulary)

    def logits(self, context: Sequence[int], prefix: Sequence[int], ids: Sequence[int]) -> Logits:
        """Let it generate one token after all that is given; it tells every step's logits."""
        given = [self._names[token] for token in (*prefix, *ids)]
        (result,) = self._translator.translate_batch(
            [[self._names[token] for token in context]],
            target_prefix=[given],
            beam_size=1,
            min_decoding_length=0,
            max_decoding_length=len(given),  # its first token does not count
            max_input_length=0,
            return_end_token=True,
            return_logits_vocab=True,
        )
        steps = [np.asarray(one) for one in result.logits[0]]
        return np.stack(steps[len(prefix) - 1 :])


def _session(path: Path) -> Any:
    import onnxruntime

    if not path.is_file():
        raise ConfigError(f"no {path}; `tod export --format onnx` writes it")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own making
        raise ConfigError(f"cannot load {path}: {error}; export the checkpoint again") from error
