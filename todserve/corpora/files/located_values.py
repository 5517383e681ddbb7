"""A value of a JSON or YAML file that knows its line.

`located_files` makes them; the Rasa readers and the checks of ``tod data validate`` take them
apart. Example: ``node.mapping("slot", faults)["type"].line``.
"""

from dataclasses import dataclass
from typing import Any

from todserve.corpora.corpus_faults import Fault


@dataclass(frozen=True, kw_only=True, slots=True)
class Located:
    """A value, or a tree of them, and where it stands.

    Attributes:
        value: None, a scalar, a list of nodes, or a dict of nodes.
        file: path of its file.
        line: of its first character, counted from 1.
        block: True for a YAML block scalar, whose text starts on the next line.
    """

    value: Any
    file: str
    line: int
    block: bool = False

    def fault(self, what: str, *, got: str, expected: str, fix: str, below: int = 0) -> Fault:
        """Return a fault that stands here, or ``below`` lines further down."""
        return Fault(
            file=self.file,
            line=self.line + below,
            what=what,
            got=got,
            expected=expected,
            fix=fix,
        )

    def mapping(self, what: str, faults: list[Fault]) -> dict[str, "Located"]:
        """Return the node's keys; notes a fault, and returns none, when it has none."""
        if isinstance(self.value, dict):
            return self.value
        self._wrong(what, "keys and values", faults)
        return {}

    def sequence(self, what: str, faults: list[Fault]) -> list["Located"]:
        """Return the node's entries; notes a fault, and returns none, when it is no list."""
        if isinstance(self.value, list):
            return self.value
        self._wrong(what, "a list", faults)
        return []

    def text(self, what: str, faults: list[Fault]) -> str:
        """Return the node's text; notes a fault, and returns "", when it has none."""
        if isinstance(self.value, str) and self.value.strip():
            return self.value.strip()
        self._wrong(what, "text", faults)
        return ""

    def kind(self) -> str:
        """Name what the node is, for messages."""
        names: tuple[tuple[type, str], ...] = (
            (dict, "keys and values"),
            (list, "a list"),
            (bool, "true or false"),
            (int, "a number"),
            (float, "a number"),
        )
        if isinstance(self.value, str):
            return "text" if self.value.strip() else "empty text"
        return next((name for one, name in names if isinstance(self.value, one)), "nothing")

    def _wrong(self, what: str, expected: str, faults: list[Fault]) -> None:
        faults.append(
            self.fault(what, got=self.kind(), expected=expected, fix="correct the file here")
        )


def named_twice(name: str, file: str, line: int) -> Fault:
    """Return the fault of a key that stands twice in one place."""
    return Fault(
        file=file,
        line=line,
        what="key",
        got=f"{name!r} a second time",
        expected="each key once",
        fix="join the two, or take one out",
    )
