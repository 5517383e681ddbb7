"""Fits the domain model that a checkpoint carries, from a prepared corpus.

``tod fit-domains`` calls it. It is independent of the network, so it can be fitted before or after
it, and again. Example: ``fit_domain_classifier(Path("runs/multiwoz/prepared"),
Path("checkpoints/multiwoz"))`` writes ``checkpoints/multiwoz/domain.json``.

MultiWOZ's train split names no active domain. The model learns what its state changes and, where
nothing changes, the silver intents say of it (`labelled_domain`); no dev or test label is read.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from todserve.evaluation.suites.domains.domain_model_fit import Row, fit_domain_model
from todserve.runtime.checkpoint import word_forms_of
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.language.dialogue import state_update
from todserve.runtime.language.schema import Schema
from todserve.runtime.tracking.domain_evidence import Evidence
from todserve.runtime.tracking.domain_model import DOMAIN_MODEL, DomainModel, turn_features
from todserve.training.preparation.training_turns import TrainingTurn, load_turns

KEPT_FEATURES = 4500
"""As good on MultiWOZ's dev split as all 18,000, in 210 kB."""


def fit_domain_classifier(
    prepared: Path, checkpoint: Path, *, corpus: str = "multiwoz21"
) -> DomainModel:
    """Fit a domain model and write it as ``domain.json`` into a checkpoint folder.

    Args:
        prepared: a prepared corpus; its train turns alone are read.
        checkpoint: the folder; its schema says which domains, slots and intents there are.
        corpus: take this corpus's turns, and those that name none.

    Raises:
        ConfigError: no such folder, or no schema in it.
        CorpusError: no prepared train turns, or fewer than two domains in them.
    """
    if not checkpoint.is_dir():
        raise ConfigError(f"no checkpoint folder {checkpoint}; `tod train` writes one")
    file = prepared / "train.jsonl.gz"
    if not file.is_file():
        raise CorpusError(f"no prepared corpus {file}; `tod train` prepares one")
    schema = Schema.load(checkpoint / "schema.json", word_forms_of(checkpoint))
    turns = [turn for turn in load_turns(file) if turn.corpus in ("", corpus)]
    rows = list(domain_rows(turns, schema))
    model = fit_domain_model(
        rows, keep=KEPT_FEATURES, note=f"{corpus} train, {len(turns)} turns, silver intents"
    )
    model.save(checkpoint / DOMAIN_MODEL)
    return model


def domain_rows(turns: Iterable[TrainingTurn], schema: Schema) -> Iterator[Row]:
    """Yield two rows a turn, with its intent and without: serving is not always asked for one.

    Args:
        turns: of whole dialogues, in order.
        schema: knows slots and intents.
    """
    dialogue_id, domain = "", None
    for turn in turns:
        previous = domain if turn.dialogue_id == dialogue_id else None
        dialogue_id = turn.dialogue_id
        domain = labelled_domain(previous, turn, schema)
        if domain is not None:
            for intent in (turn.intent, None):
                yield turn_features(turn.user, intent, previous, schema.forms), domain


def labelled_domain(previous: str | None, turn: TrainingTurn, schema: Schema) -> str | None:
    """Return what an annotated turn is about; None as long as nothing says so.

    Unlike the decision in serving this trusts the state, which people annotated: a new slot of
    another domain counts though nobody said its value ("for the same group").
    """
    state = turn.previous_state if turn.state is None else turn.state
    update = state_update(turn.previous_state, state)
    seen = Evidence.of(previous, update, turn.intent, turn.user, schema)
    others = [domain for domain in seen.changed if domain != previous]
    if previous in seen.changed and others:
        # Both went on and something new began: the intent decides, then the user's own words.
        wanted = [domain for domain in others if domain in seen.named]
        if not wanted and previous not in seen.named and previous not in seen.grounded:
            wanted = [domain for domain in others if domain in seen.grounded]
        others = wanted
    if others:
        said = [domain for domain in others if domain in seen.grounded]
        if not said and previous in seen.named:
            return previous
        return next((domain for domain in said if domain in seen.named), (said or others)[0])
    if not seen.changed and seen.named and previous not in seen.named:
        return seen.named[0]
    if not seen.changed and previous is None and len(seen.spoken) == 1:
        return seen.spoken[0]
    return previous
