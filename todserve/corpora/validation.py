"""Validation: finds every fault of somebody's dialogues, with file and line.

Called by ``tod data validate``. Takes a path in one of the layouts, or the name of a published
corpus. Example line: ``our-bot/train.jsonl:3: turns.0 belief_state train: got slot 'colour';
expected one of day, destination; add the slot to the schema, or correct its name``.
"""

from collections.abc import Sequence
from pathlib import Path

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.dialogue_checks import DialogueChecks, Finding
from todserve.corpora.files.dialogue_layouts import (
    SCHEMA,
    Layout,
    jsonl_files,
    layout_of,
    read_schema,
    sgd_folders,
    sgd_schema_folder,
)
from todserve.corpora.files.dialogue_places import Places
from todserve.corpora.files.folder_files import folder_files
from todserve.corpora.files.jsonlines import read_lines
from todserve.corpora.files.located_files import read_located
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_checks import project_faults
from todserve.corpora.readers.rasa.rasa_project import read_project
from todserve.corpora.readers.sgd.sgd_checks import SgdChecks
from todserve.corpora.registry import CORPORA, find, published_at
from todserve.corpora.services import merged
from todserve.runtime.console import one_line, tell
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.schema import Schema


def run_validate(
    path_or_name: Path | str,
    *,
    split: str | None = None,
    root: Path | str | None = None,
    progress: bool = False,
) -> list[Fault]:
    """Check dialogues and print every fault, then a summary.

    Args:
        path_or_name: a folder or file, or one of `registry.CORPORA` where no such path exists.
        split: of a published corpus; all of them when None.
        root: where published corpora are, see `source.find`.
        progress: show a progress bar on stderr.

    Returns:
        The faults, in the order of the files; a caller exits with 1 when there is any.

    Raises:
        CorpusError: nothing known is there, or a published file cannot be read at all.
    """
    faults: list[Fault] = []
    path = Path(path_or_name)
    if path.exists():
        counted = _check_path(path, faults)
    elif str(path_or_name) in CORPORA:
        counted = _check_published(str(path_or_name), split, root, faults, progress=progress)
    else:
        raise CorpusError(
            f"{str(path_or_name)!r} is neither a path nor a corpus; expected a folder or file, "
            f"or one of {', '.join(CORPORA)}"
        )
    for fault in faults:
        tell(one_line(str(fault)))
    tell(f"{path_or_name}: {counted}; {len(faults)} {'fault' if len(faults) == 1 else 'faults'}")
    return faults


def _check_path(path: Path, faults: list[Fault]) -> str:
    published = published_at(path)
    if published is not None:
        return _check_source(*published, faults, progress=False)
    layout = layout_of(path)
    if layout is Layout.RASA:
        report = ReadReport()
        project = read_project(path, report, faults)
        faults += project_faults(project)
        faults.sort(key=lambda one: (one.file, one.line))
        return f"Rasa, {len(project.nlu.examples)} examples, {len(project.stories)} stories"
    if layout is Layout.SGD:
        counts = [_check_sgd(folder, faults) for folder in sgd_folders(path)]
        return f"Schema-Guided Dialogue, {sum(counts)} dialogues"
    folder = path if path.is_dir() else path.parent
    checks = DialogueChecks(read_schema(folder / SCHEMA))
    count = 0
    for file in jsonl_files(path):
        found: list[Fault] = []
        for line, dialogue in read_lines(file, found):
            count += 1
            found += (_at(str(file), line, one) for one in checks.findings(dialogue))
        # An unreadable line is noted before the good line after it is yielded.
        faults += sorted(found, key=lambda one: one.line)
    return f"JSON lines, {count} dialogues"


def _at(file: str, line: int, finding: Finding) -> Fault:
    where = "" if finding.turn is None else f"turns.{finding.turn} "
    return Fault(
        file=file,
        line=line,
        what=where + finding.what,
        got=finding.got,
        expected=finding.expected,
        fix=finding.fix,
    )


def _check_sgd(folder: Path, faults: list[Fault]) -> int:
    schema = read_schema((sgd_schema_folder(folder) or folder) / SCHEMA)
    checks = SgdChecks(schema, faults)
    for file in folder_files(folder, "dialogues_*.json"):
        root = read_located(file, faults)
        if root is not None:
            checks.file(root)
    return checks.dialogues


def _check_published(
    name: str, split: str | None, root: Path | str | None, faults: list[Fault], *, progress: bool
) -> str:
    source = find(name, root)
    splits = source.publisher.splits if split is None else (split,)
    return _check_source(source, splits, faults, progress=progress)


def _check_source(
    source: CorpusSource, splits: Sequence[str], faults: list[Fault], *, progress: bool
) -> str:
    reader = CORPORA[source.publisher.name]
    if reader.check is not None:
        counts = [reader.check(source, one, faults, progress=progress) for one in splits]
        return f"{', '.join(splits)}, {sum(counts)} dialogues"
    schema = Schema(services=merged(reader.services(source)))
    checks = DialogueChecks(schema)
    count = 0
    for one in splits:
        places = Places(source, one)
        for dialogue in reader.read(source, one, progress=progress):
            count += 1
            for finding in checks.findings(dialogue):
                said = dialogue.turns[finding.turn or 0].user if dialogue.turns else ""
                file, line = places.find(dialogue.dialogue_id, said)
                fault = _at(file, line, finding)
                faults.append(_named(fault, dialogue.dialogue_id))
    return f"{', '.join(splits)}, {count} dialogues"


def _named(fault: Fault, dialogue_id: str) -> Fault:
    return Fault(
        file=fault.file,
        line=fault.line,
        what=f"{dialogue_id} {fault.what}",
        got=fault.got,
        expected=fault.expected,
        fix="correct it in a copy, or tell the publisher",
    )
