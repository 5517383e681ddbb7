"""Read NLPLAB's Korean music dialogues: states and replies.

Called by `corpora.registry` when training or an evaluation asks for the corpus. The
publisher's ``system_slots`` are what the user asks the system for, and its own
tracker's state; they start anew with every turn. ``user_slots`` are what the reply
tells the user, without their places in it: where a value stands in the reply word for
word it becomes a placeholder. Example: ``{"singer": "Sandeul"}`` is the state
``music: singer sandeul``, or makes ``[value_singer]의 PCR은 어떠세요?`` of a reply.

Text is brought to Unicode's composed form (NFC).

Its songs are an entity database as far as the replies tell it. The publisher gives out dialogues
and no database; a reply's ``user_slots`` name songs with their singers, and what else was said of
them. Example: a reply about ``{"song title": "PCR", "singer": "Sandeul", "genre": "ballad"}`` is
one song.

Of dev alone: a test split's replies must not be known to a model that is scored on it.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import json_list, layout
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.reader import Entities, Reader
from todserve.corpora.readers.dialogue_frame import begun, kept
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.slot_values import SEVERAL_VALUES, known_spelling, schema_value
from todserve.runtime.knowledge.domain_table import Comparison, DomainTable
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.schema import Schema, Service, Slot

DOMAIN = "music"
_PUBLISHER = "HG-TODS"
_CLOSED = ("playlist type", "recommendation", "topic")
"""Slots whose values are the publisher's own names, not the user's words."""
TOLD = ("song title", "singer", "composer", "lyricist", "genre", "playlist title")
"""Slots that a song or a playlist has; what else a reply tells (a topic of the talk) is in none."""
_NO_REPLY = "NULL"
SEVERAL = "//"


def read_nlplab(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream ``{split}_dialog.json``.

    Args:
        source: the corpus.
        split: ``dev`` or ``test``; the publisher counts a train split and does not give it out.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar.

    Raises:
        CorpusError: no such split, or not the publisher's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    schema = Schema(services=nlplab_services(source))
    path = f"{split}_dialog.json"
    entries = json_list(source, path)
    for entry in with_progress(entries, progress=progress, label=path, total=len(entries)):
        with layout(path, _PUBLISHER):
            dialogue_id = str(entry["dial_id"]["$oid"])
            turns = tuple(
                turn
                for index, one in enumerate(entry["turns"])
                if (turn := _turn(one, schema, f"{dialogue_id} turn {index}", report)) is not None
            )
        yield from kept(dialogue_id, turns, source, split, report)


def nlplab_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return the one service, ``music``, with the slots of the dev split.

    Playlist type, recommendation and topic are closed, with the values they have there.
    """
    path = "dev_dialog.json"
    entries = json_list(source, path)
    seen: dict[str, set[str]] = {}
    with layout(path, _PUBLISHER):
        for entry in entries:
            for turn in entry["turns"]:
                for name, value in turn["system_slots"].items():
                    known = seen.setdefault(name, set())
                    if value:
                        known.add(known_spelling(composed(value)))
    slots = tuple(
        Slot(name=label(name), categorical=True, values=tuple(sorted(values)))
        if name in _CLOSED
        else Slot(name=label(name))
        for name, values in seen.items()
    )
    return (Service(name=DOMAIN, slots=slots),)


def _turn(turn: Mapping[str, Any], schema: Schema, where: str, report: ReadReport) -> Turn | None:
    user = _text(turn["user_message"], where, report)
    if not user.strip():
        report.skipped("turn: empty utterance", where)
        return None
    system: str | None = _text(turn["system_message"], where, report)
    if system == _NO_REPLY or not system:
        report.missing("reply: none written", where)
        system = None
    state: dict[str, dict[str, str]] | None = None
    if turn["system_slot_submitted"]:
        slots = _slots(turn["system_slots"], user, schema, where, report)
        state = {turn["domain"]: slots} if slots else {}
    else:
        report.missing("state: slots not submitted", where)
    placed, placeholders = _placed(system, turn["user_slots"]) if system else (None, ())
    return Turn(
        user=user,
        belief_state=state,
        active_domain=turn["domain"],
        system=system,
        delexicalised_response=placed,
        placeholders=placeholders,
    )


