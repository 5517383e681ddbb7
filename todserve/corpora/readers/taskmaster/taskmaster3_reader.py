"""Read Taskmaster-3: cinema tickets, with what is said about films, theatres and times marked.

Called by `corpora.registry` when training or an evaluation asks for the corpus. The publisher's
files (``data/data_*.json``) have no splits: those of ``splits/`` are of single sentences for
another task. Everything is train. Calls of the APIs are no acts of the assistant, so acts and
intents are not annotated. Example: ``name.movie`` is slot ``name_movie`` of domain
``Movie_Tickets``.
"""

from collections.abc import Iterator
from pathlib import Path

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import layout, listed_entries
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.reader import Reader
from todserve.corpora.readers.dialogue_frame import begun, kept
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.taskmaster.taskmaster_segments import segment_turns
from todserve.corpora.services import open_services
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Service

_FOLDER, _FIRST = "data", "data/data_00.json"
_PUBLISHER = "Taskmaster-3"
_TASK = "Movie Tickets"


def read_taskmaster3(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream the dialogues of ``data/data_*.json``, one file in memory at a time.

    Args:
        source: the corpus.
        split: ``train``; the publisher has no splits of dialogues.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar.

    Raises:
        CorpusError: another split, or a file without the publisher's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    entries = listed_entries(source, _FOLDER)
    for path, entry in with_progress(entries, progress=progress, label="taskmaster3"):
        with layout(path, _PUBLISHER):
            dialogue_id = str(entry["conversation_id"])
            domain = label(entry.get("vertical", _TASK))
            turns = tuple(segment_turns(entry["utterances"], domain, dialogue_id, report))
        yield from kept(dialogue_id, turns, source, split, report)


def taskmaster3_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return the one domain with the slots of its states."""
    return open_services(read_taskmaster3(source, "train"))


def _recognised(folder: Path) -> tuple[str, ...]:
    """Return the split of a folder that is Taskmaster-3; Taskmaster-4's files are named alike."""
    first = folder / _FIRST
    if not first.is_file():
        return ()
    with first.open("rb") as stream:
        return ("train",) if f'"{_TASK}"'.encode() in stream.read(1 << 20) else ()


READER = Reader(
    publisher=Publisher(
        name="taskmaster3",
        title="Taskmaster-3",
        licence="CC BY 4.0",
        url="https://github.com/google-research-datasets/Taskmaster (TM-3-2020/)",
        archive="taskmaster3.tar.xz",
        markers=(_FIRST,),
        splits=("train",),
        caution="no official splits of dialogues: everything is train",
        folder="TM-3-2020",
    ),
    read=read_taskmaster3,
    services=taskmaster3_services,
    recognises=_recognised,
)
