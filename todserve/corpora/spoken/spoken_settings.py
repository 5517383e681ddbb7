"""Spoken settings: how many spoken turns are made, and of which kinds.

Part of a training configuration; unknown keys are refused, unknown kinds by name.
Example: ``spoken: {share: 0.3, rough: 0.33, kinds: {correct: 2, outside: 0}}``.
"""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, field_validator

from todserve.corpora.spoken.spoken_kinds import KINDS


class Spoken(BaseModel):
    """What people really say, added to the turns of an epoch.

    Attributes:
        share: spoken turns added, as a share of the corpora's turns.
        rough: share of them that is typed roughly: misspelt, abbreviated, dictated.
        kinds: how often a kind is made, as a factor of its usual weight; 0 leaves it out.
        corpora: whose turns are spoken from; all that have belief states when empty.
        outside: corpora whose utterances no service of the others answers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(default=0.0, ge=0, le=10)
    rough: float = Field(default=0.33, ge=0, le=1)
    kinds: Mapping[str, float] = {}
    corpora: tuple[str, ...] = ()
    outside: tuple[str, ...] = ("clinc150", "banking77")

    @field_validator("kinds")
    @classmethod
    def _known(cls, kinds: Mapping[str, float]) -> Mapping[str, float]:
        for name, factor in kinds.items():
            if name not in KINDS:
                raise ValueError(f"unknown kind {name!r}; expected one of {', '.join(KINDS)}")
            if factor < 0:
                raise ValueError(f"kind {name!r} has the factor {factor}; expected 0 or more")
        return kinds
