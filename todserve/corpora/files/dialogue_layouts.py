"""Dialogue layouts: opens a folder of dialogues in JSON lines, Schema-Guided or Rasa's form.

Training and ``tod data`` open people's own dialogues with it; `registry` opens published corpora by
name. Example: ``services, dialogues = open_dialogues(Path("our-bot"))``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import IO

from todserve.corpora.corpus_faults import Fault, refuse
from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.folder_files import folder_files, own_file
from todserve.corpora.files.jsonlines import SUFFIX, read_lines
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_dialogues import ProjectDialogues
from todserve.corpora.readers.rasa.rasa_project import rasa_files, read_project
from todserve.corpora.readers.rasa.rasa_services import project_services
from todserve.corpora.readers.schema_names import Fitting
from todserve.corpora.readers.sgd.sgd_reader import READER as SGD_READER
from todserve.corpora.readers.sgd.sgd_reader import read_sgd
from todserve.corpora.registry import CORPORA, published_at
from todserve.corpora.services import merged
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.language.dialogue import GENERAL, Dialogue
from todserve.runtime.language.schema import Schema, Service

SCHEMA = "schema.json"
ANSWERED = "answered"
"""The folder beside corrected dialogues in which they stand as they were answered at first."""


class Layout(StrEnum):
    """How dialogues are laid out in files."""

    JSONL = "jsonl"
    SGD = "sgd"
    RASA = "rasa"


_SHEET = (
    "; a sheet of rows becomes dialogues with `tod data convert SHEET --map MAP.yml --to jsonl "
    "--out DIR`, docs/own-data.md says how"
)
_FIXES = {
    ".zip": "; unpack it, and name the folder",
    ".csv": _SHEET,
    ".tsv": _SHEET,
    ".xlsx": f"; save it as CSV in UTF-8{_SHEET}",
    ".xls": f"; save it as CSV in UTF-8{_SHEET}",
    ".ods": f"; save it as CSV in UTF-8{_SHEET}",
}

Opened = tuple[tuple[Service, ...], Iterator[Dialogue]]
"""Services, and dialogues that are read as they are asked for."""


def layout_of(path: Path) -> Layout:
    """Return the layout of the folder or file at ``path``.

    Raises:
        CorpusError: nothing is there, or nothing known.
    """
    if path.suffix == SUFFIX or (path.is_dir() and any(path.glob(f"*{SUFFIX}"))):
        layout = Layout.JSONL
    elif path.is_dir() and sgd_folders(path):
        layout = Layout.SGD
    elif path.exists() and next(rasa_files(path), None) is not None:
        layout = Layout.RASA
    else:
        layout = None
    if layout is None or not path.exists():
        fix = _FIXES.get(path.suffix.lower(), "")
        raise CorpusError(
            f"{path} holds no dialogues; expected a folder of *{SUFFIX} and {SCHEMA}, of "
            f"dialogues_*.json and {SCHEMA}, or of Rasa's YAML, JSON or Markdown files{fix}"
        )
    return layout


def sgd_folders(path: Path) -> list[Path]:
    """Return the folders in Schema-Guided Dialogue's layout: ``path`` itself, or its splits."""
    places = [path, *sorted(one for one in path.iterdir() if one.is_dir())]
    return [
        one if one is path else own_file(path, one.name)
        for one in places
        if sgd_schema_folder(one) is not None and any(one.glob("dialogues_*.json"))
    ]


def sgd_schema_folder(folder: Path) -> Path | None:
    """Return the folder of a split's schema: its own, or the one above, for all splits."""
    places = (folder, folder.resolve().parent)
    return next((one for one in places if (one / SCHEMA).is_file()), None)


def jsonl_files(path: Path) -> list[Path]:
    """Return the files of JSON lines at ``path``."""
    return [path] if path.is_file() else folder_files(path, f"*{SUFFIX}")


