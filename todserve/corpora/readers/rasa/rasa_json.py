"""Rasa's training data in its old JSON format, ``rasa_nlu_data``.

`rasa_project` calls it; the format is read only, and written as today's YAML.
Example: ``{"text": "to ely", "intent": "inform", "entities": [{"start": 3, "end": 6, "value":
"ely", "entity": "city"}]}``.
"""

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.located_values import Located
from todserve.corpora.readers.rasa.lookup_files import lookup_lines
from todserve.corpora.readers.rasa.rasa_types import (
    Place,
    RasaEntity,
    RasaExample,
    RasaNlu,
    RasaTable,
)

KEY = "rasa_nlu_data"
_EXAMPLES = ("common_examples", "intent_examples", "entity_examples")
_KEYS = frozenset({*_EXAMPLES, "entity_synonyms", "regex_features", "lookup_tables"})


def read_old_json(node: Located, faults: list[Fault]) -> RasaNlu:
    """Return what stands under a file's key ``rasa_nlu_data``; notes every fault."""
    keys = node.mapping(KEY, faults)
    for name in sorted(set(keys) - _KEYS):
        faults.append(
            keys[name].fault(
                KEY,
                got=f"unknown key {name!r}",
                expected=f"one of {', '.join(sorted(_KEYS))}",
                fix="correct the name",
            )
        )
    regexes: dict[str, list[str]] = {}
    places: dict[str, Place] = {}
    for entry in _entries(keys, "regex_features", faults):
        feature = entry.mapping("regex feature", faults)
        name, pattern = (_text(entry, feature, key, faults) for key in ("name", "pattern"))
        if name and pattern:
            regexes.setdefault(name, []).append(pattern)
            places.setdefault(name, Place(file=entry.file, line=entry.line))
    return RasaNlu(
        examples=tuple(
            example
            for name in _EXAMPLES
            for entry in _entries(keys, name, faults)
            if (example := _example(entry, faults)) is not None
        ),
        synonyms=_tables(keys, "entity_synonyms", "value", "synonyms", faults),
        lookups=_tables(keys, "lookup_tables", "name", "elements", faults),
        regexes=tuple(
            RasaTable(name=name, examples=tuple(found), place=places[name])
            for name, found in regexes.items()
        ),
    )


def _entries(keys: dict[str, Located], name: str, faults: list[Fault]) -> list[Located]:
    return keys[name].sequence(name, faults) if name in keys else []


def _text(entry: Located, keys: dict[str, Located], name: str, faults: list[Fault]) -> str:
    if name in keys:
        return keys[name].text(name, faults)
    faults.append(
        entry.fault(
            name, got="nothing", expected=f"a key {name!r}", fix="add it, or drop the entry"
        )
    )
    return ""


def _tables(
    keys: dict[str, Located], name: str, key: str, inner: str, faults: list[Fault]
) -> tuple[RasaTable, ...]:
    tables: list[RasaTable] = []
    for entry in _entries(keys, name, faults):
        found = entry.mapping(f"entry of {name}", faults)
        title = _text(entry, found, key, faults)
        named = found[inner].value if inner in found else None
        if isinstance(named, str) and inner == "elements":
            listed = lookup_lines(named, entry.file)
            if listed is None:
                faults.append(
                    found[inner].fault(
                        inner,
                        got="the name of a file that is not there",
                        expected="a list, or a file of the project",
                        fix="put it beside, or list its lines",
                    )
                )
            texts = tuple(listed or ())
        else:
            texts = tuple(one.text(inner, faults) for one in _entries(found, inner, faults))
        if title and texts:
            place = Place(file=entry.file, line=entry.line)
            tables.append(RasaTable(name=title, examples=texts, place=place))
    return tuple(tables)


def _example(entry: Located, faults: list[Fault]) -> RasaExample | None:
    keys = entry.mapping("example", faults)
    node = keys.get("text")
    if node is None or not isinstance(node.value, str) or not node.value.strip():
        _text(entry, {"text": node} if node else {}, "text", faults)
        return None
    # Not stripped: the spans count from the first character.
    text = node.value
    intent = _text(entry, keys, "intent", faults)
    entities = tuple(
        entity
        for one in _entries(keys, "entities", faults)
        if (entity := _entity(one, text, faults)) is not None
    )
    place = Place(file=entry.file, line=entry.line)
    return RasaExample(text=text, intent=intent, entities=entities, place=place)


def _entity(entry: Located, text: str, faults: list[Fault]) -> RasaEntity | None:
    keys = entry.mapping("entity", faults)
    name = _text(entry, keys, "entity", faults)
    start, end = (keys[key].value if key in keys else None for key in ("start", "end"))
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)):
        faults.append(
            entry.fault(
                f"entity {name!r}",
                got=f"a span from {start} to {end} in {len(text)} characters",
                expected="0 <= start < end <= length of the text",
                fix="correct start and end",
            )
        )
        return None
    value = keys["value"].value if "value" in keys else text[start:end]
    role, group = (keys[key].value if key in keys else None for key in ("role", "group"))
    return RasaEntity(
        entity=name,
        value=str(value),
        start=start,
        end=end,
        role=None if role is None else str(role),
        group=None if group is None else str(group),
    )
