"""Read MultiDoGO, the splits annotated at turn level: intents and slot tags of customers.

Called by `corpora.registry` when training or an evaluation asks for the corpus. One tab-separated
file a domain and split, one row a customer's turn; an agent's turns are not in these splits, so
replies and acts are None.
Example: the tags ``O departure_city O arrival_city`` of "from oslo to rome" are the state
``airline: departure_city oslo, arrival_city rome``.

A belief state holds what has been tagged so far in the dialogue, the latest value of each slot.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.reader import Reader
from todserve.corpora.readers.dialogue_frame import begun, kept
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.slot_values import SEVERAL_VALUES, open_value
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.schema import Service, Slot

DOMAINS = ("airline", "fastfood", "finance", "insurance", "media", "software")
_HEADER = ["conversationId", "turnNumber", "utteranceId", "utterance", "slot-labels", "intent"]
_OUTSIDE = "O"
_PARTED = "<div>"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    dialogue_id: str
    text: str
    tags: tuple[str, ...]
    intents: tuple[str, ...]
    where: str

    def values(self) -> Iterator[tuple[str, str]]:
        """Yield (slot, words) of each run of one tag; the tags do not part neighbours."""
        # Single spaces part words: a line end or tab inside an utterance is a word with a tag.
        words = zip(self.text.split(" "), self.tags, strict=True)
        for tag, run in groupby(words, key=lambda pair: pair[1]):
            if tag != _OUTSIDE:
                yield label(tag), " ".join(word for word, _ in run)


def read_multidogo(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream a split of all six domains, one domain after the other.

    Args:
        source: the corpus.
        split: ``train``, ``dev`` or ``test``.
        report: counts everything skipped or changed.
        progress: show a progress bar.

    Raises:
        CorpusError: no such split, or a file without the publisher's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    conversations = (
        (domain, dialogue_id, list(rows))
        for domain in DOMAINS
        for dialogue_id, rows in groupby(
            _rows(source, f"{domain}/{split}.tsv"), key=lambda row: row.dialogue_id
        )
    )
    for domain, dialogue_id, rows in with_progress(
        conversations, progress=progress, label=f"multidogo {split}"
    ):
        turns = tuple(_turns(rows, domain, report))
        yield from kept(
            dialogue_id, turns, source, split, report, where=f"{rows[0].where} {dialogue_id}"
        )


def multidogo_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return the six domains with the slots and intents of their train files."""
    services = []
    for domain in DOMAINS:
        rows = list(_rows(source, f"{domain}/train.tsv"))
        slots = sorted({slot for row in rows for slot, _ in row.values()})
        intents = sorted({intent for row in rows for intent in row.intents})
        services.append(
            Service(
                name=domain,
                slots=tuple(Slot(name=slot) for slot in slots),
                intents=tuple(intents),
            )
        )
    return tuple(services)


def _rows(source: CorpusSource, path: str) -> Iterator[_Row]:
    with source.open(path) as stream:
        # Utterances with line ends or tabs in them are quoted, as in any CSV file.
        text = io.StringIO(stream.read().decode("utf-8"), newline="")
    rows = csv.reader(text, delimiter="\t")
    header = next(rows, [])
    if header != _HEADER:
        raise CorpusError(f"{path}:1 has columns {header}; expected {_HEADER}")
    for fields in rows:
        where = f"{path}:{rows.line_num}"
        if len(fields) != len(_HEADER):
            raise CorpusError(f"{where} has {len(fields)} columns; expected {len(_HEADER)}")
        dialogue_id, _, _, utterance, tags, intents = fields
        row = _Row(
            dialogue_id=dialogue_id,
            text=utterance,
            tags=tuple(tags.split(" ")),
            intents=tuple(label(one) for one in intents.split(_PARTED)),
            where=where,
        )
        if len(row.tags) != len(utterance.split(" ")):
            raise CorpusError(
                f"{where} has {len(row.tags)} slot labels for {len(utterance.split(' '))} words; "
                "expected one for each"
            )
        yield row


def _turns(rows: Iterable[_Row], domain: str, report: ReadReport) -> Iterator[Turn]:
    slots: dict[str, str] = {}
    for row in rows:
        if not row.text.strip():
            report.skipped("turn: empty utterance", row.where)
            continue
        now: dict[str, str] = {}
        for slot, words in row.values():
            value = open_value(words)
            if value is None:
                report.skipped("value: says that there is none", f"{row.where} {slot}")
            elif now.setdefault(slot, value) != value:
                report.changed(SEVERAL_VALUES, f"{row.where} {slot}")
        if len(row.intents) > 1:
            report.changed("intent: first of several kept", row.where)
        slots = {**slots, **now}
        yield Turn(
            user=row.text,
            belief_state={domain: slots} if slots else {},
            intent=row.intents[0],
            active_domain=domain,
        )


READER = Reader(
    publisher=Publisher(
        name="multidogo",
        title="MultiDoGO (turn level)",
        licence="CDLA-Permissive-1.0",
        url=(
            "https://github.com/awslabs/multi-domain-goal-oriented-dialogues-dataset "
            "(data/paper_splits/splits_annotated_at_turn_level/)"
        ),
        archive="multidogo.tar.xz",
        markers=("airline/train.tsv", "airline/dev.tsv", "airline/test.tsv"),
        splits=("train", "dev", "test"),
        caution="customers' turns only; a state is what has been tagged so far",
        folder="multidogo/data/paper_splits/splits_annotated_at_turn_level",
    ),
    read=read_multidogo,
    services=multidogo_services,
    manifest=Path(__file__).with_name("manifest.json"),
)
