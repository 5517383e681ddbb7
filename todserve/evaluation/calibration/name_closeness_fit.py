"""Name closeness fit: how near a misspelt name must come to a known one, learnt from dev's labels.

Called by ``tod fit-names``. The names that dev's states label and the database knows are misspelt
by a seed, and should be read as themselves; each of them looked for in a database without it, and
the names of other domains, should be left alone. (Labelled values that the database lacks would be
no such test: many are its names, misspelt by the annotators.) Half of the names, by a hash, fit the
threshold, the other half tell what it is worth.
Example: ``run_name_fitting(Path("checkpoints/multiwoz"), write=True)`` writes ``names.json``.
"""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from todserve.evaluation.calibration.calibration_dialogues import (
    CORPUS,
    SPLIT,
    Half,
    calibration_half,
    dev_dialogues,
)
from todserve.evaluation.figures import save_figures
from todserve.evaluation.scorecard import Signature, code_version
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.console import tell
from todserve.runtime.decoding.calibration import CalibrationFit
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import DONTCARE, Dialogue
from todserve.runtime.spelling.known_names import KnownNames, names_of
from todserve.runtime.spelling.name_closeness import NAMES_FILE, NameCloseness

GRID = tuple(hundredths / 100 for hundredths in range(60, 100))
MOST_MISTAKEN = 0.002
"""Largest share of names the database lacks that may be read as one it has: that books elsewhere.

People ask for such places far more often than they misspell a known one.
"""

_PROTOCOL = "names-typos-1"
_TYPOS = 4  # misspellings of each name
_TWO_MISTAKES = 8  # letters from which a misspelling may have two
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Place = tuple[str, str]
"""(domain, slot)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NameCase:
    """A value, where it stands, and the name it means; None where it means none.

    Attributes:
        hidden: a name that the database is to lack.
    """

    place: Place
    value: str
    meant: str | None
    hidden: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NameScore:
    """What a threshold does to cases.

    Attributes:
        threshold: it.
        right: misspelt names that were read as themselves.
        wrong: misspelt names that were read as another.
        mistaken: values that were read as a name and should have been left alone.
        misspelt: misspelt names in all.
        others: values in all that should be left alone.
    """

    threshold: float
    right: int
    wrong: int
    mistaken: int
    misspelt: int
    others: int

    @property
    def precision(self) -> float:
        """Share of the changed values that were changed rightly; 1 where none was changed."""
        changed = self.right + self.wrong + self.mistaken
        return self.right / changed if changed else 1.0

    @property
    def mistaken_share(self) -> float:
        """Share of the values that should have been left alone and were not."""
        return self.mistaken / self.others if self.others else 0.0

    @property
    def recall(self) -> float:
        """Share of the misspelt names that were read as themselves."""
        return self.right / self.misspelt if self.misspelt else 0.0

    def as_json(self) -> dict[str, float]:
        """Return the figures in plain JSON types."""
        return {
            "threshold": self.threshold,
            "precision": self.precision,
            "recall": self.recall,
            "mistaken_share": self.mistaken_share,
            "misspelt": self.misspelt,
            "others": self.others,
        }


def run_name_fitting(
    checkpoint: Path, *, write: bool = False, out: Path | None = None, root: Path | None = None
) -> NameCloseness:
    """Fit the threshold on dev, print what it is worth on names it was not fitted on, return it.

    Args:
        checkpoint: a checkpoint folder for MultiWOZ.
        write: put ``names.json`` into the folder, for serving to use.
        out: write the figures as JSON to this file.
        root: where the corpora are; the environment variable TOD_DATA when None.

    Raises:
        ConfigError: a wrong checkpoint, or dev labels no name that its database knows.
        CorpusError: the corpus is missing or malformed.
    """
    opened = Checkpoint.open(checkpoint)
    try:
        names = names_of(opened.schema, opened.knowledge)
        cases = name_cases(labelled_values(dev_dialogues(opened, root)), names)
    finally:
        opened.knowledge.close()
    halves = {
        half: [
            one for one in cases if calibration_half(one.meant or one.hidden or one.value) is half
        ]
        for half in Half
    }
    fitted = fit_threshold(halves[Half.FIT], names)
    judged = score(halves[Half.REPORT], names, fitted.threshold)
    signature = Signature(
        corpus=CORPUS,
        split=SPLIT,
        subset=f"all/{Half.FIT}",
        checkpoint=opened.checksum,
        code=code_version(),
        protocol=_PROTOCOL,
    )
    for name, one in (("fitted", fitted), ("held out", judged)):
        tell(
            f"  {name:<9} threshold {one.threshold:.2f}  precision {one.precision:.3f}  "
            f"recall {one.recall:.3f} of {one.misspelt} misspelt names; mistaken "
            f"{one.mistaken} of {one.others} others"
        )
    tell(f"  {signature}")
    closeness = NameCloseness(
        threshold=fitted.threshold,
        fit=CalibrationFit(corpus=CORPUS, split=SPLIT, signature=str(signature)),
    )
    if out is not None:
        figures = {"fitted": fitted.as_json(), "held_out": judged.as_json()}
        save_figures({"signature": str(signature), **figures}, out)
        tell(f"written to {out}")
    if write:
        closeness.save(checkpoint / NAMES_FILE)
        tell(f"written to {checkpoint / NAMES_FILE}")
    return closeness


def labelled_values(dialogues: Iterable[Dialogue]) -> set[tuple[Place, str]]:
    """Return every value of every state, once, with its place."""
    return {
        ((domain, slot), value)
        for dialogue in dialogues
        for turn in dialogue.turns
        for domain, slots in (turn.belief_state or {}).items()
        for slot, value in slots.items()
        if value != DONTCARE
    }


def name_cases(
    labelled: Collection[tuple[Place, str]], names: Mapping[Place, Sequence[str]]
) -> list[NameCase]:
    """Return what to try: misspelt names, names the database is to lack, other domains' names."""
    known = KnownNames(names, threshold=1.0)
    cases: list[NameCase] = []
    for place, value in sorted(labelled):
        if not names.get(place) or any(character.isdigit() for character in value):
            continue
        if value in names[place]:
            draw = random.Random(f"{place}:{value}")
            cases.append(NameCase(place=place, value=value, meant=None, hidden=value))
            for _ in range(_TYPOS):
                typed = misspelt(value, draw)
                if not known.is_known(*place, typed):
                    cases.append(NameCase(place=place, value=typed, meant=value))
    everywhere = sorted({(slot, name) for (_, slot), one in names.items() for name in one})
    for domain, slot in sorted({place for place, value in labelled if names.get(place)}):
        cases += [
            NameCase(place=(domain, slot), value=name, meant=None)
            for same, name in everywhere
            if same == slot and not known.is_known(domain, slot, name)
        ]
    return cases


