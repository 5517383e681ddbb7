"""Read Frames: holiday packages, several of which a user compares before one is booked.

Called by `corpora.registry` when training or an evaluation asks for the corpus. Each turn holds all
frames, the packages spoken of so far; the one that is active after a user's turn is the belief
state of domain ``travel``. Acts are those of the wizard. Example: ``info`` with ``dst_city``
"Mannheim" is ``travel: dst_city mannheim``, act ``offer`` with key ``price`` is
``travel / offer / price``.

Intents are not annotated: ``intent`` among a frame's slots is the one task, ``book``.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import json_list, layout
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.reader import Reader
from todserve.corpora.readers.dialogue_frame import begun, kept
from todserve.corpora.readers.exchanges import exchanges
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.slot_values import SEVERAL_VALUES, open_value
from todserve.runtime.language.dialogue import DONTCARE, GENERAL, Dialogue, DialogueAct, Turn
from todserve.runtime.language.schema import Service, Slot

DOMAIN = "travel"
_FILE = "frames.json"
_PUBLISHER = "Frames"
_GENERAL_ACTS = {"goodbye": "bye", "greeting": "greet", "thankyou": "thank"}
_NO_SLOTS = frozenset({"ref", "read", "write", "intent", "action"})
"""Keys of acts and frames that say what the talk is about, not what a package must have."""
_ANY = "-1"
_TRUTHS = {"true": "yes", "false": "no"}


def read_frames(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream the dialogues of ``frames.json``, which is read whole.

    Args:
        source: the corpus.
        split: ``train``; the publisher has no splits, only folds by user.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar.

    Raises:
        CorpusError: another split, or not the publisher's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    entries = json_list(source, _FILE)
    for entry in with_progress(entries, progress=progress, label=_FILE, total=len(entries)):
        with layout(_FILE, _PUBLISHER):
            dialogue_id = str(entry["id"])
            turns = tuple(_turns(entry["turns"], dialogue_id, report))
        yield from kept(dialogue_id, turns, source, split, report)


def frames_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return the one domain with the slots of its states, all of them open."""
    slots = {
        slot
        for dialogue in read_frames(source, "train")
        for turn in dialogue.turns
        for slot in (turn.belief_state or {}).get(DOMAIN, {})
    }
    return (Service(name=DOMAIN, slots=tuple(Slot(name=slot) for slot in sorted(slots))),)


def _turns(
    log: Sequence[Mapping[str, Any]], dialogue_id: str, report: ReadReport
) -> Iterator[Turn]:
    said = ((one["author"] == "user", one) for one in log)
    for index, (user, wizard) in enumerate(exchanges(said, dialogue_id, report)):
        where = f"{dialogue_id} turn {index}"
        yield Turn(
            user=user["text"],
            belief_state=_state(user["labels"], where, report),
            active_domain=DOMAIN,
            dialogue_acts=None if wizard is None else _acts(wizard["labels"]["acts"]),
            system=None if wizard is None else wizard["text"],
        )


def _state(
    labels: Mapping[str, Any], where: str, report: ReadReport
) -> dict[str, dict[str, str]] | None:
    """Return the active frame as a state; None where a turn does not say which one it is."""
    active = labels.get("active_frame")
    frame = next((one for one in labels["frames"] if one["frame_id"] == active), None)
    if frame is None:
        report.missing("state: no active frame", where)
        return None
    slots: dict[str, str] = {}
    for name, found in frame["info"].items():
        wanted = [one["val"] for one in found if not one.get("negated")]
        if name in _NO_SLOTS or name.isupper():
            continue  # NO_RESULT and the like: what the wizard's search said
        if len(wanted) != len(found):
            report.skipped("value: negated, no place in the state", f"{where} {name}")
        if len(wanted) > 1:
            report.skipped(SEVERAL_VALUES, f"{where} {name}")
        value = _value(wanted[0]) if wanted else None
        if value is not None:
            slots[label(name)] = value
    return {DOMAIN: slots} if slots else {}


def _value(raw: object) -> str | None:
    text = str(raw).strip()
    if raw is None:
        return None
    return DONTCARE if text == _ANY else _TRUTHS.get(text.lower()) or open_value(text)


def _acts(annotation: Sequence[Mapping[str, Any]]) -> tuple[DialogueAct, ...]:
    acts: dict[DialogueAct, None] = {}
    for one in annotation:
        name = label(one["name"])
        if name in _GENERAL_ACTS:
            acts[DialogueAct(domain=GENERAL, act=_GENERAL_ACTS[name])] = None
            continue
        keys = [str(arg["key"]) for arg in one["args"]]
        for slot in [label(key) for key in keys if key not in _NO_SLOTS] or [""]:
            acts[DialogueAct(domain=DOMAIN, act=name, slot=slot)] = None
    return tuple(acts)


def _recognised(folder: Path) -> tuple[str, ...]:
    return ("train",) if (folder / _FILE).is_file() else ()


READER = Reader(
    publisher=Publisher(
        name="frames",
        title="Frames",
        licence="as its publisher says; for research",
        url="https://www.microsoft.com/en-us/research/project/frames-dataset/",
        archive="frames.tar.xz",
        markers=(_FILE,),
        splits=("train",),
        caution="no official splits: everything is train",
    ),
    read=read_frames,
    services=frames_services,
    recognises=_recognised,
)
