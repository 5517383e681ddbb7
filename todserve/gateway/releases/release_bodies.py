"""The bodies of the API's releases, as its OpenAPI document shows them.

The release routes read and answer these. Example:
``Canary(version="2.0", share=0.1, reason="new menu")``.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from todserve.gateway.api.response_bodies import Difference
from todserve.serving.releases.rollout_file import Share, VersionNumber

ReasonText = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]


class _Given(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Tried(_Given):
    """Try a version: with a share of the new dialogues, or beside a share of the turns."""

    version: VersionNumber
    share: Share
    reason: ReasonText = ""


class Promote(_Given):
    """Let a version answer everybody; ``untried`` asks it nothing before."""

    version: VersionNumber
    untried: bool = False
    reason: ReasonText = ""


class RollBack(_Given):
    """End the canary, or take the last promotion back."""

    reason: ReasonText = ""


class VersionLoaded(BaseModel):
    """A version that is served; ``answers`` says whether everybody gets it.

    ``place`` is the address of the server that serves it, where it is not the model's own.
    """

    version: str
    answers: bool
    ready: int
    workers: int
    place: str | None


class TrialView(BaseModel):
    """A version on trial, its share, and since when."""

    version: str
    share: float
    since: str


class VersionFigures(BaseModel):
    """The turns that a version answered, and how many of them speak for a look or were judged."""

    model: str
    turns: int
    refused: int
    outside: int
    low_confidence: int
    unparsed: int
    disagreement: int
    corrected: int
    right: int
    wrong: int


class ShadowFigures(BaseModel):
    """How many turns the shadow was asked, how many it answered otherwise, and in what."""

    turns: int
    different: int
    aspects: dict[str, int]


class ReleaseView(BaseModel):
    """A line of the log of releases."""

    time: str
    user: str
    action: str
    before: str
    to: str
    reason: str
    replay: str | None
    share: float | None


class ReleasesView(BaseModel):
    """The versions of the gateway's model, what is tried, and what was done.

    Attributes:
        model: the model's name.
        unmanaged: why versions cannot be changed from here; null where they can.
        may_change: whether this token may change them.
        versions: that the server has loaded.
        canary: the version that some new dialogues are held with.
        shadow: the version that some turns are asked of again.
        since: from when on the figures count: since the canary began, or the shadow, or ever.
        figures: by the version that answered.
        shadowed: what the shadow said.
        log: what was done, the newest first.
    """

    model: str
    unmanaged: str | None
    may_change: bool
    versions: list[VersionLoaded]
    canary: TrialView | None
    shadow: TrialView | None
    since: str | None
    figures: list[VersionFigures]
    shadowed: ShadowFigures | None
    log: list[ReleaseView]


class ShadowedTurn(BaseModel):
    """A turn that the shadow answered otherwise: ``a`` is what was said, ``b`` the shadow's."""

    dialogue_id: str
    index: int
    created_at: str
    user: str
    model: str
    differences: list[Difference]


class ShadowedTurns(BaseModel):
    """The newest of them."""

    turns: list[ShadowedTurn]


class HeldTurn(BaseModel):
    """A turn that is not answered as people said."""

    dialogue_id: str
    index: int


class Released(BaseModel):
    """What was done; a promotion that was ``refused`` names the turns that spoke against it.

    Attributes:
        release: as the log has it.
        asked: turns that the version was asked before.
        differing: those that it answers otherwise than people said.
    """

    release: ReleaseView
    asked: int = 0
    differing: list[HeldTurn] = Field(default_factory=list)
