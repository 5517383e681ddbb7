"""Read MultiWOZ 2.4 as it is published: one file of dialogues, and lists of dev and test.

Called by `corpora.registry` when training or an evaluation asks for the corpus. The layout is that
of MultiWOZ 2.0, 2.1 and 2.3 too: ``data.json`` holds a ``log`` of user and system turns in
alternation, and the state after a user turn lies in the ``metadata`` of the system turn that
follows. Acts stand in the log or in a file of their own, by the number of the system turn; where
there are none they are not annotated.
Example: ``metadata.hotel.book.day`` "friday" is ``hotel: day friday``.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import json_object, layout
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.reader import Reader
from todserve.corpora.readers.dialogue_frame import begun, kept
from todserve.corpora.readers.multiwoz.multiwoz_acts import (
    Annotation,
    domain_of,
    system_acts,
    user_meaning,
    venue_of,
)
from todserve.corpora.readers.multiwoz.multiwoz_annotated import metadata_state
from todserve.corpora.readers.multiwoz.multiwoz_names import VENUES, state_value
from todserve.corpora.readers.multiwoz.multiwoz_schema import STATE_SLOTS, canonical_slot
from todserve.runtime.language.dialogue import BeliefState, Dialogue, Turn, state_update
from todserve.runtime.language.schema import Service, Slot

_DIALOGUES, _ONTOLOGY = "data.json", "ontology.json"
_ACTS = ("dialogue_acts.json", "dialog_acts.json", "system_acts.json")
_LISTS = {
    "dev": ("valListFile.json", "valListFile.txt", "valListFile"),
    "test": ("testListFile.json", "testListFile.txt", "testListFile"),
}
_SPLITS = ("train", "dev", "test")
_PUBLISHER = "MultiWOZ 2.4"
_BOOKED = ("hotel", "restaurant", "train")
_INTENTS = {"taxi": ("book_taxi",), "police": ("police",)}


def read_multiwoz24(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream the dialogues of a split; the file is one JSON object and is read whole.

    Args:
        source: the corpus.
        split: ``dev`` or ``test``, whose ids the publisher lists, or ``train``, all others.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar.

    Raises:
        CorpusError: no such split, or not the publisher's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    listed = {name: _listed(source, files) for name, files in _LISTS.items()}
    entries = json_object(source, _DIALOGUES)
    acts = next((json_object(source, path) for path in _ACTS if source.has(path)), {})
    others = listed["dev"] | listed["test"]
    chosen = {
        name.removesuffix(".json"): entry
        for name, entry in entries.items()
        if (name.removesuffix(".json") in listed.get(split, others)) is (split in listed)
    }
    for name, entry in with_progress(
        chosen.items(), progress=progress, label=f"multiwoz24 {split}", total=len(chosen)
    ):
        with layout(f"{_DIALOGUES} {name}", _PUBLISHER):
            turns = tuple(_turns(entry["log"], acts.get(name, {}), name, report))
        yield from kept(name, turns, source, split, report)


def multiwoz24_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return MultiWOZ's domains, with the values that the publisher's ontology has seen."""
    ontology = json_object(source, _ONTOLOGY) if source.has(_ONTOLOGY) else {}
    seen: dict[tuple[str, str], dict[str, None]] = {}
    for name, values in ontology.items():
        # "hotel-book day", in other versions "hotel-semi-area" and "hotel-book-day".
        domain, *_, slot = name.split("-")
        known = seen.setdefault((domain, canonical_slot(slot)), {})
        known.update((one, None) for raw in values if (one := state_value(slot, str(raw))[0]))
    return tuple(
        Service(
            name=domain,
            slots=tuple(Slot(name=slot, values=tuple(seen.get((domain, slot), ()))) for slot in of),
            intents=_INTENTS.get(
                domain, (f"find_{domain}", f"book_{domain}")[: 1 + (domain in _BOOKED)]
            ),
        )
        for domain, of in STATE_SLOTS.items()
    )


def _listed(source: CorpusSource, files: Sequence[str]) -> frozenset[str]:
    """Return the ids that a list names, one a line whatever its file is called."""
    path = next((one for one in files if source.has(one)), files[0])
    return frozenset(
        name.removesuffix(".json") for line in source.text(path) if (name := line.strip())
    )


def _turns(
    log: Sequence[Mapping[str, Any]], acts: Mapping[str, Any], dialogue_id: str, report: ReadReport
) -> Iterator[Turn]:
    domain: str | None = None
    venue: str | None = None
    before: BeliefState = {}
    if len(log) % 2:
        report.skipped("turn: last user turn without a reply", dialogue_id)
    for index, (user, system) in enumerate(zip(log[::2], log[1::2], strict=False)):
        where = f"{dialogue_id} turn {index}"
        state = metadata_state(system["metadata"], where, report)
        said = _annotation(user.get("dialog_act"))
        answered = _annotation(system.get("dialog_act", acts.get(str(index + 1))))
        venue = venue_of(said or {}) or venue_of(answered or {}) or venue
        moved = [name for name in state_update(before, state) if name != domain]
        venue = next((name for name in moved if name in VENUES), venue)
        spoken = None if answered is None else system_acts(answered, venue)
        meaning = user_meaning(said or {}, domain)
        domain = meaning.domain or next(iter(moved), None) or domain_of(spoken or ()) or domain
        if said is None:
            report.missing("intent: not annotated", where)
        if answered is None:
            report.missing("acts: not annotated", where)
        yield Turn(
            user=" ".join(user["text"].split()),
            belief_state=state,
            intent=meaning.intent,
            active_domain=domain,
            dialogue_acts=spoken,
            system=" ".join(system["text"].split()),
        )
        before = state


def _annotation(found: object) -> Annotation | None:
    """Return the acts of a turn; None for "No Annotation" and where there are none."""
    return found if isinstance(found, dict) and found else None


def _recognised(folder: Path) -> tuple[str, ...]:
    lists = all(any((folder / one).is_file() for one in files) for files in _LISTS.values())
    return _SPLITS if lists and (folder / _DIALOGUES).is_file() else ()


READER = Reader(
    publisher=Publisher(
        name="multiwoz24",
        title="MultiWOZ 2.4",
        licence="MIT",
        url="https://github.com/smartyfh/MultiWOZ2.4 (data/MULTIWOZ2.4.zip)",
        archive="multiwoz24.tar.xz",
        markers=(_DIALOGUES,),
        splits=_SPLITS,
        caution="train is labelled as in MultiWOZ 2.1; dev and test were corrected",
        folder="MULTIWOZ2.4",
    ),
    read=read_multiwoz24,
    services=multiwoz24_services,
    recognises=_recognised,
)
