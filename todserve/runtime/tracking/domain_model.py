"""Domain model: how likely each domain is, from the words, the dialogue act and the last domain.

Tracking asks it when it decides which domain a turn is about. It is a maximum-entropy model
(multinomial logistic regression), fitted by scikit-learn and read here without it. Example: after a
hotel turn "and how do i get to ely from there" gives train a probability of, say, 0.7.

The form is that of domain detection for several spoken services at once: words alone mistake
"in the centre" for any of them, the previous domain alone never moves.
"""

import json
import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from todserve.runtime.errors import ConfigError, reason_of
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.untrusted.json_text import read_json
from todserve.runtime.whole_files import write_whole

DOMAIN_MODEL = "domain.json"
"""The file's name in a checkpoint folder; a checkpoint without it decides by rule alone."""

_START = "none"
_UNKNOWN = "unknown"
_NUMBER = "#"


def word_features(utterance: str, forms: WordForms) -> list[str]:
    """Return the words of an utterance and its pairs of neighbours, each once.

    Digits are one word: which number it is says nothing of the domain.
    """
    said = forms.words_of(utterance.lower())
    words = [_NUMBER if word.key.isdigit() else word.key for word in said]
    pairs = [f"pair:{one} {other}" for one, other in pairwise(["<", *words, ">"])]
    return list(dict.fromkeys([*(f"word:{word}" for word in words), *pairs]))


def act_features(acts: Iterable[str]) -> list[str]:
    """Return features of dialogue acts, whatever they are called: ``request area``, an intent."""
    return list(dict.fromkeys(f"act:{act}" for act in acts))


def previous_features(previous: str | None) -> list[str]:
    """Return the feature of the domain of the turn before; there is one for None, too."""
    return [f"previous:{previous or _START}"]


class DomainModel(BaseModel):
    """A fitted model that tells how likely each domain is.

    Attributes:
        version: of the file's form.
        domains: what is told apart, in the order of the weights.
        biases: one a domain.
        weights: feature -> one weight a domain; a feature that is not listed weighs nothing.
        note: what it was fitted on, for whoever reads the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = 1
    domains: tuple[str, ...]
    biases: tuple[float, ...]
    weights: Mapping[str, tuple[float, ...]]
    note: str = ""

    @classmethod
    def load(cls, path: Path) -> "DomainModel":
        """Read a model.

        Raises:
            ConfigError: the file is missing, not of this form, or its rows differ in length.
        """
        try:
            model = cls.model_validate(read_json(path))
        except (OSError, ValueError, ValidationError) as error:
            raise ConfigError(
                f"cannot read domain model {path}: {reason_of(error)}; fit it anew with "
                "`tod fit-domains`, or delete the file to decide domains without it"
            ) from error
        if model.version != 1:
            raise ConfigError(f"{path} is of version {model.version}; expected 1; fit it anew")
        width = len(model.domains)
        rows = (("biases", model.biases), *model.weights.items())
        wrong = next((name for name, row in rows if len(row) != width), None)
        if not width or wrong is not None:
            raise ConfigError(
                f"{path}: {wrong or 'domains'!r} has not one number for each of {width} domains; "
                "fit it anew"
            )
        return model

    @classmethod
    def of_folder(cls, folder: Path) -> "DomainModel | None":
        """Return the model of a checkpoint folder; None when it has none.

        Raises:
            ConfigError: it has one that cannot be read.
        """
        path = folder / DOMAIN_MODEL
        return cls.load(path) if path.is_file() else None

    def save(self, path: Path) -> None:
        """Write the model as JSON, atomically."""
        text = json.dumps(self.model_dump(mode="json"), separators=(",", ":"), ensure_ascii=False)
        write_whole(path, text + "\n")

    def probabilities(self, features: Iterable[str]) -> dict[str, float]:
        """Return domain -> probability; they sum to 1."""
        rows = [self.weights[name] for name in features if name in self.weights]
        scores = [sum(column) for column in zip(self.biases, *rows, strict=True)]
        highest = max(scores)
        raised = [math.exp(score - highest) for score in scores]
        whole = sum(raised)
        return {one: part / whole for one, part in zip(self.domains, raised, strict=True)}

    def turn_probabilities(
        self, utterance: str, intent: str | None, previous: str | None, forms: WordForms
    ) -> dict[str, float]:
        """Return the probabilities of a turn as serving knows it; see `turn_features`."""
        return self.probabilities(turn_features(utterance, intent, previous, forms))


def turn_features(
    utterance: str, intent: str | None, previous: str | None, forms: WordForms
) -> list[str]:
    """Return what a model that serves looks at; it is fitted on the very same.

    Args:
        utterance: what the user said.
        intent: the user's intent; its kind is the dialogue act (``find`` of ``find_hotel``),
            for its domain is a guess that the decision weighs apart. None is an act of its own.
        previous: the active domain of the turn before.
        forms: how the language writes a word otherwise.
    """
    act = intent.partition("_")[0] if intent else _UNKNOWN
    return [*word_features(utterance, forms), *act_features([act]), *previous_features(previous)]
