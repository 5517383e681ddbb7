"""MultiWOZ 2.1's reader, over both of the layouts that it is published in.

`read_tsv` (texts and states, all splits), `read_annotated` (acts, intents, spans; dev and test)
and `read_merged` (the two joined: the states all published dialogue-state figures use, with the
annotated acts, intents and replies). Example: ``next(read_dev_merged(find("multiwoz21")))``.
"""

import difflib
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport
from todserve.corpora.reader import Reader
from todserve.corpora.readers.multiwoz.multiwoz_annotated import read_annotated
from todserve.corpora.readers.multiwoz.multiwoz_entities import multiwoz_entities
from todserve.corpora.readers.multiwoz.multiwoz_schema import multiwoz_services
from todserve.corpora.readers.multiwoz.multiwoz_tsv import read_tsv
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.text import normalise

__all__ = ["ReplySource", "read_annotated", "read_dev_merged", "read_merged", "read_tsv"]


class ReplySource(StrEnum):
    """Whose wording of the system's replies a merged dialogue carries.

    ANNOTATED: as the wizard typed it, delexicalised by its spans, every turn.
    TSV: as in train.tsv, not delexicalised; the annotated one for a dialogue's last turn.
    """

    ANNOTATED = "annotated"
    TSV = "tsv"


_SAME_UTTERANCE = 0.6  # ratio of matching characters; two different user turns stay below


def read_merged(
    source: CorpusSource,
    split: str,
    *,
    replies: ReplySource = ReplySource.ANNOTATED,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream a split with tsv texts and states and annotated acts, intents and replies.

    Joined by dialogue id and turn. The tsv is the frame: a dialogue or turn that the annotated
    file lacks is yielded with what the tsv has, and counted.

    Args:
        source: the corpus.
        split: ``dev`` or ``test``.
        replies: whose wording of the replies to keep.
        report: counts everything skipped, changed or missing in either file.
        progress: show a progress bar.
    """
    report = report if report is not None else ReadReport()
    details = ReadReport()
    annotated = {one.dialogue_id: one for one in read_annotated(source, split, report=details)}
    # The annotated states are not used, so what was changed in them is no news.
    used = {reason: one for reason, one in details.notes.items() if not reason.startswith("value")}
    report.notes.update(used)
    for dialogue in read_tsv(source, split, report=report, progress=progress):
        other = annotated.pop(dialogue.dialogue_id, None)
        if other is None:
            report.missing("dialogue: not in the annotated file", dialogue.dialogue_id)
            yield dialogue
        else:
            yield replace(dialogue, turns=_joined(dialogue, other, replies, report))
    for dialogue_id in annotated:
        report.skipped("dialogue: in the annotated file only", dialogue_id)


def read_dev_merged(
    source: CorpusSource,
    *,
    replies: ReplySource = ReplySource.ANNOTATED,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream the official dev split, both layouts joined. See `read_merged`."""
    return read_merged(source, "dev", replies=replies, report=report, progress=progress)


def _joined(
    plain: Dialogue, annotated: Dialogue, replies: ReplySource, report: ReadReport
) -> tuple[Turn, ...]:
    """Join turn by turn; three dev dialogues have a turn more in one file than in the other."""
    if len(plain.turns) == len(annotated.turns):
        pairs = zip(plain.turns, annotated.turns, strict=True)
        return tuple(_both(turn, other, replies) for turn, other in pairs)
    report.changed("dialogue: turns of the two files matched by text", plain.dialogue_id)
    turns: list[Turn] = []
    rest = list(annotated.turns)
    for index, turn in enumerate(plain.turns):
        match = next((at for at, other in enumerate(rest) if _same(turn.user, other.user)), None)
        if match is None:
            report.missing("turn: not in the annotated file", f"{plain.dialogue_id} turn {index}")
            turns.append(turn)
            continue
        for other in rest[:match]:
            report.skipped(
                "turn: in the annotated file only", f"{plain.dialogue_id} {other.user[:40]!r}"
            )
        turns.append(_both(turn, rest[match], replies))
        rest = rest[match + 1 :]
    for other in rest:
        report.skipped(
            "turn: in the annotated file only", f"{plain.dialogue_id} {other.user[:40]!r}"
        )
    return tuple(turns)


def _same(one: str, other: str) -> bool:
    ratio = difflib.SequenceMatcher(None, normalise(one), normalise(other)).ratio()
    return ratio >= _SAME_UTTERANCE


def _both(plain: Turn, annotated: Turn, replies: ReplySource) -> Turn:
    joined = replace(annotated, user=plain.user, belief_state=plain.belief_state)
    if replies is ReplySource.ANNOTATED or plain.system is None:
        return joined
    return replace(joined, system=plain.system, delexicalised_response=None, placeholders=())


def _read_multiwoz(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    # Acts and intents exist for dev and test only; see `silver` for train.
    reader = read_tsv if split == "train" else read_merged
    return reader(source, split, report=report, progress=progress)


READER = Reader(
    publisher=Publisher(
        name="multiwoz21",
        title="MultiWOZ 2.1",
        licence="MIT",
        url=(
            "https://github.com/budzianowski/multiwoz (db/, schema.json), "
            "https://github.com/smartyfh/DST-STAR (train/dev/test.tsv), "
            "https://github.com/thu-coai/ConvLab-2 (annotated/val.json and test.json)"
        ),
        archive="multiwoz21.tar.xz",
        markers=("train.tsv", "dev.tsv", "test.tsv", "annotated/val.json"),
        splits=("train", "dev", "test"),
        caution="acts and intents exist for dev and test only; those of train are silver",
    ),
    read=_read_multiwoz,
    services=multiwoz_services,
    entities=multiwoz_entities,
    manifest=Path(__file__).with_name("manifest.json"),
)
