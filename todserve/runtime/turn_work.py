"""TurnWork: everything known so far of one turn while the pipeline answers it.

The pipeline makes one for each request; each stage writes its own fields and reads those that
earlier stages wrote. Example: after the first engine call ``work.readings[TaskName.INTENT].text``
is ``[find_train]``.
"""

from dataclasses import dataclass, field

from todserve.runtime.decoding.parsed_generation import Reading
from todserve.runtime.intents.intent_model import JudgedIntent
from todserve.runtime.knowledge.knowledge_base import DatabaseResult
from todserve.runtime.language.dialogue import OUT_OF_SCOPE, DialogueAct
from todserve.runtime.language.prompts import PromptInput
from todserve.runtime.language.tasks import TASKS, TaskName
from todserve.runtime.reply.facts import Facts
from todserve.runtime.reply.reply_stage import ChosenReply
from todserve.runtime.spelling.speller import Spelled
from todserve.runtime.tracking.belief_tracking import Memory, Refusal, RefusedValue, Tracked
from todserve.runtime.tracking.wish_parts import WishPart
from todserve.runtime.wire.request import TurnRequest

_ASKED_FOR = (Refusal.UNKNOWN, Refusal.DOUBTFUL, Refusal.UNREADABLE)
_REPLY_RESTS_ON = (TaskName.BELIEF_STATE, TaskName.INTENT)


@dataclass(kw_only=True, slots=True)
class TurnWork:
    """Everything known so far of a turn that is being answered.

    Attributes:
        request: what the client asks.
        memory: what was known before the utterance.
        spelled: how the utterance is read; as it was typed unless a speller stands in front.
        source: what the prompts are made of.
        readings: the generations so far, by task.
        parts: parts of the utterance that each wish for another service, and their belief states.
        judged: what the intent model makes of the utterance, where the checkpoint has one.
        asked_outright: whether the words ask for a service that the network took them to be
            outside of, so that its acts and its reply are of no use.
        tracked: the new state and domain, once there is a belief-state generation.
        found: the look-up, when the active domain has a database.
        database_token: tells the model how much was found.
        facts: what the reply may rest on.
        other_facts: of a second domain that the utterance began as well.
        reply: the reply that is sent.
    """

    request: TurnRequest
    memory: Memory
    spelled: Spelled
    source: PromptInput = field(default_factory=lambda: PromptInput(user=""))
    readings: dict[TaskName, Reading] = field(default_factory=dict)
    parts: list[tuple[WishPart, Reading]] = field(default_factory=list)
    judged: JudgedIntent | None = None
    asked_outright: bool = False
    tracked: Tracked | None = None
    found: DatabaseResult | None = None
    database_token: str | None = None
    facts: Facts | None = None
    other_facts: Facts | None = None
    reply: ChosenReply | None = None

    @property
    def utterance(self) -> str:
        """The user's words as they are read."""
        return self.spelled.text

    @property
    def needed(self) -> tuple[TaskName, ...]:
        """Tasks the asked ones rest on: the database token follows from state and domain.

        So a reply is the same whether the client also asks for the state or not.
        """
        needs = any(TASKS[task].needs_database for task in self.request.tasks)
        return _REPLY_RESTS_ON if needs else ()

    @property
    def intent(self) -> str | None:
        """The user's intent, if it was judged, or generated and understood."""
        if self.judged is not None:
            return self.judged.name
        reading = self.readings.get(TaskName.INTENT)
        return reading.parsed.intent if reading else None

    @property
    def out_of_scope(self) -> bool:
        """Whether the utterance is nothing that any service is for."""
        return self.intent == OUT_OF_SCOPE

    @property
    def doubtful(self) -> RefusedValue | None:
        """The first value that is unknown, too unsure to act on, or unreadable; it is asked for."""
        refused = self.tracked.refused if self.tracked else ()
        asked = [one for one in refused if one.reason in _ASKED_FOR]
        return min(asked, key=lambda one: _ASKED_FOR.index(one.reason), default=None)

    @property
    def acts(self) -> tuple[DialogueAct, ...]:
        """The generated acts; nothing where none were asked for."""
        reading = self.readings.get(TaskName.DIALOGUE_ACT)
        return tuple(reading.parsed.acts) if reading else ()
