"""Read MultiWOZ 2.2 as it is published: states, intents and spans as frames, acts in one file.

Called by `corpora.registry` when training or an evaluation asks for the corpus. ``schema.json``
stands in the root, dialogues in ``SPLIT/dialogues_*.json`` in the layout of Schema-Guided Dialogue,
whose slots bear their domain's name: ``restaurant-bookday`` is slot ``day`` of domain
``restaurant`` here, as in MultiWOZ 2.1. The acts of both speakers lie in ``dialog_acts.json``;
without that file they are not annotated.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import json_object, layout, parsed_list
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.reader import Reader
from todserve.corpora.readers.dialogue_frame import begun, kept
from todserve.corpora.readers.exchanges import exchanges
from todserve.corpora.readers.multiwoz.multiwoz_acts import Annotation, system_acts, venue_of
from todserve.corpora.readers.multiwoz.multiwoz_names import act_slot, state_slot, state_value
from todserve.corpora.readers.multiwoz.multiwoz_schema import canonical_slot, listed_services
from todserve.corpora.readers.sgd.sgd_frames import (
    Frame,
    delexicalise_frames,
    frame_intent,
    leading_frame,
)
from todserve.corpora.readers.slot_values import UNKNOWN_VALUE
from todserve.runtime.language.dialogue import GENERAL, Dialogue, Turn
from todserve.runtime.language.schema import Schema
from todserve.runtime.untrusted.json_text import read_json

_ACTS = "dialog_acts.json"
_SPLITS = ("train", "dev", "test")
_PUBLISHER = "MultiWOZ 2.2"
_ACT_SLOTS = {"price": "ticket", "trainid": "id", "entrancefee": "fee"}
"""Names that 2.2 gives to the slots of acts, and MultiWOZ's other versions do not."""
_NO_VALUE = frozenset({"internet", "parking", "", "none", "choice"})


