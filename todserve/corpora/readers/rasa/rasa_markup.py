"""Entities inside an example's text, as Rasa marks them.

Stands between the text of NLU examples or stories and `rasa_types`. Example:
``to [Ely](city)`` is the text ``to Ely`` with a ``city``; another value, a role or a group stands
in braces: ``to [Ely]{"entity": "city", "value": "ely", "role": "to"}``.
"""

import json
import re
from collections.abc import Callable, Sequence

from todserve.corpora.readers.rasa.rasa_types import RasaEntity

_MARK = re.compile(
    r"\[(?P<text>[^\]]+?)\](?:\((?P<entity>[^:)]+?)(?::(?P<value>[^)]+))?\)|(?P<more>\{[^}]+?\}))"
)
_OPEN = re.compile(r"\[[^\]]*\](?:\([^)]*$|\{[^}]*$|\(\)|\{\})")
_SIMPLE = re.compile(r"[^:()\[\]{}]+")
_KEYS = frozenset({"entity", "value", "role", "group"})

Complaint = Callable[[str, str], None]
"""Told what a mark is and what was expected of it."""


def read_marked(text: str, complain: Complaint) -> tuple[str, tuple[RasaEntity, ...]]:
    """Return the plain text and the entities of a marked one.

    Args:
        text: as it stands in the file.
        complain: told of every mark that cannot be read; its text stays plain.
    """
    pieces: list[str] = []
    entities: list[RasaEntity] = []
    position = length = 0
    for match in _MARK.finditer(text):
        before = text[position : match.start()]
        surface = match["text"]
        start = length + len(before)
        entity = _entity(match, surface, start, complain)
        if entity is not None:
            entities.append(entity)
        pieces += [before, surface]
        length = start + len(surface)
        position = match.end()
    rest = text[position:]
    if _OPEN.search(rest):
        complain("an entity mark without an end or a name", "[text](entity)")
    return "".join([*pieces, rest]), tuple(entities)


def _entity(
    match: re.Match[str], surface: str, start: int, complain: Complaint
) -> RasaEntity | None:
    end = start + len(surface)
    if match["more"] is None:
        value = match["value"] or surface
        return RasaEntity(entity=match["entity"], value=value, start=start, end=end)
    try:
        keys = json.loads(match["more"])
    except ValueError:
        complain("an entity mark whose braces hold no JSON", '{"entity": "name"}')
        return None
    unknown = sorted(set(keys) - _KEYS)
    if unknown or not isinstance(keys.get("entity"), str):
        complain(
            f"an entity mark with keys {', '.join(sorted(keys))}",
            "entity, and perhaps value, role and group",
        )
        return None
    role, group = keys.get("role"), keys.get("group")
    return RasaEntity(
        entity=keys["entity"],
        value=str(keys.get("value", surface)),
        role=None if role is None else str(role),
        group=None if group is None else str(group),
        start=start,
        end=end,
    )


def write_marked(text: str, entities: Sequence[RasaEntity]) -> str | None:
    """Return ``text`` with its entities marked.

    Returns:
        None when Rasa could not read it back: the text itself looks like a mark, holds line
        ends or outer spaces, an entity has no span or overlaps another, or a name or value
        holds a brace that Rasa's marks have no way to write.
    """
    pieces: list[str] = []
    position = 0
    for one in sorted(entities, key=lambda entity: entity.start or 0):
        if one.start is None or one.end is None or not position <= one.start < one.end:
            return None
        pieces += [text[position : one.start], _mark(text[one.start : one.end], one)]
        position = one.end
    marked = "".join([*pieces, text[position:]])
    complaints: list[str] = []
    back = read_marked(marked, lambda got, _: complaints.append(got))
    ordered = tuple(sorted(entities, key=lambda entity: entity.start or 0))
    readable = " ".join(text.split()) == text and back == (text, ordered) and not complaints
    return marked if readable else None


def _mark(surface: str, entity: RasaEntity) -> str:
    plain = entity.value == surface and entity.role is None and entity.group is None
    if plain and _SIMPLE.fullmatch(entity.entity):
        return f"[{surface}]({entity.entity})"
    keys = {"entity": entity.entity}
    if entity.value != surface:
        keys["value"] = entity.value
    if entity.role is not None:
        keys["role"] = entity.role
    if entity.group is not None:
        keys["group"] = entity.group
    return f"[{surface}]{json.dumps(keys, ensure_ascii=False)}"
