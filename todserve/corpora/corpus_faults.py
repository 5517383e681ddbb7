"""CorpusFault: what is wrong in somebody's corpus, where it stands, and how to mend it.

Every reader that names lines collects them, and ``tod data validate`` prints them. Example:
``data/nlu.yml:12: intent: got no name; expected a name after 'intent:'; name it``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from todserve.runtime.errors import CorpusError

UNKNOWN_LINE = 0
"""Line of a fault in a file whose reader keeps none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A mistake in a corpus, with its place and how to mend it.

    Attributes:
        file: path of the file, as the user would open it.
        line: counted from 1; `UNKNOWN_LINE` where there is none.
        what: the thing at fault.
        got: what stands there; never an utterance.
        expected: what should.
        fix: what to do about it.
    """

    file: str
    line: int
    what: str
    got: str
    expected: str
    fix: str

    def __str__(self) -> str:
        """Return the fault in one line, as compilers write theirs."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}: got {self.got}; expected {self.expected}; {self.fix}"


def refuse(faults: Sequence[Fault], path: object) -> None:
    """Raise a ``CorpusError`` that lists the faults, where there are any.

    Raises:
        CorpusError: with the first fault, how many follow, and how to see them.
    """
    if not faults:
        return
    more = len(faults) - 1
    rest = f" (and {more} more: run `tod data validate {path}`)" if more else ""
    raise CorpusError(f"{faults[0]}{rest}")
