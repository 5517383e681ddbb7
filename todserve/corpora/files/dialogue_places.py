"""Dialogue places: finds the file and line of a dialogue that a reader gave without them.

``tod data validate`` uses it for published corpora, whose readers know dialogues and not lines. A
place is found by the dialogue's id and its utterance in the corpus's own files.
Example: turn 3 of ``PMUL0001`` is ``dev.tsv:4711``.
"""

import json
from collections.abc import Iterator
from pathlib import PurePosixPath

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.files.folder_files import folder_files
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.schema import letters_and_digits
from todserve.runtime.untrusted.packed_files import open_tar

_SHORTEST_ID = 4  # "1" stands on every other line of a file
_LINES_OF_A_DIALOGUE = 3000  # in indented JSON
_TEXTS = (".json", ".tsv", ".csv", ".txt", ".jsonl")


class Places:
    """Finds dialogues of one split in a corpus's files; reads them at the first question."""

    def __init__(self, source: CorpusSource, split: str) -> None:
        self._source = source
        self._split = split
        self._texts: dict[str, str] | None = None

    def find(self, dialogue_id: str, utterance: str) -> tuple[str, int]:
        """Return (file, line) of an utterance, of its dialogue where it is not found as it is.

        Line 0 of the corpus's folder where neither stands in any file.
        """
        texts = self._all()
        for path, text in texts.items():
            if PurePosixPath(path).stem == dialogue_id:
                return self._place(path, text, max(_said(text, utterance, 0), 0))
        if len(dialogue_id) >= _SHORTEST_ID:
            for path, text in texts.items():
                at = _whole(text, dialogue_id)
                if at >= 0:
                    said = _said(text, utterance, at)
                    return self._place(path, text, at if said < 0 else said)
        for path, text in texts.items():
            at = _said(text, utterance, 0)
            if at >= 0:
                return self._place(path, text, at)
        return str(self._source.location), 0

    def _place(self, path: str, text: str, at: int) -> tuple[str, int]:
        return f"{self._source.location}/{path}", text.count("\n", 0, at) + 1

    def _all(self) -> dict[str, str]:
        if self._texts is None:
            # A dialogue of dev may stand in another file too; the one named so goes first.
            found = sorted(self._read(), key=lambda one: self._split not in one[0])
            self._texts = dict(found)
        return self._texts

    def _read(self) -> Iterator[tuple[str, str]]:
        for path, content in self._files():
            if path.endswith(_TEXTS):
                yield path, content.decode("utf-8", errors="replace")

    def _files(self) -> Iterator[tuple[str, bytes]]:
        root = self._source.location
        if not self._source.is_archive:
            for file in folder_files(root, "*", below=True):
                if file.is_file():
                    yield file.relative_to(root).as_posix(), file.read_bytes()
            return
        with open_tar(root, error=CorpusError) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None:
                    yield member.name.removeprefix("./"), stream.read()


def _whole(text: str, name: str) -> int:
    """Return where ``name`` stands in ``text`` as a whole word; -1 where it does not."""
    at = text.find(name)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(name) : at + len(name) + 1]
        if not (before.isalnum() or after.isalnum()):
            return at
        at = text.find(name, at + 1)
    return -1


def _said(text: str, utterance: str, start: int) -> int:
    """Return where an utterance stands, as it is or as JSON writes it; -1 where it does not.

    Readers undo a corpus's tokenisation ("expensive -ly"), so below a dialogue's id a line with
    the same letters will do.
    """
    if not utterance.strip():
        return -1
    forms = (json.dumps(utterance)[1:-1], json.dumps(utterance, ensure_ascii=False)[1:-1])
    found = [at for form in (utterance, *forms) if (at := text.find(form, start)) >= 0]
    letters = letters_and_digits(utterance)
    if found or not start or not letters:
        return min(found, default=-1)
    at = text.rfind("\n", 0, start) + 1
    for _ in range(_LINES_OF_A_DIALOGUE):
        end = text.find("\n", at)
        if letters in letters_and_digits(text[at : end if end >= 0 else None]):
            return at
        if end < 0:
            break
        at = end + 1
    return -1