def _placed(reply: str, told: Mapping[str, str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Replace the values that the reply tells by placeholders; longer values go first.

    A value is found where a word begins: what follows it may be a particle, what stands before it
    makes it another word. Who sings and writes a song is its singer.
    """
    slots: dict[str, str] = {}
    for name in TOLD:
        for part in told.get(name, "").split(SEVERAL):
            if part.strip():
                slots.setdefault(composed(part).strip().lower(), label(name))
    if not slots:
        return reply, ()
    longest_first = sorted(slots, key=len, reverse=True)
    values = rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})"
    found: list[tuple[str, str]] = []

    def placeholder(match: re.Match[str]) -> str:
        slot = slots[match[0].lower()]
        found.append((slot, match[0]))
        return f"[value_{slot}]"

    return re.sub(values, placeholder, reply, flags=re.IGNORECASE), tuple(found)


def _slots(
    annotation: Mapping[str, str], user: str, schema: Schema, where: str, report: ReadReport
) -> dict[str, str]:
    slots: dict[str, str] = {}
    for name, raw in annotation.items():
        text = _text(raw, where, report)
        # "//" parts several values; one title has it in its name, as its user says it.
        if SEVERAL in text and text not in user:
            text = text.partition(SEVERAL)[0]
            report.changed(SEVERAL_VALUES, f"{where} {name}")
        value = schema_value(schema, (DOMAIN, label(name)), text, where, report)
        if value is not None:
            slots[label(name)] = value
    return slots


def _text(raw: str, where: str, report: ReadReport) -> str:
    text = composed(raw)
    if text != raw:
        report.changed("text: brought to Unicode's composed form", where)
    return text


def composed(text: str) -> str:
    """Return the text in Unicode's composed form."""
    return unicodedata.normalize("NFC", text)


_TITLE, _SINGER = "song title", "singer"
_OF_ALL = ("composer", "lyricist", "genre")
"""What is said once of all songs of a reply."""

SONGS = DomainTable(
    domain=DOMAIN,
    columns=tuple(label(name) for name in (_TITLE, _SINGER, *_OF_ALL)),
    comparisons={label(name): Comparison.NAME for name in (_TITLE, _SINGER, *_OF_ALL)},
    order=("song_title", "singer"),
)

_LISTS = ("리스트", "목록")
"""How annotated genres end that are a list to play from."""

Song = dict[str, str]


def nlplab_songs(source: CorpusSource) -> tuple[Song, ...]:
    """Return the songs of dev's replies, column -> value, each singer's title once.

    A song whose singer is not told is left out: a reply about one that was not found names it too.

    Raises:
        CorpusError: not the publisher's layout.
    """
    path = "dev_dialog.json"
    songs: dict[tuple[str, str], Song] = {}
    entries = json_list(source, path)
    with layout(path, "HG-TODS"):
        for entry in entries:
            for turn in entry["turns"]:
                for song in _songs(turn["user_slots"], turn["system_slots"]):
                    known = songs.setdefault((song["song_title"], song["singer"]), song)
                    known.update({name: known.get(name) or song[name] for name in song})
    return tuple(songs.values())


def _songs(told: Mapping[str, str], asked: Mapping[str, str]) -> Iterator[Song]:
    titles, singers = _several(told[_TITLE]), _several(told[_SINGER])
    if not titles or not singers:
        return
    if len(titles) == 1:
        singers = [", ".join(singers)]
    if len(singers) == 1:
        singers *= len(titles)
    if len(titles) != len(singers):
        # Which of them sings which, only the sentence says.
        return
    shared = {}
    for name in _OF_ALL:
        asked_for = [one for one in _several(asked[name]) if not one.endswith(_LISTS)]
        values = _several(told[name]) or asked_for
        # A genre that was asked for is the songs'; a reply that lists several tells them of one.
        if values and (len(values) == 1 or len(titles) == 1):
            shared[name] = ", ".join(values)
    for title, singer in zip(titles, singers, strict=True):
        yield {"song_title": title, "singer": singer, **shared}


def _several(value: str) -> list[str]:
    return [part.strip() for part in composed(value).split(SEVERAL) if part.strip()]


def _entities(source: CorpusSource) -> dict[str, Entities]:
    return {SONGS.domain: Entities(table=SONGS, rows=nlplab_songs(source))}


READER = Reader(
    publisher=Publisher(
        name="nlplab",
        title="NLPLAB music dialogues",
        licence="MIT",
        url="https://github.com/NLPlab-skku/HG-TODS (DialogueDataset/)",
        archive="korean.tar.xz",
        markers=("dev_dialog.json", "test_dialog.json"),
        splits=("dev", "test"),
        caution="Korean; the publisher gives out no train split; states start anew at every turn",
        folder="korean/nlplab_music",
    ),
    read=read_nlplab,
    services=nlplab_services,
    entities=_entities,
    manifest=Path(__file__).with_name("manifest.json"),
)
