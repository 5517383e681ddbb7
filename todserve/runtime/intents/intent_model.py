"""Intent model: how likely each intent is, from the utterance's vector, its words and its letters.

The pipeline asks it after the first engine call and joins it with the intent that the network
wrote. A generated intent is the network's one guess; on a few hundred examples a linear model over
the encoder's vectors, with the n-grams that a project's own vocabulary is made of, is right more
often, and both together more often still. Example:
``model.judged("where is my card", vector, ("card_arrival", 0.7)).name``.

The two are joined as ``linear * log p(model) + generated * log p(network)``; both factors and the
offset of what lies outside were fitted on examples that neither had seen, so that the joined
probability is an honest one.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from todserve.runtime.errors import ConfigError, reason_of
from todserve.runtime.intents.intent_features import weighted
from todserve.runtime.language.dialogue import OUT_OF_SCOPE
from todserve.runtime.whole_files import written_whole

INTENT_MODEL = "intent.safetensors"
"""The file's name in a checkpoint folder; without it the network's own intents are served."""

_VERSION = 1
_LEAST = 1e-6  # of a probability: no certainty outweighs everything else
_TENSORS: Mapping[str, Any] = {
    "grams": np.uint32,
    "rarity": np.float16,
    "gram_weights": np.float16,
    "vector_weights": np.float16,
    "biases": np.float32,
}
_FIX = "fit it anew with `tod fit-intents`, or delete it to serve the network's own intents"


class IntentFacts(BaseModel):
    """What the file of an intent model says beside its matrices.

    Attributes:
        version: of the file's form.
        checkpoint: checksum of the weights whose vectors it was fitted on.
        intents: what is told apart, in the order of the numbers.
        linear: factor of the linear model's log-probabilities.
        generated: factor of the network's.
        outside: added to the score of `OUT_OF_SCOPE`.
        note: what it was fitted on, for whoever reads the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = _VERSION
    checkpoint: str = ""
    intents: tuple[str, ...] = Field(min_length=2)
    linear: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    generated: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    outside: float = Field(default=0.0, allow_inf_nan=False)
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedIntent:
    """An intent and its probability."""

    name: str
    confidence: float


