"""Rasa's NLU examples in YAML: intents, synonyms, lookup tables, regular expressions.

`rasa_project` reads and writes ``nlu.yml`` with it. Example: ``- intent: greet`` with
``examples: |`` and ``- hey there`` is ``RasaExample(text="hey there", intent="greet")``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.located_values import Located
from todserve.corpora.readers.rasa.rasa_markup import Complaint, read_marked, write_marked
from todserve.corpora.readers.rasa.rasa_types import Place, RasaExample, RasaNlu, RasaTable
from todserve.corpora.readers.rasa.rasa_yaml import listed

MARK = "entity"
"""What faults of marks are about: the words around them are read all the same."""

_TABLES = ("synonym", "lookup", "regex")


def read_nlu(node: Located, faults: list[Fault]) -> RasaNlu:
    """Return what stands under a file's key ``nlu``; notes a fault for all it cannot read."""
    examples: list[RasaExample] = []
    tables: dict[str, list[RasaTable]] = {kind: [] for kind in _TABLES}
    for entry in node.sequence("nlu", faults):
        keys = entry.mapping("entry of nlu", faults)
        kind = next((one for one in ("intent", *_TABLES) if one in keys), None)
        if kind is None:
            if keys:
                faults.append(
                    entry.fault(
                        "entry of nlu",
                        got=f"keys {', '.join(keys)}",
                        expected="intent, synonym, lookup or regex",
                        fix="name what the examples are of",
                    )
                )
            continue
        name = keys[kind].text(kind, faults)
        found = list(_examples(entry, keys, f"{kind} {name!r}", faults))
        if kind != "intent":
            place = Place(file=entry.file, line=entry.line)
            texts = tuple(text for text, _ in found)
            tables[kind].append(RasaTable(name=name, examples=texts, place=place))
            continue
        examples += [_example(text, name, place, faults) for text, place in found]
    return RasaNlu(
        examples=tuple(examples),
        synonyms=tuple(tables["synonym"]),
        lookups=tuple(tables["lookup"]),
        regexes=tuple(tables["regex"]),
    )


def _example(text: str, intent: str, place: Place, faults: list[Fault]) -> RasaExample:
    plain, entities = read_marked(text, marks_at(place, faults))
    return RasaExample(text=plain, intent=intent, entities=entities, place=place)


def marks_at(place: Place, faults: list[Fault]) -> Complaint:
    """Return what notes faults about entity marks at a place."""

    def complain(got: str, expected: str) -> None:
        faults.append(
            Fault(
                file=place.file,
                line=place.line,
                what=MARK,
                got=got,
                expected=expected,
                fix="correct the mark",
            )
        )

    return complain


def _examples(
    entry: Located, keys: dict[str, Located], what: str, faults: list[Fault]
) -> Iterator[tuple[str, Place]]:
    """Yield the texts under ``examples`` with their places: a block of ``- text``, or a list."""
    node = keys.get("examples")
    if node is None or node.value in (None, "", []):
        faults.append(entry.fault(what, got="no examples", expected="examples: |", fix="add some"))
        return
    if isinstance(node.value, list):
        for one in node.value:
            inner = (
                one.value["text"] if isinstance(one.value, dict) and "text" in one.value else one
            )
            text = inner.text(f"example of {what}", faults)
            if text:
                yield text.removeprefix("- "), Place(file=one.file, line=one.line)
        return
    if not isinstance(node.value, str):
        node.text(f"examples of {what}", faults)
        return
    for offset, line in enumerate(node.value.split("\n")):
        below = offset + 1 if node.block else 0
        if not line.strip():
            continue
        text = line.strip().removeprefix("-").strip()
        if not line.startswith("-") or not text:
            faults.append(
                node.fault(
                    f"example of {what}",
                    got="an empty example" if not text else "a line without '- '",
                    expected="'- ' and the text",
                    fix="correct the line",
                    below=below,
                )
            )
            continue
        yield text, Place(file=node.file, line=node.line + below)


def nlu_tree(nlu: RasaNlu) -> tuple[list[dict[str, Any]], list[RasaExample]]:
    """Return the entries of ``nlu:``, and the examples that Rasa has no way to write."""
    by_intent: dict[str, list[str]] = {}
    unwritable: list[RasaExample] = []
    for one in nlu.examples:
        marked = write_marked(one.text, one.entities) if one.text else None
        if marked is None or not one.intent:
            unwritable.append(one)
            continue
        by_intent.setdefault(one.intent, []).append(marked)
    entries: list[dict[str, Any]] = [
        {"intent": intent, "examples": listed(texts)} for intent, texts in by_intent.items()
    ]
    tables: Sequence[tuple[str, tuple[RasaTable, ...]]] = (
        ("synonym", nlu.synonyms),
        ("lookup", nlu.lookups),
        ("regex", nlu.regexes),
    )
    entries += [
        {kind: one.name, "examples": listed(one.examples)}
        for kind, found in tables
        for one in found
        if one.examples
    ]
    return entries, unwritable
