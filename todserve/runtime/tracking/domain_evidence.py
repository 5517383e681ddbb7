"""Domain evidence: collects everything in a turn that speaks for one domain or another.

``active_domain`` collects it after the state is merged, and decides by it. Example: after "and a
train on monday" the slot ``train day monday`` is new, is grounded in the words, and the words also
name ``train``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from todserve.runtime.language.dialogue import DELETED, BeliefState
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.tracking.domain_model import DomainModel


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What speaks for which domain, each in the order of its source.

    Attributes:
        changed: domain -> new or changed slots that the schema accepts; withdrawn ones are none.
        grounded: of these the domains with a slot whose value or name the user said.
        named: domains that offer the turn's intent.
        spoken: domains whose name the user said.
        likely: domain -> probability by the words; empty without a model.
    """

    changed: Mapping[str, Mapping[str, str]]
    grounded: tuple[str, ...]
    named: tuple[str, ...]
    spoken: tuple[str, ...]
    likely: Mapping[str, float]

    @classmethod
    def of(
        cls,
        previous: str | None,
        update: BeliefState,
        intent: str | None,
        utterance: str,
        schema: Schema,
        model: DomainModel | None = None,
    ) -> "Evidence":
        """Gather the evidence of a turn; the arguments are those of `domain.decide`."""
        said = [word.key for word in schema.forms.words_of(utterance.lower())]
        changed = {
            domain: valid
            for domain, slots in update.items()
            if (valid := _valid(domain, slots, schema))
        }
        return cls(
            changed=changed,
            grounded=tuple(
                one for one, slots in changed.items() if _grounded(slots, said, schema.forms)
            ),
            named=schema.intent_domains(intent),
            spoken=tuple(one for one in schema.domains if _says(said, one, schema.forms)),
            likely=model.turn_probabilities(utterance, intent, previous, schema.forms)
            if model
            else {},
        )

    def probability(self, domain: str) -> float | None:
        """Return what the model gives ``domain``; None when it cannot tell.

        None without a model, and for a domain the model was not fitted on: it would call every
        one of those impossible.
        """
        return self.likely.get(domain)

    @property
    def likeliest(self) -> str | None:
        """The domain the model thinks likeliest; None without a model."""
        return max(self.likely, key=lambda one: self.likely[one]) if self.likely else None


def _valid(domain: str, slots: Mapping[str, str], schema: Schema) -> dict[str, str]:
    return {
        slot: value
        for slot, value in slots.items()
        if value != DELETED and schema.normalise_value(domain, slot, value) is not None
    }


def _grounded(slots: Mapping[str, str], said: list[str], forms: WordForms) -> bool:
    return any(
        _says(said, phrase, forms)
        for slot, value in slots.items()
        for phrase in (value, slot, *forms.slot_words.get(slot, ()))
    )


def _says(said: list[str], phrase: str, forms: WordForms) -> bool:
    return any(_contains(said, sequence) for sequence in forms.spellings(phrase))


def _contains(words: list[str], sequence: tuple[str, ...]) -> bool:
    if sequence[0] not in words:
        return False
    length = len(sequence)
    return any(tuple(words[at : at + length]) == sequence for at in range(len(words) - length + 1))
