"""Reads YAML that somebody else wrote, under limits: the one way that the project reads any.

bot.yml, training configurations, steps, Rasa's files and model-config.yaml are read here. A few
hundred bytes of aliases can stand for a billion values, so what aliases repeat is counted before
anything is made of it. Example: ``parse_yaml("a: [b]")`` is ``{"a": ["b"]}``; ``a: 1`` twice is
refused.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from todserve.runtime.errors import DataError
from todserve.runtime.untrusted.json_text import check_characters, read_limited

MOST_BYTES = 1 << 24
"""Of one file, 16 MiB."""

MOST_LEVELS = 64
"""Lists and mappings inside one another."""

MOST_REPEATED = 10_000
"""Values that all aliases of a document may stand for together."""

_LONGEST_NUMBER = 40
_SHOWN = 160
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # C where PyYAML was built with it
_MERGE = "tag:yaml.org,2002:merge"


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds; None for an empty one.

    Raises:
        OSError: it cannot be read.
        DataError: as `parse_yaml`; also a ``ValueError``.
    """
    return parse_yaml(read_limited(path, most=MOST_BYTES))


def parse_yaml(text: str) -> Any:
    """Return what a YAML document says, plain values alone.

    Raises:
        DataError: no YAML, beyond the limits, a key that stands twice or is no plain value, or a
            value that is none of its kind; also a ``ValueError``.
    """
    check_yaml(text)
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - made of the safe one
    except yaml.YAMLError as error:
        raise told(error) from None
    except DataError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        # What PyYAML makes of the 31st of February, of `!!int ""` and of `!!bool x`.
        raise DataError(
            "not YAML: a value is not of the kind that it says, or looks like"
        ) from None


def check_yaml(text: str) -> None:
    """Refuse a YAML text that goes beyond the limits, before anything is made of it.

    Raises:
        DataError: not YAML, too large, nested too deeply, aliases that repeat too much, or an
            alias inside its own anchor; also a ``ValueError``.
    """
    if len(text) > MOST_BYTES:
        raise DataError(f"got {len(text)} characters of YAML; expected at most {MOST_BYTES}")
    count = _Count()
    try:
        for event in yaml.parse(text, Loader=_BASE):
            count.take(event)
    except yaml.YAMLError as error:
        raise told(error) from None
    except DataError:
        raise
    except (OverflowError, ValueError):  # of the reader that is not in C
        raise DataError("not YAML: got an escape that stands for no character") from None


def told(error: yaml.YAMLError) -> DataError:
    """Return what is wrong with a YAML text and where, without a piece of the text."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None)
    return DataError(
        f"not YAML: {str(problem or 'it cannot be read')[:_SHOWN]}",
        line=mark.line + 1 if mark is not None else 0,
    )


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 0


class _Count:
    """Follows a document's events: how deep it is, and what its aliases stand for."""

    def __init__(self) -> None:
        self._open: list[tuple[str | None, int]] = []  # anchor, and the values before it
        self._sizes: dict[str, int] = {}
        self._values = 0
        self._repeated = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._values += 1
            if "\0" in event.value:
                raise DataError("got a NUL in a text; leave it out", line=_line(event))
            if not event.value.isascii():
                check_characters(event.value)
            if event.anchor:
                self._sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self._open) == MOST_LEVELS:
                raise DataError(
                    f"a text nested too deeply; expected at most {MOST_LEVELS} levels",
                    line=_line(event),
                )
            self._open.append((event.anchor, self._values))
            self._values += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = self._open.pop()
            if anchor:
                self._sizes[anchor] = self._values - before

    def _alias(self, event: yaml.AliasEvent) -> None:
        anchor, line = event.anchor or "", _line(event)
        if any(anchor == one for one, _ in self._open):
            raise DataError(f"alias *{anchor[:40]} inside its own anchor", line=line)
        size = self._sizes.get(anchor, 1)  # an unknown one is refused by whoever composes
        self._repeated += size
        self._values += size
        if self._repeated > MOST_REPEATED:
            raise DataError(
                f"aliases that repeat more than {MOST_REPEATED} values (up to alias "
                f"*{anchor[:40]}); write out what is meant",
                line=line,
            )


class _Loader(_BASE):  # type: ignore[misc] # one of two classes
    """The safe loader, which refuses keys that stand twice or are no plain values."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise DataError("got a key that is a list or mapping; name it", line=line)
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                shown = str(key)[:_SHOWN]
                raise DataError(f"key '{shown}' stands twice; remove one of them", line=line)
            seen.add(key)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping

    def number(self, node: yaml.ScalarNode) -> object:
        """Return a number of a usual length; one of base 60 may have any."""
        if len(node.value) > _LONGEST_NUMBER:
            raise DataError(
                f"got a number of {len(node.value)} digits; put a text in quotes",
                line=node.start_mark.line + 1,
            )
        read = _BASE.construct_yaml_int if node.tag.endswith("int") else _BASE.construct_yaml_float
        return read(self, node)


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.number)
