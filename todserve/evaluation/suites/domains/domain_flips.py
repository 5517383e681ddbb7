"""Flips and switches: how restless the active domain of a dialogue is.

The MultiWOZ scores and the domain benchmark count them, on states that any system predicted, ours
or one whose predictions are published. Example: the domains ``hotel, train, hotel`` of three
successive turns are two switches and one flip.

Flip: with the active domain of every turn written down in order, the turns before the first
domain left out, each turn whose neighbours on both sides have one and the same other domain:
A at turn t - 1, B at t, A at t + 1. Hand-worked: ``A B A`` has 1; ``A B B A`` has 0, since the talk
stayed with B for a turn; ``A B A B`` has 2 (turns 2 and 3); ``A B C A`` has 0.

Switch: a turn whose domain is not that of the turn before; the first domain is none. By these
counts, and the public standardised evaluator's own guess of each turn's domain
(``estimated_domains``), PPTOD's published predictions have 979 switches and 25 flips.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from todserve.corpora.readers.multiwoz.multiwoz_schema import canonical_slot
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import BeliefState, Dialogue, apply_update, state_update
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.text import normalise
from todserve.runtime.tracking.active_domain import decide
from todserve.runtime.tracking.domain_model import DomainModel

PredictedTurn = tuple[str, BeliefState]
"""(what the user said, the belief state a system predicted for the turn)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainChanges:
    """How often the active domain changes, counted over dialogues.

    Attributes:
        turns: turns that have a domain.
        switches: turns whose domain is not that of the turn before.
        flips: turns whose two neighbours share another domain.
    """

    turns: int
    switches: int
    flips: int


def changes_of(sequences: Iterable[Sequence[str | None]]) -> DomainChanges:
    """Count switches and flips.

    Args:
        sequences: the active domain of each turn, one sequence a dialogue; None before the first.
    """
    turns = switches = flips = 0
    for sequence in sequences:
        domains = [domain for domain in sequence if domain is not None]
        turns += len(domains)
        switches += sum(one != other for one, other in zip(domains, domains[1:], strict=False))
        flips += sum(
            before == after != middle
            for before, middle, after in zip(domains, domains[1:], domains[2:], strict=False)
        )
    return DomainChanges(turns=turns, switches=switches, flips=flips)


def changes_of_states(
    dialogues: Mapping[str, Sequence[PredictedTurn]],
    schema: Schema,
    model: DomainModel | None = None,
) -> DomainChanges:
    """Count switches and flips of the domains that serving decides for predicted states.

    Args:
        dialogues: id -> turns in order, whole states as the system wrote them.
        schema: of the domains; slots and values it refuses speak for nothing.
        model: of a checkpoint, to decide as it would; None decides by rule alone.
    """
    return changes_of(decided_domains(turns, schema, model) for turns in dialogues.values())


def flips_of_states(
    dialogues: Mapping[str, Sequence[PredictedTurn]],
    schema: Schema,
    model: DomainModel | None = None,
) -> int:
    """Return the number of flips alone; see `changes_of_states`."""
    return changes_of_states(dialogues, schema, model).flips


def decided_domains(
    turns: Sequence[PredictedTurn], schema: Schema, model: DomainModel | None = None
) -> list[str | None]:
    """Return the active domain of each turn, decided as serving does without an intent.

    Each state is laid over what was known, so a slot that a regenerated state leaves out is
    neither withdrawn nor new again when it comes back.
    """
    known: BeliefState = {}
    domain: str | None = None
    domains: list[str | None] = []
    for utterance, predicted in turns:
        state = apply_update(known, canonical_state(predicted, schema))
        update = state_update(known, state)
        domain = decide(domain, update, None, normalise(utterance), schema, model).active
        domains.append(domain)
        known = state
    return domains


def estimated_domains(states: Sequence[BeliefState]) -> list[str | None]:
    """Return the domain of each turn as the standardised MultiWOZ evaluator guesses it.

    Of Nekvinda & Dusek 2021: the domain whose slots changed; of several the previous one, else
    the one with most slots filled. When nothing changes, the domain is held, except that after a
    turn with several changed domains the other of them takes its turn.
    """
    current: str | None = None
    known: BeliefState = {}
    changed_before: list[str] = []
    domains: list[str | None] = []
    for state in states:
        changed = [
            domain
            for domain, slots in state.items()
            if slots.items() - known.get(domain, {}).items()
        ]
        if not changed and current is None:
            domains.append(None)
            continue
        if not changed and len(changed_before) > 1:
            waiting = [one for one in changed_before if one in state and one != current]
            current = waiting[0] if waiting else current
        elif changed and current not in changed:
            current = max(changed, key=lambda domain: len(state[domain]))
        known, changed_before = state, changed
        domains.append(current)
    return domains


def canonical_state(state: BeliefState, schema: Schema) -> dict[str, dict[str, str]]:
    """Return a state under the schema's names and values; what it refuses is left out.

    MultiWOZ's earlier spellings of slots are understood: ``price range``, ``leaveAt``.
    """
    canonical: dict[str, dict[str, str]] = {}
    for domain, slots in state.items():
        for name, value in slots.items():
            slot = name if schema.has(domain, name) else canonical_slot(name)
            spelled = schema.normalise_value(domain, slot, value)
            if spelled is not None:
                canonical.setdefault(domain, {})[slot] = spelled
    return canonical


def with_utterances(
    states: Mapping[str, Sequence[BeliefState]], dialogues: Iterable[Dialogue]
) -> dict[str, list[PredictedTurn]]:
    """Join predicted states with what the users of a corpus said.

    Args:
        states: dialogue id -> state of each turn; ids in any case, with ``.json`` or without.
        dialogues: of the corpus. Those without a prediction are left out.

    Raises:
        CorpusError: more turns are predicted than the dialogue has, or a dialogue is not in the
            corpus. Fewer are no error: PPTOD's published predictions lack the split's last turn.
    """
    predicted = {_plain(dialogue_id): turns for dialogue_id, turns in states.items()}
    joined = dict(_joined(predicted, dialogues))
    missing = sorted(predicted.keys() - joined.keys())
    if missing:
        raise CorpusError(
            f"{len(missing)} predicted dialogues are not in the corpus, first {missing[0]!r}; "
            "expected predictions for the split that is read"
        )
    return joined


def _joined(
    predicted: Mapping[str, Sequence[BeliefState]], dialogues: Iterable[Dialogue]
) -> Iterator[tuple[str, list[PredictedTurn]]]:
    for dialogue in dialogues:
        plain = _plain(dialogue.dialogue_id)
        if plain not in predicted:
            continue
        if len(predicted[plain]) > len(dialogue.turns):
            raise CorpusError(
                f"dialogue {plain!r}: {len(predicted[plain])} turns predicted, only "
                f"{len(dialogue.turns)} in the corpus; expected one state for each user turn"
            )
        users = [turn.user for turn in dialogue.turns]
        yield plain, list(zip(users, predicted[plain], strict=False))


def _plain(dialogue_id: str) -> str:
    return dialogue_id.lower().removesuffix(".json")
