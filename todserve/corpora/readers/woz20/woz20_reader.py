"""Read WOZ 2.0 in English: states, replies, and the acts that ask or confirm.

Called by `corpora.registry` when training or an evaluation asks for the corpus. A turn of the
publisher's file begins with the system's PREVIOUS utterance and its acts, so a reply and its acts
are found in the turn that follows, and a dialogue's last reply nowhere. Example: system act
``"area"`` asks for it (``restaurant / request / area``), ``["area", "north"]`` offers it for
confirmation.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import json_list, layout
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.reader import Reader
from todserve.corpora.readers.cambridge import DOMAIN, restaurant_service, restaurant_state
from todserve.corpora.readers.dialogue_frame import begun, kept
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.multiwoz.multiwoz_schema import canonical_slot
from todserve.runtime.language.dialogue import Dialogue, DialogueAct, Turn
from todserve.runtime.language.schema import Service

_FILES: Mapping[str, str] = MappingProxyType(
    {
        "train": "woz_train_en.json",
        "dev": "woz_validate_en.json",
        "test": "woz_test_en.json",
    }
)
_PUBLISHER = "neural-belief-tracker"


def read_woz20(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream a split.

    Args:
        source: the corpus.
        split: ``train``, ``dev`` (the publisher's ``validate``) or ``test``.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar.

    Raises:
        CorpusError: no such split, or not the publisher's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    path = _FILES[split]
    entries = json_list(source, path)
    for entry in with_progress(entries, progress=progress, label=path, total=len(entries)):
        with layout(path, _PUBLISHER):
            dialogue_id = str(entry["dialogue_idx"])
            turns = tuple(_turns(entry["dialogue"], dialogue_id, report))
        yield from kept(dialogue_id, turns, source, split, report)


def woz20_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return the one service, ``restaurant``, with the foods of the train split."""
    path = _FILES["train"]
    entries = json_list(source, path)
    with layout(path, _PUBLISHER):
        foods = {
            value
            for entry in entries
            for turn in entry["dialogue"]
            for slot, value in _informed(turn["belief_state"])
            if slot == "food"
        }
    return (restaurant_service(foods),)


def _turns(
    log: Sequence[Mapping[str, Any]], dialogue_id: str, report: ReadReport
) -> Iterator[Turn]:
    for index, (turn, following) in enumerate(zip(log, [*log[1:], None], strict=True)):
        where = f"{dialogue_id} turn {index}"
        for act in turn["belief_state"]:
            if act["act"] == "request":
                report.skipped("user's request: a turn has no place for it", where)
        acts: tuple[DialogueAct, ...] = ()
        if following is not None:
            acts = _acts(following["system_acts"])
            if not acts:
                report.missing("acts: system turn without acts", where)
        yield Turn(
            user=turn["transcript"],
            belief_state=restaurant_state(_informed(turn["belief_state"]), where, report),
            active_domain=DOMAIN,
            dialogue_acts=acts or None,
            system=None if following is None else following["system_transcript"],
        )


def _informed(state: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for act in state:
        if act["act"] == "inform":
            yield from act["slots"]


def _acts(annotation: Sequence[str | Sequence[str]]) -> tuple[DialogueAct, ...]:
    acts: dict[DialogueAct, None] = {}
    for one in annotation:
        # The publisher's tracker reads a lone slot as a request, a pair as a confirmation.
        name, slot = ("request", one) if isinstance(one, str) else ("confirm", one[0])
        acts[DialogueAct(domain=DOMAIN, act=name, slot=label(canonical_slot(slot)))] = None
    return tuple(acts)


READER = Reader(
    publisher=Publisher(
        name="woz20",
        title="WOZ 2.0 (English)",
        licence="Apache-2.0",
        url="https://github.com/nmrksic/neural-belief-tracker (data/woz/)",
        archive="woz20.tar.xz",
        markers=("woz_train_en.json", "woz_validate_en.json", "woz_test_en.json"),
        splits=("train", "dev", "test"),
        caution="the same restaurants as MultiWOZ's: name it beside any few-shot score there",
    ),
    read=read_woz20,
    services=woz20_services,
    manifest=Path(__file__).with_name("manifest.json"),
)
