"""The ablation: what words, dialogue acts and the previous domain each tell of the domain.

Called by `domain_run`: fits maximum-entropy models on Schema-Guided Dialogue's train split and
scores them on its dev split. Example row: ``words + act + previous``.

*words*: of the user's utterance, and pairs of neighbours. *act*: act and slot of every act in the
system's reply BEFORE the turn (``request city``), without its service, as the corpus annotates
it; a server knows these as the acts it predicted itself. (SGD's first release annotates no user
acts.) *previous*: the domain of the turn before; a model is fitted with the corpus's, and scored
twice: given the corpus's (``gold``), and given what it decided itself (``own``), which is what
serving sees. A domain is a service without its number: Restaurants_1 and _2 are ``Restaurants``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from todserve.evaluation.suites.domains.domain_model_fit import fit_domain_model
from todserve.evaluation.suites.domains.domain_scores import (
    DecidedTurn,
    DomainScores,
    always_stay,
    score_domains,
)
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.tracking.domain_model import (
    DomainModel,
    act_features,
    previous_features,
    word_features,
)

FOUR_DOMAINS = ("Media", "Music", "Restaurants", "Weather")
"""The domains of the 2011 study, as SGD has them."""

LEAST = 5
"""A feature of fewer train turns is left out."""


class Sources(StrEnum):
    """Which sources of evidence a domain model is shown."""

    WORDS = "words"
    ACTS = "words + act"
    PREVIOUS = "words + act + previous"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A turn as a domain model sees it: words, acts, and the domain that is right.

    Attributes:
        words: features of the utterance.
        acts: features of the reply before it; none on the first turn.
        domain: the corpus's.
    """

    words: tuple[str, ...]
    acts: tuple[str, ...]
    domain: str

    def features(self, sources: Sources, previous: str | None) -> list[str]:
        """Return what a model that sees ``sources`` is shown."""
        if sources is Sources.WORDS:
            return [*self.words]
        shown = [*self.words, *self.acts]
        return shown if sources is Sources.ACTS else [*shown, *previous_features(previous)]


@dataclass(frozen=True, kw_only=True, slots=True)
class AblationRow:
    """What one choice of sources scores, a line of the report.

    Attributes:
        sources: what the model is shown, or ``always stay``.
        previous: ``gold`` or ``own``.
        scores: on dev.
    """

    sources: str
    previous: str
    scores: DomainScores


def domain_of_service(service: str) -> str:
    """Return the domain of a service: ``Hotels`` of ``Hotels_4``."""
    name, _, number = service.rpartition("_")
    return name if number.isdigit() else service


def scenes_of(
    dialogues: Iterable[Dialogue], domains: Sequence[str] | None = None
) -> Iterator[tuple[Scene, ...]]:
    """Yield the scenes of each dialogue.

    Args:
        dialogues: with active domains and acts.
        domains: keep the dialogues that are about nothing else, so that every previous turn is
            the real one; None keeps all.
    """
    for dialogue in dialogues:
        scenes = []
        acts: list[str] = []
        for turn in dialogue.turns:
            if turn.active_domain is not None:
                scenes.append(
                    Scene(
                        words=tuple(word_features(turn.user, WordForms.of_language())),
                        acts=tuple(act_features(acts)),
                        domain=domain_of_service(turn.active_domain),
                    )
                )
            acts = [f"{act.act} {act.slot}".strip() for act in turn.dialogue_acts or ()]
        if scenes and (domains is None or all(one.domain in domains for one in scenes)):
            yield tuple(scenes)


def ablate(
    train: Sequence[Sequence[Scene]],
    dev: Sequence[Sequence[Scene]],
    *,
    on_model: Callable[[Sources], object] = lambda sources: None,
) -> list[AblationRow]:
    """Fit a model for each of `Sources`, score it both ways, and put the baseline beside it.

    Args:
        train: scenes of each dialogue.
        dev: likewise.
        on_model: called after each model.

    Raises:
        CorpusError: there is nothing to fit on.
    """
    rows = [
        AblationRow(
            sources="always stay",
            previous="own" if own else "gold",
            scores=score_domains(
                always_stay([one.domain for one in part], own=own) for part in dev
            ),
        )
        for own in (False, True)
    ]
    for sources in Sources:
        model = fit_domain_model(
            [
                (scene.features(sources, before), scene.domain)
                for dialogue in train
                for before, scene in _with_previous(dialogue)
            ],
            least=LEAST,
        )
        rows += [
            AblationRow(
                sources=sources,
                previous="own" if own else "gold",
                scores=score_domains(_decided(part, model, sources, own=own) for part in dev),
            )
            for own in (False, True)
        ]
        on_model(sources)
    return rows


def _with_previous(dialogue: Sequence[Scene]) -> Iterator[tuple[str | None, Scene]]:
    before = None
    for scene in dialogue:
        yield before, scene
        before = scene.domain


def _decided(
    dialogue: Sequence[Scene], model: DomainModel, sources: Sources, *, own: bool
) -> list[DecidedTurn]:
    turns: list[DecidedTurn] = []
    for before, scene in _with_previous(dialogue):
        given = turns[-1].decided if own and turns else before
        found = model.probabilities(scene.features(sources, given))
        turns.append(
            DecidedTurn(
                expected=scene.domain, given=given, decided=max(found, key=lambda one: found[one])
            )
        )
    return turns
