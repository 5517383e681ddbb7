"""Layout conversion: writes a corpus's dialogues in another layout.

``tod data convert`` calls it: from a published corpus or a path, to JSON lines, Schema-Guided
Dialogue or Rasa. Example: ``run_convert("multiwoz21", "rasa", Path("bot"), split="dev")``. Rasa to
Rasa rewrites the old JSON and Markdown as today's YAML.

What a layout cannot carry is counted and printed; nothing is put in its place.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from todserve.corpora.corpus_faults import Fault, refuse
from todserve.corpora.files.dialogue_layouts import (
    SCHEMA,
    Layout,
    Opened,
    layout_of,
    open_dialogues,
)
from todserve.corpora.files.jsonlines import SUFFIX, write_lines
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_project import read_project, write_project
from todserve.corpora.readers.rasa.rasa_writer import dialogues_project
from todserve.corpora.readers.sgd.sgd_writer import write_sgd
from todserve.corpora.readers.sheet.sheet_dialogues import read_sheet
from todserve.corpora.readers.sheet.sheet_map import load_sheet_map
from todserve.corpora.registry import CORPORA, find, load, published_at
from todserve.corpora.services import merged
from todserve.runtime.console import one_line, tell
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.inner_paths import inner_path
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Schema

_PLACES = 100_000
"""Places remembered of what a reading leaves out."""
_SETTINGS = tuple(
    f"{name}{suffix}"
    for name in ("config", "endpoints", "credentials")
    for suffix in (".yml", ".yaml")
)
_BRANCHES = "or: first branch kept"
_CARRIED = (
    *("rule", _BRANCHES),
    *(f"step: {one}" for one in ("active_loop", "form", "checkpoint", "metadata", "condition")),
)


def run_convert(
    source: Path | str,
    to: Layout | str,
    out: Path | str,
    *,
    split: str | None = None,
    sheet: Path | None = None,
    root: Path | str | None = None,
    progress: bool = False,
) -> ReadReport:
    """Convert dialogues and print what was written and what the layout cannot carry.

    Args:
        source: a folder or file in one of the layouts, or one of `registry.CORPORA` where no
            such path exists.
        to: ``jsonl``, ``sgd`` or ``rasa``.
        out: folder to make; must not exist. It appears when it is complete.
        split: of a published corpus; ``train`` when None.
        sheet: the map of a sheet's columns, where the source is a sheet of rows; see `sheet_map`.
        root: where published corpora are, see `source.find`.
        progress: show a progress bar on stderr.

    Returns:
        What was written and lost.

    Raises:
        ConfigError: unknown layout, or ``out`` exists.
        CorpusError: the source is not there or has a fault.
    """
    if to not in tuple(Layout):
        raise ConfigError(f"unknown layout {str(to)!r}; expected one of {', '.join(Layout)}")
    out = Path(out)
    if out.exists():
        raise ConfigError(f"{out} exists; expected a folder to make; move it, or name another")
    reading = ReadReport(corpus=str(source), kept=_PLACES)
    writing = ReadReport(corpus=str(out), split=str(to))
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        partial.mkdir()
        opened = None if sheet is None else _open_sheet(Path(source), sheet, reading)
        _write(
            source, Layout(to), partial, split, root, reading, writing, opened, progress=progress
        )
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    for report in (reading, writing):
        for line in report.lines():
            tell(one_line(line))
    return writing


def _write(
    source: Path | str,
    to: Layout,
    folder: Path,
    split: str | None,
    root: Path | str | None,
    reading: ReadReport,
    writing: ReadReport,
    opened: Opened | None,
    *,
    progress: bool,
) -> None:
    path = Path(source)
    own = opened is None and path.exists() and published_at(path) is None
    if own and to is Layout.RASA and layout_of(path) is Layout.RASA:
        # As it stands: by way of dialogues its responses, roles and regexes would be lost.
        faults: list[Fault] = []
        project = read_project(path, reading, faults)
        if not (project.domains or project.stories or project.nlu.examples):
            refuse(faults, path)
        for fault in dict.fromkeys(faults):
            got = fault.got.removeprefix("got ")
            reading.skipped(f"fault: {fault.what}: got {got}", f"{fault.file}:{fault.line}")
        write_project(project, folder, writing)
        _forget_carried(reading)
        if path.is_dir():
            for name in _SETTINGS:
                if (path / name).is_file():
                    writing.skipped("file: settings of Rasa, copy it", str(path / name))
        writing.dialogues = len(project.stories)
        return
    services, dialogues = opened or _opened(source, split, root, reading, progress=progress)
    schema = Schema(services=services)
    if to is Layout.RASA:
        write_project(dialogues_project(services, dialogues, writing), folder, writing)
        return
    for name, part in groupby(dialogues, key=lambda one: one.split):
        named = [
            inner_path(folder, file, said_by=f"{source}: split", one=True, error=CorpusError)
            for file in (name, f"{name}{SUFFIX}")
        ]
        target = named[0] if to is Layout.SGD else named[1]
        if to is Layout.SGD and not services:
            raise CorpusError(f"{source} has no service; expected one at least in its schema")
        if target.exists():
            raise CorpusError(
                f"dialogues of split {name!r} stand in two places of {source}; expected them "
                "together; sort the lines by split"
            )
        if to is Layout.SGD:
            write_sgd(schema, part, target, writing)
        else:
            write_lines(_counted(part, writing), target)
    if to is Layout.JSONL:
        schema.save(folder / SCHEMA)


def _open_sheet(path: Path, sheet: Path, report: ReadReport) -> Opened:
    services, dialogues = read_sheet(path, load_sheet_map(sheet), report)
    return services, iter(dialogues)


def _forget_carried(reading: ReadReport) -> None:
    """Take back what dialogues cannot hold and the written files do: YAML goes as it stands."""
    for name in _CARRIED:
        note = reading.notes.get(name)
        whole = name == _BRANCHES  # written out, whichever format they are read from
        if note is not None and (whole or not any(".md:" in where for where in note.examples)):
            del reading.notes[name]


def _counted(dialogues: Iterable[Dialogue], report: ReadReport) -> Iterator[Dialogue]:
    for dialogue in dialogues:
        report.dialogue(len(dialogue.turns))
        yield dialogue


def _opened(
    source: Path | str,
    split: str | None,
    root: Path | str | None,
    report: ReadReport,
    *,
    progress: bool,
) -> Opened:
    if Path(source).exists():
        if split is not None:
            raise ConfigError(
                f"{source} is a path, and split {split!r} is for published corpora; expected no "
                "split; name the split's own file or folder instead"
            )
        return open_dialogues(source, report=report, fit=False)
    name = str(source)
    if name not in CORPORA:
        raise CorpusError(
            f"{name!r} is neither a path nor a corpus; expected a folder or file, or one of "
            f"{', '.join(CORPORA)}"
        )
    services = merged(CORPORA[name].services(find(name, root)))
    split = split if split is not None else "train"
    return services, load(name, split, root, report=report, progress=progress)