def misspelt(name: str, draw: random.Random) -> str:
    """Return ``name`` with one or two letters swapped, doubled, left out, added or mistaken."""
    letters = list(name)
    for _ in range(1 + (len(name) >= _TWO_MISTAKES and draw.random() < 0.5)):
        places = [at for at in range(1, len(letters)) if letters[at].isalpha()]
        at = draw.choice(places)
        match draw.randrange(5):
            case 0:
                letters[at - 1], letters[at] = letters[at], letters[at - 1]
            case 1:
                letters.insert(at, letters[at])
            case 2:
                del letters[at]
            case 3:
                letters.insert(at, draw.choice(_LETTERS))
            case _:
                letters[at] = draw.choice(_LETTERS)
    return " ".join("".join(letters).split())


def fit_threshold(cases: Sequence[NameCase], names: Mapping[Place, Sequence[str]]) -> NameScore:
    """Return the lowest threshold from which on few enough names are mistaken.

    Raises:
        ConfigError: there is no misspelt name to fit on.
    """
    if not any(one.meant for one in cases):
        raise ConfigError(
            "no labelled value of dev is a name in the checkpoint's database; expected a "
            "checkpoint with a knowledge base of the corpus's own names"
        )
    chosen = score(cases, names, GRID[-1])
    for threshold in reversed(GRID[:-1]):
        found = score(cases, names, threshold)
        if found.mistaken_share > MOST_MISTAKEN:
            break
        chosen = found
    return chosen


def score(
    cases: Sequence[NameCase], names: Mapping[Place, Sequence[str]], threshold: float
) -> NameScore:
    """Return what ``threshold`` does to the cases."""
    everything = KnownNames(names, threshold=threshold)
    right = wrong = mistaken = 0
    for one in cases:
        known = everything
        if one.hidden is not None:
            left = [name for name in names[one.place] if name != one.hidden]
            known = KnownNames({one.place: left}, threshold=threshold)
        read = known.meant(*one.place, one.value)
        right += read == one.meant
        wrong += one.meant is not None and read not in (one.value, one.meant)
        mistaken += one.meant is None and read != one.value
    misspelt_names = sum(one.meant is not None for one in cases)
    return NameScore(
        threshold=threshold,
        right=right,
        wrong=wrong,
        mistaken=mistaken,
        misspelt=misspelt_names,
        others=len(cases) - misspelt_names,
    )
