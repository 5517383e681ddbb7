"""Read Taskmaster-2: flights, food, hotels, films, music, restaurants and sports, all spoken.

Called by `corpora.registry` when training or an evaluation asks for the corpus. Each domain is a
file of ``data/``; the publisher has no splits, so everything is train. Intents and acts are not
annotated. Example: ``hotel_search.type`` is slot ``type`` of domain ``hotel_search``.
"""

from collections.abc import Iterator
from pathlib import Path

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import layout, listed_entries
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.reader import Reader
from todserve.corpora.readers.dialogue_frame import begun, kept
from todserve.corpora.readers.taskmaster.taskmaster_segments import segment_turns
from todserve.corpora.services import open_services
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Service

_FILES = tuple(
    f"data/{name}.json"
    for name in (
        *("flights", "food-ordering", "hotels", "movies", "music"),
        *("restaurant-search", "sports"),
    )
)
_PUBLISHER = "Taskmaster-2"


def read_taskmaster2(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream the dialogues of every file of ``data/``, one file in memory at a time.

    Args:
        source: the corpus.
        split: ``train``; the publisher has no splits.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar.

    Raises:
        CorpusError: another split, or a file without the publisher's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    entries = listed_entries(source, "data")
    for path, entry in with_progress(entries, progress=progress, label="taskmaster2"):
        with layout(path, _PUBLISHER):
            dialogue_id = str(entry["conversation_id"])
            turns = tuple(segment_turns(entry["utterances"], None, dialogue_id, report))
        yield from kept(dialogue_id, turns, source, split, report)


def taskmaster2_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return the domains with the slots of their states."""
    return open_services(read_taskmaster2(source, "train"))


def _recognised(folder: Path) -> tuple[str, ...]:
    return ("train",) if any((folder / path).is_file() for path in _FILES) else ()


READER = Reader(
    publisher=Publisher(
        name="taskmaster2",
        title="Taskmaster-2",
        licence="CC BY 4.0",
        url="https://github.com/google-research-datasets/Taskmaster (TM-2-2020/)",
        archive="taskmaster2.tar.xz",
        markers=_FILES,
        splits=("train",),
        caution="no official splits: everything is train",
        folder="TM-2-2020",
    ),
    read=read_taskmaster2,
    services=taskmaster2_services,
    recognises=_recognised,
)
