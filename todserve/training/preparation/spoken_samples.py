"""Spoken samples: some made turns, for people to read before they train on them.

``tod data spoken`` calls it. The turns spoken from are a prepared folder's, a published corpus's or
one's own dialogues.
Example: ``tod data spoken runs/multiwoz --kind carry --number 5``.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from todserve.corpora.spoken.spoken_kinds import KINDS
from todserve.corpora.spoken.spoken_maker import SpokenTurns
from todserve.corpora.spoken.spoken_settings import Spoken
from todserve.corpora.spoken.spoken_turns import LabelledTurn, SpokenTurn, labelled_turns
from todserve.runtime.console import tell
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import DELETED, state_update
from todserve.runtime.language.schema import Schema
from todserve.training.preparation.corpus_parts import TRAIN, Part
from todserve.training.preparation.spoken_training import known_values
from todserve.training.preparation.training_turns import is_prepared, load_turns

_PREPARED = "prepared"


def run_samples(
    source: str,
    *,
    kinds: Sequence[str] = (),
    number: int = 4,
    seed: int = 7,
    rough: float = 0.33,
    root: Path | None = None,
) -> None:
    """Print some turns of each kind.

    Args:
        source: a run's folder, its ``prepared`` folder, a corpus, or a path of dialogues.
        kinds: which; all when empty.
        number: of turns of each kind.
        seed: the same one prints the same turns.
        rough: share that is typed roughly.
        root: where published corpora are; TOD_DATA when None.

    Raises:
        ConfigError: an unknown kind, or nothing to speak from.
        CorpusError: the corpus is missing or malformed.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise ConfigError(f"unknown kind {unknown[0]!r}; expected one of {', '.join(KINDS)}")
    turns, schema, knowledge = _opened(source, root)
    known = known_values(knowledge, schema) if knowledge else None
    make = SpokenTurns(turns, schema, Spoken(rough=rough), known=known)
    for kind in kinds or make.kinds:
        tell(f"{kind}:")
        made = (make.at(seed=seed, epoch=0, index=index, kind=kind) for index in range(number))
        found = [turn for turn in made if turn is not None]
        for turn in found:
            for line in _lines(turn):
                tell(f"  {line}")
        if not found:
            tell("  these turns give no occasion for it")


def _opened(source: str, root: Path | None) -> tuple[list[LabelledTurn], Schema, Path | None]:
    path = Path(source)
    for folder in (path, path / _PREPARED):
        if is_prepared(folder):
            turns: list[LabelledTurn] = [*load_turns(folder / "train.jsonl.gz")]
            return turns, Schema.load(folder / "schema.json"), folder / "knowledge.sqlite"
    part = Part.parse(source, split=TRAIN)
    turns = [turn for dialogue in part.dialogues(root) for turn in labelled_turns(dialogue)]
    return turns, Schema(services=part.services(root)), None


def _lines(turn: SpokenTurn) -> Iterator[str]:
    if turn.history:
        user, system, _ = turn.history[-1]
        yield f"({user} / {system})"
    yield turn.user
    if turn.state is not None:
        update = state_update(turn.previous_state, turn.state)
        yield "    state " + ("; ".join(_changes(update)) or "as it was")
    acts = ", ".join(" ".join(part for part in act if part) for act in turn.acts or ())
    for name, target in (("intent", turn.intent), ("acts", acts), ("reply", turn.response)):
        if target:
            yield f"    {name} {target}"


def _changes(update: dict[str, dict[str, str]]) -> Iterator[str]:
    for domain, slots in update.items():
        said = [
            f"{slot} withdrawn" if value == DELETED else f"{slot} {value}"
            for slot, value in slots.items()
        ]
        yield f"{domain}: {', '.join(said)}"