def open_dialogues(
    path: Path | str, *, report: ReadReport | None = None, fit: bool = True
) -> Opened:
    """Return the services and dialogues at ``path``.

    Args:
        path: a folder or file in one of the layouts.
        report: counts everything left out or changed.
        fit: spell names and values as prompts and the schema do, see `fitting`; otherwise as
            they are written.

    Raises:
        CorpusError: no known layout, or, also later while reading, any fault in its files.
    """
    path = Path(path)
    report = report if report is not None else ReadReport()
    report.corpus = report.corpus or path.resolve().name
    published = published_at(path)
    layout = layout_of(path) if published is None else None
    if published is not None:
        services, dialogues = _open_published(*published, report)
    elif layout is Layout.RASA:
        services, dialogues = _open_rasa(path, report)
    elif layout is Layout.SGD:
        services, dialogues = _open_sgd(path, report)
    else:
        services, dialogues = _open_lines(path, report)
    if not fit:
        return services, dialogues
    fitting = Fitting(services, report)
    return fitting.services, map(fitting.dialogue, dialogues)


def read_schema(path: Path) -> Schema:
    """Read the ``schema.json`` beside somebody's dialogues.

    Raises:
        CorpusError: it is missing or no such schema.
    """
    try:
        return Schema.load(own_file(path.parent, path.name))
    except ConfigError as error:
        raise CorpusError(
            f"{error}; put one beside the dialogues, as docs/own-data.md shows"
        ) from error


def _open_published(source: CorpusSource, splits: Sequence[str], report: ReadReport) -> Opened:
    reader = CORPORA[source.publisher.name]

    def dialogues() -> Iterator[Dialogue]:
        corpus = report.corpus
        for split in splits:
            for dialogue in reader.read(source, split, report=report):
                report.corpus = corpus
                yield replace(dialogue, corpus=corpus)

    return merged(reader.services(source)), dialogues()


def _open_lines(path: Path, report: ReadReport) -> Opened:
    folder = path if path.is_dir() else path.parent
    schema = read_schema(folder / SCHEMA)

    def dialogues() -> Iterator[Dialogue]:
        for file in jsonl_files(path):
            faults: list[Fault] = []
            for _, dialogue in read_lines(file, faults):
                refuse(faults, path)
                report.dialogue(len(dialogue.turns))
                yield dialogue
            refuse(faults, path)

    return schema.services, dialogues()


def _open_sgd(path: Path, report: ReadReport) -> Opened:
    folders = sgd_folders(path)
    services = merged(
        service
        for folder in folders
        for service in read_schema((sgd_schema_folder(folder) or folder) / SCHEMA).services
        if service.name != GENERAL  # see `sgd_write`: a frame for acts that no service owns
    )

    def dialogues() -> Iterator[Dialogue]:
        for folder in folders:
            source = SplitFolder(publisher=SGD_READER.publisher, location=folder)
            corpus = report.corpus
            for dialogue in read_sgd(source, _SPLIT, report=report):
                report.corpus = corpus
                yield replace(dialogue, corpus=corpus, split=folder.resolve().name)

    return services, dialogues()


_SPLIT = "train"


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitFolder(CorpusSource):
    """One split's folder, whatever its name, as a corpus whose only split is ``train``."""

    @contextmanager
    def open(self, path: str) -> Iterator[IO[bytes]]:
        """Open a file by its path inside the corpus, ``train/schema.json``."""
        name = path.removeprefix(f"{_SPLIT}/")
        folder = (sgd_schema_folder(self.location) or self.location) if name == SCHEMA else None
        with own_file(folder or self.location, name).open("rb") as stream:
            yield stream

    def files(self, folder: str, suffix: str) -> Iterator[tuple[str, bytes]]:
        """Yield (path, content) of the dialogue files."""
        for file in folder_files(self.location, f"dialogues_*{suffix}"):
            yield str(file), file.read_bytes()


def _open_rasa(path: Path, report: ReadReport) -> Opened:
    faults: list[Fault] = []
    project = read_project(path, report, faults)
    refuse(faults, path)

    def dialogues() -> Iterator[Dialogue]:
        for dialogue in ProjectDialogues(project, report).dialogues():
            if any(not turn.user for turn in dialogue.turns):
                # A story of intents alone has nothing that a model could read.
                report.skipped("story: without utterances", dialogue.dialogue_id)
                continue
            report.dialogue(len(dialogue.turns))
            yield replace(dialogue, corpus=report.corpus)

    return project_services(project), dialogues()
