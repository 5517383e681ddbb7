"""JSON and YAML files as trees whose every node knows its line.

Stands before the Rasa readers and `validate`. Scalars of YAML are kept as written (``yes`` is
``"yes"``), but for null; numbers of JSON are numbers.
Example: ``read_yaml("a: [b]", "x.yml", faults).value["a"].line == 1``.
"""

import bisect
import json
import re
from pathlib import Path
from typing import Any

import yaml

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.located_values import Located, named_twice

_SPACE = re.compile(r"[ \t\n\r]*")
_NULL = "tag:yaml.org,2002:null"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # C where PyYAML was built with it


def read_located(path: Path, faults: list[Fault]) -> Located | None:
    """Read a JSON or YAML file; notes a fault and returns None when it is neither."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        faults.append(
            Fault(
                file=str(path),
                line=0,
                what="file",
                got=type(error).__name__,
                expected="a readable file in UTF-8",
                fix="check its rights and its encoding",
            )
        )
        return None
    read = read_json if path.suffix == ".json" else read_yaml
    return read(text, str(path), faults)


def read_yaml(text: str, file: str, faults: list[Fault]) -> Located | None:
    """Return the tree of a YAML document; notes a fault and returns None when it is none."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Located(value=None, file=file, line=1)
        return _from_yaml(node, file, faults, loader, ())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        faults.append(
            Fault(
                file=file,
                line=mark.line + 1 if mark else 1,
                what="YAML",
                got=str(getattr(error, "problem", None) or "text that cannot be read"),
                expected="a YAML document",
                fix="correct the indentation, quotes or colons here",
            )
        )
        return None
    finally:
        loader.dispose()


def _from_yaml(
    node: Any, file: str, faults: list[Fault], loader: Any, above: tuple[int, ...]
) -> Located:
    line = node.start_mark.line + 1
    if id(node) in above:  # an alias inside its own anchor would never end
        return Located(value=None, file=file, line=line)
    inside = (*above, id(node))
    if isinstance(node, yaml.ScalarNode):
        value = None if node.tag == _NULL else node.value
        return Located(value=value, file=file, line=line, block=node.style in ("|", ">"))
    if isinstance(node, yaml.SequenceNode):
        entries = [_from_yaml(one, file, faults, loader, inside) for one in node.value]
        return Located(value=entries, file=file, line=line)
    loader.flatten_mapping(node)  # merge keys: `<<: *anchor`
    keys: dict[str, Located] = {}
    for key, value in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
        found = _from_yaml(value, file, faults, loader, inside)
        if name in keys:
            faults.append(named_twice(name, file, key.start_mark.line + 1))
        keys[name] = found
    return Located(value=keys, file=file, line=line)


def read_json(text: str, file: str, faults: list[Fault]) -> Located | None:
    """Return the tree of a JSON document; notes a fault and returns None when it is none."""
    reader = _Json(text, file, faults)
    try:
        node, end = reader.value(reader.skip(0))
        if reader.skip(end) != len(text):
            raise json.JSONDecodeError("more text after the end", text, reader.skip(end))
    except json.JSONDecodeError as error:
        faults.append(
            Fault(
                file=file,
                line=error.lineno,
                what="JSON",
                got=error.msg,
                expected="a JSON document",
                fix="correct the commas, quotes or brackets here",
            )
        )
        return None
    return node


class _Json:
    """Walks a JSON text; the standard library reads its scalars."""

    def __init__(self, text: str, file: str, faults: list[Fault]) -> None:
        self._text = text
        self._file = file
        self._faults = faults
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._scalars = json.JSONDecoder()

    def skip(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match else at

    def value(self, at: int) -> tuple[Located, int]:
        opening = self._text[at : at + 1]
        if opening == "{":
            return self._mapping(at)
        if opening == "[":
            return self._sequence(at)
        value, end = self._scalars.raw_decode(self._text, at)
        return self._node(value, at), end

    def _node(self, value: Any, at: int) -> Located:
        return Located(value=value, file=self._file, line=bisect.bisect_right(self._starts, at))

    def _sequence(self, start: int) -> tuple[Located, int]:
        entries: list[Located] = []
        at = self.skip(start + 1)
        if self._text[at : at + 1] == "]":
            return self._node(entries, start), at + 1
        while True:
            entry, end = self.value(at)
            entries.append(entry)
            at = self._next(self.skip(end), "]")
            if at < 0:
                return self._node(entries, start), -at
            at = self.skip(at)

    def _mapping(self, start: int) -> tuple[Located, int]:
        keys: dict[str, Located] = {}
        at = self.skip(start + 1)
        if self._text[at : at + 1] == "}":
            return self._node(keys, start), at + 1
        while True:
            if self._text[at : at + 1] != '"':
                raise json.JSONDecodeError("a key without quotes", self._text, at)
            name, end = self._scalars.raw_decode(self._text, at)
            if name in keys:
                self._faults.append(named_twice(name, self._file, self._node(None, at).line))
            colon = self.skip(end)
            if self._text[colon : colon + 1] != ":":
                raise json.JSONDecodeError("a key without a colon", self._text, colon)
            keys[name], end = self.value(self.skip(colon + 1))
            at = self._next(self.skip(end), "}")
            if at < 0:
                return self._node(keys, start), -at
            at = self.skip(at)

    def _next(self, at: int, closing: str) -> int:
        """Return where the next entry may start, or minus the end of the list or object."""
        found = self._text[at : at + 1]
        if found == closing:
            return -(at + 1)
        if found != ",":
            raise json.JSONDecodeError(f"no comma and no {closing!r}", self._text, at)
        return at + 1