def read_multiwoz22(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream the dialogues of ``{split}/dialogues_*.json``, one file in memory at a time.

    Args:
        source: the corpus.
        split: ``train``, ``dev`` or ``test``.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar.

    Raises:
        CorpusError: no such split, or a file without the publisher's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    schema = Schema(services=listed_services(source))
    acts = json_object(source, _ACTS) if source.has(_ACTS) else {}
    entries = (
        (path, entry)
        for path, content in source.files(split, ".json")
        if "dialogues_" in path
        for entry in parsed_list(content, path)
    )
    for path, entry in with_progress(entries, progress=progress, label=f"multiwoz22 {split}"):
        with layout(path, _PUBLISHER):
            name = str(entry["dialogue_id"])
            turns = tuple(
                _turns(
                    entry["turns"],
                    acts.get(name, {}),
                    name.removesuffix(".json"),
                    schema,
                    report,
                )
            )
        yield from kept(name.removesuffix(".json"), turns, source, split, report)


def _turns(
    log: Sequence[Mapping[str, Any]],
    acts: Mapping[str, Any],
    dialogue_id: str,
    schema: Schema,
    report: ReadReport,
) -> Iterator[Turn]:
    state: dict[str, dict[str, str]] = {}
    intents: dict[str, str] = {}
    domain: str | None = None
    venue: str | None = None
    numbered = (
        (one["speaker"] == "USER", (str(one.get("turn_id", number)), one))
        for number, one in enumerate(log)
    )
    for index, ((number, user), reply) in enumerate(exchanges(numbered, dialogue_id, report)):
        where = f"{dialogue_id} turn {index}"
        now = {
            frame["service"]: _slots(frame, schema, where, report)
            for frame in user["frames"]
            if frame["service"] in schema.domains
        }
        frames = [frame for frame in user["frames"] if _speaks(frame, now)]
        said = _annotation(acts.get(number))
        answered = _annotation(acts.get(reply[0])) if reply else None
        intent: str | None = None
        if frames:
            # A frame of every service stands at every turn: the turn's is the one that moved.
            frame = leading_frame(frames, now, state, intents, _domain(answered))
            moved = frame["state"]["active_intent"] != intents.get(frame["service"], "NONE")
            moved |= now[frame["service"]] != state.get(frame["service"], {})
            if not moved and domain in now:
                frame = next((one for one in frames if one["service"] == domain), frame)
            intent, domain = frame_intent(frame), frame["service"]
        if (said and all(_is_general(act) for act in said)) or (user["frames"] and not frames):
            intent = GENERAL
        intents.update({one["service"]: one["state"]["active_intent"] for one in frames})
        state = {name: slots for name, slots in {**state, **now}.items() if slots}
        venue = venue_of(said or {}) or venue_of(answered or {}) or venue
        text = reply[1]["utterance"] if reply else None
        spans = _spans(acts.get(reply[0])) if reply else []
        delexicalised, placeholders, unusable = (
            delexicalise_frames(text, [{"service": "", "slots": spans}])
            if text is not None and answered is not None
            else (None, (), 0)
        )
        if unusable:
            report.skipped("span: outside its text or overlapping another", where)
        if reply is not None and answered is None:
            report.missing("acts: not annotated", where)
        yield Turn(
            user=user["utterance"],
            belief_state=state,
            intent=intent,
            active_domain=domain,
            dialogue_acts=None if answered is None else system_acts(answered, venue),
            system=text,
            delexicalised_response=delexicalised,
            placeholders=placeholders,
        )


def _slots(frame: Frame, schema: Schema, where: str, report: ReadReport) -> dict[str, str]:
    """Return slot -> value of a frame; of several spellings the schema's stands, or the first."""
    service, slots = frame["service"], {}
    for name, variants in frame["state"]["slot_values"].items():
        slot = canonical_slot(name.removeprefix(f"{service}-"))
        if not schema.has(service, slot):
            report.skipped("slot: not one of the schema's states", f"{where} {name!r}")
            continue
        values = [state_value(slot, one)[0] for one in variants]
        known = schema.values(service, slot)
        value = next((one for one in values if one in known), values[0] if values else None)
        if value is None:
            continue
        spelled = schema.normalise_value(service, slot, value)
        if spelled is None:
            report.changed(UNKNOWN_VALUE, f"{where} {service} {slot} {value!r}")
        slots[slot] = spelled or value
    return slots


def _speaks(frame: Frame, now: Mapping[str, Mapping[str, str]]) -> bool:
    """Say whether anything has been said of a frame's service by now."""
    service, state = frame["service"], frame["state"]
    active = state["active_intent"] != "NONE" or bool(state.get("requested_slots"))
    return service in now and (active or bool(now[service]))


def _annotation(entry: Any) -> Annotation | None:
    """Return the acts of a turn under this kit's names of slots; None where there are none."""
    if not isinstance(entry, Mapping):
        return None
    found = entry.get("dialog_act", entry.get("dialogue_acts"))
    if not isinstance(found, Mapping) or not found:
        return None
    return {act: [[_slot(pair[0]), *pair[1:]] for pair in pairs] for act, pairs in found.items()}


def _slot(name: str) -> str:
    lowered = name.lower()
    return state_slot(_ACT_SLOTS.get(lowered, lowered))


def _spans(entry: Any) -> list[dict[str, Any]]:
    """Return the characters of a reply that hold values, as frames say them."""
    found = entry.get("span_info", ()) if isinstance(entry, Mapping) else ()
    return [
        {"slot": act_slot(_slot(name)), "start": start, "exclusive_end": end}
        for _, name, _, start, end in found
        if act_slot(_slot(name)) not in _NO_VALUE
    ]


def _is_general(act: str) -> bool:
    return act.lower().startswith(f"{GENERAL}-")


def _domain(annotation: Annotation | None) -> str | None:
    return next((name.partition("-")[0].lower() for name in annotation or ()), None)


def _recognised(folder: Path) -> tuple[str, ...]:
    """Return the splits of a folder whose one schema names slots with their domains."""
    schema = folder / "schema.json"
    splits = [one for one in _SPLITS if next((folder / one).glob("dialogues_*.json"), None)]
    if not splits or not schema.is_file():
        return ()
    try:
        named = any(
            str(slot["name"]).startswith(f"{service['service_name']}-")
            for service in read_json(schema)
            for slot in service["slots"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return tuple(splits) if named else ()


READER = Reader(
    publisher=Publisher(
        name="multiwoz22",
        title="MultiWOZ 2.2",
        licence="MIT",
        url="https://github.com/budzianowski/multiwoz (data/MultiWOZ_2.2/)",
        archive="multiwoz22.tar.xz",
        markers=(
            "train/dialogues_001.json",
            "dev/dialogues_001.json",
            "test/dialogues_001.json",
        ),
        splits=_SPLITS,
        folder="MultiWOZ_2.2",
    ),
    read=read_multiwoz22,
    services=listed_services,
    recognises=_recognised,
)
