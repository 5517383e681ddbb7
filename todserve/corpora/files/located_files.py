"""JSON and YAML files as trees whose every node knows its line.

The readers of Rasa's files and of Schema-Guided ones, and ``tod data validate``, parse files with
it, to name the line of every fault. Scalars of YAML are kept as written (``yes`` is ``"yes"``), but
for null and the capitals of ``True``; numbers of JSON are numbers. PyYAML's nodes carry their
lines, as ruamel.yaml's do, and its C parser is over twenty times as fast; of JSON's readers the
standard library's has none, hence the walk here.
Example: ``read_yaml("a: [b]", "x.yml", faults).value["a"].line == 1``.
"""

import bisect
import json
import re
from pathlib import Path
from typing import Any, NoReturn

import yaml

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.located_values import Located, named_twice
from todserve.runtime.errors import DataError
from todserve.runtime.untrusted.json_text import (
    CORPUS_BYTES,
    MOST_LEVELS,
    check_scalar,
    read_limited,
)
from todserve.runtime.untrusted.yaml_text import check_yaml, told

_SPACE = re.compile(r"[ \t\n\r]*")
_NULL = "tag:yaml.org,2002:null"
_TRUTHS = frozenset({"True", "TRUE", "False", "FALSE"})
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # C where PyYAML was built with it


def read_located(path: Path, faults: list[Fault]) -> Located | None:
    """Read a JSON or YAML file; notes a fault and returns None when it is neither."""
    try:
        text = read_limited(path, most=CORPUS_BYTES).removeprefix("\ufeff")
    except (OSError, DataError) as error:
        problem = error.problem if isinstance(error, DataError) else type(error).__name__
        faults.append(
            Fault(
                file=str(path),
                line=(error.line or 0) if isinstance(error, DataError) else 0,
                what="file",
                got=problem.removeprefix("got ").partition(";")[0],
                expected="a readable file in UTF-8",
                fix="check its rights, its encoding and its size",
            )
        )
        return None
    read = read_json if path.suffix == ".json" else read_yaml
    return read(text, str(path), faults)


def read_yaml(text: str, file: str, faults: list[Fault]) -> Located | None:
    """Return the tree of a YAML document; notes a fault and returns None when it is none."""
    try:
        check_yaml(text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return Located(value=None, file=file, line=1)
            return _from_yaml(node, file, faults, loader)
        except yaml.YAMLError as error:
            raise told(error) from None
        finally:
            loader.dispose()
    except DataError as error:
        faults.append(_refused(error, "YAML", file))
        return None


def _refused(error: DataError, what: str, file: str) -> Fault:
    return Fault(
        file=file,
        line=error.line or 1,
        what=what,
        got=error.problem,
        expected=f"a {what} document",
        fix="correct the file here",
    )


def _from_yaml(node: Any, file: str, faults: list[Fault], loader: Any) -> Located:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        value = None if node.tag == _NULL else node.value
        if not node.style and node.value in _TRUTHS:  # plain
            value = node.value.lower()
        return Located(value=value, file=file, line=line, block=node.style in ("|", ">"))
    if isinstance(node, yaml.SequenceNode):
        entries = [_from_yaml(one, file, faults, loader) for one in node.value]
        return Located(value=entries, file=file, line=line)
    loader.flatten_mapping(node)  # merge keys: `<<: *anchor`
    keys: dict[str, Located] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise DataError("a key that is a list or mapping", line=key.start_mark.line + 1)
        name = str(key.value)
        found = _from_yaml(value, file, faults, loader)
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
        faults.append(_refused(DataError(error.msg, line=error.lineno), "JSON", file))
        return None
    except DataError as error:
        faults.append(_refused(error, "JSON", file))
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
        self._levels = 0

    def skip(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match else at

    def value(self, at: int) -> tuple[Located, int]:
        opening = self._text[at : at + 1]
        if opening in ("{", "["):
            self._levels += 1
            if self._levels > MOST_LEVELS:
                self._beyond(f"more than {MOST_LEVELS} levels of lists and objects", at)
            node, end = self._mapping(at) if opening == "{" else self._sequence(at)
            self._levels -= 1
            return node, end
        value, end = self._scalar(at)
        return self._node(value, at), end

    def _scalar(self, at: int) -> tuple[Any, int]:
        try:
            value, end = self._scalars.raw_decode(self._text, at)
        except json.JSONDecodeError:
            raise
        except ValueError:  # Python itself refuses an integer of thousands of digits
            return self._beyond("a number of thousands of digits", at)
        try:
            check_scalar(value)
        except DataError as error:
            return self._beyond(error.problem, at)
        return value, end

    def _beyond(self, problem: str, at: int) -> NoReturn:
        raise DataError(problem, line=self._node(None, at).line)

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
            name, end = self._scalar(at)
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
