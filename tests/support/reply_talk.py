"""The reply stage over a handful of real venues: what becomes of a generated reply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.venues import SCHEMA, open_venues
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.dialogue import BeliefState, DialogueAct
from todserve.runtime.reply.facts import Facts
from todserve.runtime.reply.reply_stage import Candidate, ChosenReply, ReplyStage
from todserve.runtime.reply.reply_style import ReplyStyle

STYLE_FOLDER = Path(__file__).resolve().parents[2] / "checkpoints" / "multiwoz"

BOOKING: Mapping[str, Mapping[str, str]] = {
    "hotel": {"area": "north", "day": "monday", "stay": "2", "people": "3"}
}


@dataclass
class Talk:
    """Makes facts and replies; one knowledge base for all tests of a session."""

    folder: Path
    knowledge: KnowledgeBase = field(init=False)
    style: ReplyStyle = field(init=False)
    stage: ReplyStage = field(init=False)

    def __post_init__(self) -> None:
        self.knowledge = open_venues(self.folder)
        self.style = ReplyStyle.of(STYLE_FOLDER, SCHEMA, self.knowledge)
        self.stage = ReplyStage(SCHEMA, self.knowledge, self.style)

    def facts(
        self,
        domain: str | None = "hotel",
        state: BeliefState | None = None,
        *,
        user: str = "",
        said: Sequence[str] = (),
        heard: Sequence[str] | None = None,
        before: BeliefState | None = None,
        intent: str | None = None,
        understood: bool = False,
        typed: str = "",
    ) -> Facts:
        known = state or {}
        found = (
            self.knowledge.query(
                domain, self.knowledge.in_force(domain, known.get(domain, {})), limit=5
            )
            if domain in self.knowledge.domains and domain is not None
            else None
        )
        return Facts.of(
            domain=domain,
            state=known,
            found=found,
            utterance=user,
            said=said,
            heard=[""] * len(said) if heard is None else heard,
            before=before,
            intent=intent,
            understood=understood,
            typed=typed,
            knowledge=self.knowledge,
            schema=SCHEMA,
            style=self.style,
        )

    def candidate(self, text: str, facts: Facts, acts: Sequence[DialogueAct] = ()) -> Candidate:
        return self.stage.candidate(text, facts, acts)

    def chosen(
        self,
        text: str,
        facts: Facts,
        *others: str,
        acts: Sequence[DialogueAct] = (),
        intent: str | None = None,
    ) -> ChosenReply:
        first = self.candidate(text, facts, acts)
        return self.stage.chosen(
            first, [self.candidate(one, facts, acts) for one in others], facts, acts, intent=intent
        )
