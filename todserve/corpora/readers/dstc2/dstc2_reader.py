"""Read DSTC2: calls about restaurants of Cambridge, as they were said and not as they were heard.

Called by `corpora.registry` when training or an evaluation asks for the corpus. Each call is a
folder of ``data/`` with ``log.json``, what the system said and did, and ``label.json``, what the
caller said (a transcription) and wanted. A turn begins with the system, so a reply and its acts
stand at the next turn, and the last reply nowhere. Example: goal label ``{"food": "thai"}`` is
``restaurant: food thai``, output act ``canthelp`` with food and area is
``restaurant / canthelp / food`` and ``... / area``.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import json_object, layout, parsed
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.reader import Reader
from todserve.corpora.readers.cambridge import DOMAIN, restaurant_service
from todserve.corpora.readers.dialogue_frame import begun, kept
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.multiwoz.multiwoz_schema import canonical_slot
from todserve.corpora.readers.slot_values import schema_value
from todserve.runtime.language.dialogue import GENERAL, Dialogue, DialogueAct, Turn
from todserve.runtime.language.schema import Schema, Service, Slot

_CONFIG = "scripts/config"
_LISTS = {name: f"{_CONFIG}/dstc2_{name}.flist" for name in ("train", "dev", "test")}
_ONTOLOGY = f"{_CONFIG}/ontology_dstc2.json"
_PUBLISHER = "DSTC2"
_GENERAL_ACTS = {"bye": "bye", "reqmore": "reqmore", "welcomemsg": "greet", "repeat": "repeat"}
_LOG, _LABEL = "log.json", "label.json"
_COUNT, _MEANT = "count", "slot"
"""First parts of pairs that are no slot: ``["slot", "area"]`` names the one that is meant."""


def read_dstc2(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream the calls that a split's list names.

    Args:
        source: the corpus, the publisher's two archives unpacked into one folder.
        split: ``train``, ``dev`` or ``test``.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar.

    Raises:
        CorpusError: no such split, or not the publisher's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    schema = Schema(services=dstc2_services(source))
    wanted = {name for line in source.text(_LISTS[split]) if (name := line.strip())}
    halves: dict[str, dict[str, Any]] = {}
    files = source.below("data", ".json")
    for path, content in with_progress(files, progress=progress, label=f"dstc2 {split}"):
        call, _, name = path.removeprefix("data/").rpartition("/")
        if call not in wanted or name not in (_LOG, _LABEL):
            continue
        both = halves.setdefault(call, {})
        both[name] = parsed(content, path)
        if len(both) == 2:
            del halves[call]
            with layout(f"data/{call}", _PUBLISHER):
                dialogue_id = str(both[_LOG].get("session-id", call.rpartition("/")[2]))
                turns = tuple(
                    _turns(both[_LOG]["turns"], both[_LABEL]["turns"], dialogue_id, schema, report)
                )
            yield from kept(dialogue_id, turns, source, split, report)
    for call, half in halves.items():
        report.skipped("call: one of its two files is missing", f"{call} has {', '.join(half)}")


def dstc2_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return the one service, ``restaurant``, with the foods and names of the ontology."""
    values = json_object(source, _ONTOLOGY).get("informable", {}) if source.has(_ONTOLOGY) else {}
    service = restaurant_service(values.get("food", ()))
    name = Slot(name="name", values=tuple(values.get("name", ())))
    return (service.model_copy(update={"slots": (*service.slots, name)}),)


def _turns(
    log: Sequence[Mapping[str, Any]],
    labels: Sequence[Mapping[str, Any]],
    dialogue_id: str,
    schema: Schema,
    report: ReadReport,
) -> Iterator[Turn]:
    for index, (label_of, following) in enumerate(zip(labels, [*log[1:], None], strict=False)):
        where = f"{dialogue_id} turn {index}"
        if not label_of["transcription"].strip():
            report.skipped("turn: nothing was said", where)
            continue
        output = following["output"] if following is not None else None
        yield Turn(
            user=label_of["transcription"],
            belief_state=_state(label_of["goal-labels"], schema, where, report),
            active_domain=DOMAIN,
            dialogue_acts=None if output is None else tuple(_acts(output["dialog-acts"])),
            system=None if output is None else output["transcript"],
        )


def _state(
    goals: Mapping[str, str], schema: Schema, where: str, report: ReadReport
) -> dict[str, dict[str, str]]:
    slots: dict[str, str] = {}
    for name, raw in goals.items():
        slot = canonical_slot(name)
        if not schema.has(DOMAIN, slot):
            report.skipped("slot: not one that a restaurant is searched by", f"{where} {name!r}")
            continue
        value = schema_value(schema, (DOMAIN, slot), raw, where, report)
        if value is not None:
            slots[slot] = value
    return {DOMAIN: slots} if slots else {}


def _acts(annotation: Sequence[Mapping[str, Any]]) -> Iterator[DialogueAct]:
    """Yield an act for each of its slots, each once."""
    acts: dict[DialogueAct, None] = {}
    for one in annotation:
        name = one["act"]
        if name in _GENERAL_ACTS:
            acts[DialogueAct(domain=GENERAL, act=_GENERAL_ACTS[name])] = None
            continue
        for pair in one["slots"] or ((_COUNT, ""),):
            slot = "" if pair[0] == _COUNT else str(pair[1] if pair[0] == _MEANT else pair[0])
            acts[DialogueAct(domain=DOMAIN, act=label(name), slot=label(canonical_slot(slot)))] = (
                None
            )
    yield from acts


def _recognised(folder: Path) -> tuple[str, ...]:
    return tuple(split for split, path in _LISTS.items() if (folder / path).is_file())


READER = Reader(
    publisher=Publisher(
        name="dstc2",
        title="DSTC2",
        licence="as its publisher says; for research",
        url="https://github.com/matthen/dstc (dstc2_traindev.tar.gz, dstc2_test.tar.gz)",
        archive="dstc2.tar.xz",
        markers=tuple(_LISTS.values()),
        splits=("train", "dev", "test"),
        caution="the same restaurants as MultiWOZ's; what was said, not what the recogniser heard",
    ),
    read=read_dstc2,
    services=dstc2_services,
    recognises=_recognised,
)
