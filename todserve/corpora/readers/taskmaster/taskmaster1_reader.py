"""Read Taskmaster-1: pizzas, coffee, tables, tickets, rides and garages, written and spoken.

Called by `corpora.registry` when training or an evaluation asks for the corpus. The written
dialogues (``self-dialogs.json``) have the publisher's splits, by their ids in
``train-dev-test/SPLIT.csv``; the spoken ones (``woz-dialogs.json``) have none and are train.
Intents and acts are not annotated.
Example: ``pizza_ordering.size.pizza`` is slot ``size_pizza`` of domain ``pizza_ordering``.
"""

from collections.abc import Iterator
from pathlib import Path

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.json_files import json_list, layout
from todserve.corpora.publisher import Publisher
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.reader import Reader
from todserve.corpora.readers.dialogue_frame import begun, kept
from todserve.corpora.readers.taskmaster.taskmaster_segments import segment_turns
from todserve.corpora.services import open_services
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Service

_WRITTEN, _SPOKEN = "self-dialogs.json", "woz-dialogs.json"
_LIST = "train-dev-test/{}.csv"
_SPLITS = ("train", "dev", "test")
_PUBLISHER = "Taskmaster-1"


def read_taskmaster1(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream a split: the written dialogues its list names, and to train the spoken ones.

    Args:
        source: the corpus.
        split: ``train``, ``dev`` or ``test``.
        report: counts everything skipped, changed or missing.
        progress: show a progress bar.

    Raises:
        CorpusError: no such split, or not the publisher's layout.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    listed = {line.partition(",")[0].strip() for line in source.text(_LIST.format(split))}
    for path in (_WRITTEN, _SPOKEN):
        if path == _SPOKEN and (split != "train" or not source.has(_SPOKEN)):
            continue
        entries = json_list(source, path)
        for entry in with_progress(entries, progress=progress, label=path, total=len(entries)):
            with layout(path, _PUBLISHER):
                dialogue_id = str(entry["conversation_id"])
                if path == _WRITTEN and dialogue_id not in listed:
                    continue
                turns = tuple(segment_turns(entry["utterances"], None, dialogue_id, report))
            yield from kept(dialogue_id, turns, source, split, report)


def taskmaster1_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return the tasks with the slots that any split fills; all are open, so no value is told."""
    splits = [one for one in _SPLITS if source.has(_LIST.format(one))]
    return open_services(
        dialogue for split in splits for dialogue in read_taskmaster1(source, split)
    )


def _recognised(folder: Path) -> tuple[str, ...]:
    if not (folder / _WRITTEN).is_file():
        return ()
    return tuple(one for one in _SPLITS if (folder / _LIST.format(one)).is_file())


READER = Reader(
    publisher=Publisher(
        name="taskmaster1",
        title="Taskmaster-1",
        licence="CC BY 4.0",
        url="https://github.com/google-research-datasets/Taskmaster (TM-1-2019/)",
        archive="taskmaster1.tar.xz",
        markers=(_WRITTEN,),
        splits=_SPLITS,
        caution="the spoken dialogues have no official split: they are train",
        folder="TM-1-2019",
    ),
    read=read_taskmaster1,
    services=taskmaster1_services,
    recognises=_recognised,
)
