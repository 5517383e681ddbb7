"""Read MultiWOZ 2.1's annotated dev and test dialogues: acts, intents, spans, replies.

Evaluation reads MultiWOZ's dev and test dialogues with it. The layout is ConvLab-2's: ``log``
alternates user and system turns, each with ``text``, ``dialog_act`` and ``span_info``; the belief
state after a user turn lies in the ``metadata`` of the system turn that follows. Example key:
``PMUL1635``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import parsed
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.readers.detokenisation import detokenise
from todserve.corpora.readers.dialogue_frame import begun
from todserve.corpora.readers.multiwoz.multiwoz_acts import (
    booked_domain,
    domain_of,
    system_acts,
    user_meaning,
    venue_of,
)
from todserve.corpora.readers.multiwoz.multiwoz_names import DOMAINS, state_slot, state_value
from todserve.corpora.readers.multiwoz.multiwoz_spans import delexicalise_spans
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue, Turn

_FILES = {"dev": "annotated/val.json", "test": "annotated/test.json"}


def read_annotated(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Yield the dialogues of ``annotated/val.json`` (dev) or ``test.json``.

    The file is one JSON object and so is read whole (27 MB) before the first dialogue.
    Replies are delexicalised by their annotated spans.

    Raises:
        CorpusError: no such split, or not ConvLab-2's layout.
    """
    if split not in _FILES:
        raise CorpusError(
            f"MultiWOZ has no annotated {split!r} split; expected one of {', '.join(_FILES)}; "
            f"train has texts and states only, see read_tsv"
        )
    report = begun(report, source, split)
    path = _FILES[split]
    try:
        with source.open(path) as stream:
            dialogues: Mapping[str, Any] = parsed(stream.read(), path)
        entries = list(dialogues.items())
    except AttributeError as error:
        raise CorpusError(
            f"{path} is not a JSON object of dialogues: {error}; expected the unpacked file of "
            f"ConvLab-2's data/multiwoz"
        ) from error
    for name, entry in with_progress(entries, progress=progress, label=path, total=len(entries)):
        dialogue_id = name.removesuffix(".json")
        try:
            turns = tuple(_turns(entry["log"], dialogue_id, report))
        except (KeyError, TypeError) as error:
            raise CorpusError(
                f"{path}, dialogue {dialogue_id}: no {error} where ConvLab-2's layout has one"
            ) from error
        report.dialogue(len(turns))
        yield Dialogue(
            dialogue_id=dialogue_id, corpus=source.publisher.name, split=split, turns=turns
        )


def _turns(log: Sequence[Any], dialogue_id: str, report: ReadReport) -> Iterator[Turn]:
    domain: str | None = None
    venue: str | None = None
    if len(log) % 2:
        report.skipped("turn: last user turn without a reply", dialogue_id)
    for index, (user, system) in enumerate(zip(log[::2], log[1::2], strict=False)):
        where = f"{dialogue_id} turn {index}"
        meaning = user_meaning(user["dialog_act"], domain)
        if meaning.intent is None:
            report.missing("intent: user turn without acts", where)
        booked = [pairs for act, pairs in system["dialog_act"].items() if act.startswith("Booking")]
        venue = (
            next(filter(None, map(booked_domain, booked)), None)
            or venue_of(user["dialog_act"])
            or venue_of(system["dialog_act"])
            or venue
        )
        acts = system_acts(system["dialog_act"], venue)
        if not acts:
            report.missing("acts: system turn without acts", where)
        domain = meaning.domain or domain_of(acts) or domain
        delexicalised, placeholders, unusable = delexicalise_spans(
            system["text"], system.get("span_info") or ()
        )
        if unusable:
            report.skipped("span: outside its text or overlapping another", where)
        yield Turn(
            user=detokenise(user["text"]),
            belief_state=metadata_state(system["metadata"], where, report),
            intent=meaning.intent,
            active_domain=domain,
            dialogue_acts=acts or None,
            system=detokenise(system["text"]),
            delexicalised_response=delexicalised,
            placeholders=placeholders,
        )


def metadata_state(
    metadata: Mapping[str, Mapping[str, Mapping[str, Any]]], where: str, report: ReadReport
) -> dict[str, dict[str, str]]:
    """Return the belief state that the ``metadata`` of a system turn holds."""
    state: dict[str, dict[str, str]] = {}
    for domain in DOMAINS:
        parts = metadata.get(domain, {})
        for name, raw in [*parts.get("semi", {}).items(), *parts.get("book", {}).items()]:
            # "booked" lists what the wizard booked; a train's "ticket" is always empty.
            if name in ("booked", "ticket"):
                continue
            slot = state_slot(name)
            value, change = state_value(slot, str(raw))
            if change:
                report.changed(change, f"{where} {domain}-{slot} {raw!r}")
            if value is not None:
                state.setdefault(domain, {})[slot] = value
    return state
