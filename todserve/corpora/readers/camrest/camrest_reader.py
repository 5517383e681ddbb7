"""Read CamRest676: states, replies and their acts.

Called by `corpora.registry` when training or an evaluation asks for the corpus. The layout is
ConvLab-2's: a turn has the user's transcript with its ``slu`` (the whole state, and what the user
requests) and the system's ``sent`` with its ``dialog_act``. Example:
``{"inform": [["food", "european"]]}`` is ``restaurant / inform / food``.

Neither intents nor the places of values in a reply are annotated, so both are None.
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
from todserve.corpora.readers.multiwoz.multiwoz_schema import canonical_slot
from todserve.runtime.language.dialogue import Dialogue, DialogueAct, Turn
from todserve.runtime.language.schema import Service

_FILES: Mapping[str, str] = MappingProxyType(
    {"train": "train.json", "dev": "val.json", "test": "test.json"}
)
_PUBLISHER = "ConvLab-2"


def read_camrest(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream a split.

    Args:
        source: the corpus.
        split: ``train``, ``dev`` (the publisher's ``val``) or ``test``.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar.

    Raises:
        CorpusError: no such split, or not ConvLab-2's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    path = _FILES[split]
    entries = json_list(source, path)
    for entry in with_progress(entries, progress=progress, label=path, total=len(entries)):
        with layout(path, _PUBLISHER):
            dialogue_id = str(entry["dialogue_id"])
            turns = tuple(
                _turn(turn, f"{dialogue_id} turn {index}", report)
                for index, turn in enumerate(entry["dial"])
            )
        yield from kept(dialogue_id, turns, source, split, report)


def camrest_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return the one service, ``restaurant``, with the foods of the train split."""
    path = _FILES["train"]
    entries = json_list(source, path)
    with layout(path, _PUBLISHER):
        foods = {
            value
            for entry in entries
            for turn in entry["dial"]
            for slot, value in _informed(turn["usr"]["slu"])
            if slot == "food"
        }
    return (restaurant_service(foods),)


def _turn(turn: Mapping[str, Any], where: str, report: ReadReport) -> Turn:
    user, system = turn["usr"], turn["sys"]
    for act in user["slu"]:
        if act["act"] == "request":
            report.skipped("user's request: a turn has no place for it", where)
    acts = _acts(system["dialog_act"])
    if not acts:
        report.missing("acts: system turn without acts", where)
    return Turn(
        user=user["transcript"],
        belief_state=restaurant_state(_informed(user["slu"]), where, report),
        active_domain=DOMAIN,
        dialogue_acts=acts or None,
        system=system["sent"],
    )


def _informed(slu: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for act in slu:
        if act["act"] == "inform":
            yield from act["slots"]


def _acts(annotation: Mapping[str, Sequence[Sequence[str]]]) -> tuple[DialogueAct, ...]:
    acts: dict[DialogueAct, None] = {}
    for act, pairs in annotation.items():
        for slot, *_ in pairs:
            named = "" if slot == "none" else canonical_slot(slot)
            acts[DialogueAct(domain=DOMAIN, act=act, slot=named)] = None
    return tuple(acts)


READER = Reader(
    publisher=Publisher(
        name="camrest676",
        title="CamRest676",
        licence="CC BY 4.0",
        url="https://github.com/thu-coai/ConvLab-2 (data/camrest/)",
        archive="camrest676.tar.xz",
        markers=("train.json", "val.json", "test.json"),
        splits=("train", "dev", "test"),
        caution="the same restaurants as MultiWOZ's: name it beside any few-shot score there",
    ),
    read=read_camrest,
    services=camrest_services,
    manifest=Path(__file__).with_name("manifest.json"),
)