@dataclass(frozen=True, kw_only=True, slots=True)
class IntentModel:
    """A fitted model.

    Attributes:
        facts: names and factors.
        grams: (n-grams,) their names, sorted.
        rarity: (n-grams,) inverse document frequency.
        gram_weights: (n-grams, intents).
        vector_weights: (size of a vector, intents); no row where vectors are not used.
        biases: (intents,).
    """

    facts: IntentFacts
    grams: NDArray[np.uint32]
    rarity: NDArray[np.float16]
    gram_weights: NDArray[np.float16]
    vector_weights: NDArray[np.float16]
    biases: NDArray[np.float32]

    @property
    def needs_vector(self) -> bool:
        """Whether an engine that shows no vectors cannot use it."""
        return len(self.vector_weights) > 0

    def log_probabilities(
        self, utterance: str, vector: NDArray[np.float32] | None
    ) -> NDArray[np.float64]:
        """Return the linear model's alone, one for each intent.

        Args:
            utterance: as typed.
            vector: mean of the utterance's encoder states; None only where none is needed.
        """
        places, weights = weighted(utterance, self.grams, self.rarity.astype(np.float32))
        scores = self.biases + weights @ self.gram_weights[places].astype(np.float32)
        if self.needs_vector and vector is not None:
            scores = scores + unit(vector) @ self.vector_weights.astype(np.float32)
        return _log_softmax(scores.astype(np.float64))

    def judged(
        self,
        utterance: str,
        vector: NDArray[np.float32] | None,
        generated: tuple[str | None, float],
    ) -> JudgedIntent:
        """Return the likeliest intent.

        Args:
            utterance: as typed.
            vector: as in `log_probabilities`.
            generated: the network's own intent, if it wrote one, and its probability.
        """
        joined = self.joined(self.log_probabilities(utterance, vector), generated)
        best = int(joined.argmax())
        return JudgedIntent(
            name=self.facts.intents[best], confidence=min(1.0, math.exp(joined[best]))
        )

    def joined(
        self, linear: NDArray[np.float64], generated: tuple[str | None, float]
    ) -> NDArray[np.float64]:
        """Return log-probabilities from both models'."""
        facts = self.facts
        scores = facts.linear * linear + facts.generated * generated_log_probabilities(
            facts.intents, generated
        )
        if OUT_OF_SCOPE in facts.intents:
            scores[facts.intents.index(OUT_OF_SCOPE)] += facts.outside
        return _log_softmax(scores)

    @classmethod
    def of_folder(cls, folder: Path, *, checkpoint: str) -> "IntentModel | None":
        """Return the model of a checkpoint folder; None where it has none.

        Args:
            folder: the checkpoint.
            checkpoint: checksum of its weights.

        Raises:
            ConfigError: it has one that cannot be read, or that other weights' vectors made.
        """
        path = folder / INTENT_MODEL
        if not path.is_file():
            return None
        model = cls.load(path)
        if model.facts.checkpoint and model.facts.checkpoint != checkpoint:
            raise ConfigError(
                f"{path} was fitted for weights {model.facts.checkpoint}; got weights "
                f"{checkpoint}; {_FIX}"
            )
        return model

    @classmethod
    def load(cls, path: Path) -> "IntentModel":
        """Read a model.

        Raises:
            ConfigError: the file is missing or not of this form.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as file:
                facts = IntentFacts.model_validate_json((file.metadata() or {})["intent"])
                tensors = {name: file.get_tensor(name) for name in _TENSORS}
        except (SafetensorError, OSError, KeyError, ValidationError) as error:
            raise ConfigError(
                f"cannot read intent model {path}: {reason_of(error)}; {_FIX}"
            ) from error
        if facts.version != _VERSION:
            raise ConfigError(f"{path} is of version {facts.version}; expected {_VERSION}; {_FIX}")
        wrong = _misshapen(tensors, len(facts.intents))
        if wrong is not None:
            raise ConfigError(
                f"{path}: {wrong} has shape {list(tensors[wrong].shape)} of "
                f"{tensors[wrong].dtype}; expected finite numbers for {len(facts.intents)} "
                f"intents; {_FIX}"
            )
        return cls(facts=facts, **tensors)

    def save(self, path: Path) -> None:
        """Write the model, atomically."""
        from safetensors.numpy import save_file

        tensors = {
            name: np.ascontiguousarray(getattr(self, name), dtype=dtype)
            for name, dtype in _TENSORS.items()
        }
        facts = json.dumps(self.facts.model_dump(mode="json"), ensure_ascii=False)
        with written_whole(path) as partial:
            save_file(tensors, partial, metadata={"intent": facts})


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a vector of length 1; nothing stays nothing."""
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def generated_log_probabilities(
    intents: tuple[str, ...], generated: tuple[str | None, float]
) -> NDArray[np.float64]:
    """Return what the network's one guess says of every intent: what it left goes to the others.

    Where it wrote none of them, all are equally likely.
    """
    name, probability = generated
    share = -math.log(len(intents))
    if name not in intents:
        return np.full(len(intents), share)
    sure = min(max(probability, _LEAST), 1 - _LEAST)
    found = np.full(len(intents), math.log((1 - sure) / (len(intents) - 1)))
    found[intents.index(name)] = math.log(sure)
    return found


def _log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    raised: NDArray[np.float64] = scores - scores.max()
    return raised - math.log(float(np.exp(raised).sum()))


def _misshapen(tensors: Mapping[str, NDArray[Any]], intents: int) -> str | None:
    """Return the name of a tensor that does not fit the others; None where all do."""
    grams = tensors["grams"].size
    shapes = {
        "grams": (grams,),
        "rarity": (grams,),
        "gram_weights": (grams, intents),
        "vector_weights": (*tensors["vector_weights"].shape[:1], intents),
        "biases": (intents,),
    }
    for name, shape in shapes.items():
        tensor = tensors[name]
        if tensor.shape != shape or tensor.dtype != _TENSORS[name]:
            return name
        if tensor.dtype.kind == "f" and not bool(np.isfinite(tensor).all()):
            return name
    ordered = tensors["grams"]
    return "grams" if bool((ordered[1:] <= ordered[:-1]).any()) else None
