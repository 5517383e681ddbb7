"""Scorecard: figures with the signature that says exactly what was measured.

Every evaluation ends with one, printed as a table and written as JSON. Example signature:
``multiwoz21|dev|quick-100|checkpoint:3f2a9c01d4e5|todserve:0.1.0|reference-replies-...``.

Which code scored is part of every signature: ``0.1.0+g1a2b3c4d5e6f`` in a checkout, with ``.dirty``
if files were changed, else ``0.1.0``.
"""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from todserve.evaluation.figures import Figure, save_figures


def code_version() -> str:
    """Return the package's version and, in a checkout, its commit."""
    try:
        number = version("todserve")
    except PackageNotFoundError:
        number = "0"  # run from a folder that was never installed
    root = Path(__file__).resolve().parents[2]
    commit = _git(root, "rev-parse", "--short=12", "HEAD") if (root / ".git").exists() else ""
    if not commit:
        return number
    dirty = ".dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else ""
    return f"{number}+g{commit}{dirty}"


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            check=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""  # no git, no commit yet
    return done.stdout.strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """What must be equal for two figures to be comparable.

    Attributes:
        corpus: short name.
        split: ``dev`` or ``test``.
        subset: which of its dialogues, e.g. ``quick-100`` or ``quick-100/dev-held-out``.
        checkpoint: checksum of the weights.
        code: version of todserve.
        protocol: what was the corpus's and what the model's own.
    """

    corpus: str
    split: str
    subset: str
    checkpoint: str
    code: str
    protocol: str

    def __str__(self) -> str:
        """Return the signature on one line."""
        return "|".join(
            (
                self.corpus,
                self.split,
                self.subset,
                f"checkpoint:{self.checkpoint}",
                f"todserve:{self.code}",
                self.protocol,
            )
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedFigure:
    """A figure and what it was measured on."""

    figure: Figure
    signature: Signature


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """What a benchmark measured.

    Attributes:
        figures: name -> score, None for a score of nothing: what a comparison of runs shows.
        signature: of what was measured.
        content: everything, as ``out`` has it.
    """

    figures: Mapping[str, float | None]
    signature: str
    content: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scorecard:
    """All figures of one evaluation.

    Attributes:
        figures: in the order of the table.
        dialogues: how many were rolled out.
        turns: how many turns they have.
        seconds: how long it took.
        headline: what the file of figures says before all detail, e.g. ``inform``.
    """

    figures: Sequence[SignedFigure]
    dialogues: int
    turns: int
    seconds: float
    headline: Mapping[str, Any] = field(default_factory=dict)

    def value(self, name: str) -> float | None:
        """Return the value of the figure called ``name``.

        Raises:
            KeyError: there is no such figure.
        """
        return {one.figure.name: one.figure.value for one in self.figures}[name]

    def table(self) -> str:
        """Return the figures as aligned text, signatures below."""
        lines = [f"{self.dialogues} dialogues, {self.turns} turns, {self.seconds:.0f} s"]
        signatures = list(dict.fromkeys(str(one.signature) for one in self.figures))
        for one in self.figures:
            value = "-" if one.figure.value is None else _shown(one.figure)
            number = signatures.index(str(one.signature)) + 1
            counted = f"of {one.figure.of} {one.figure.unit}"
            note = f"  {one.figure.note}" if one.figure.note else ""
            lines.append(f"  {one.figure.name:<24} {value:>7}  {counted:<16} [{number}]{note}")
        lines += [f"[{number}] {text}" for number, text in enumerate(signatures, start=1)]
        return "\n".join(lines)

    def content(self) -> dict[str, Any]:
        """Return everything as plain JSON types: the headline, counts, and each signed figure."""
        return {
            **self.headline,
            "dialogues": self.dialogues,
            "turns": self.turns,
            "seconds": round(self.seconds, 1),
            "figures": {
                one.figure.name: {
                    **{key: value for key, value in asdict(one.figure).items() if key != "name"},
                    "signature": str(one.signature),
                }
                for one in self.figures
            },
        }

    def scores(self) -> Scores:
        """Return the same as a benchmark tells it."""
        return Scores(
            figures={one.figure.name: one.figure.value for one in self.figures},
            signature=str(self.figures[0].signature) if self.figures else "",
            content=self.content(),
        )

    def save(self, path: Path) -> None:
        """Write the content as JSON, atomically."""
        save_figures(self.content(), path)


def _shown(figure: Figure) -> str:
    assert figure.value is not None
    per_cent = "bleu" in figure.name or figure.unit == "dialogues"
    return f"{figure.value:.2f}" if per_cent else f"{figure.value:.4f}"
