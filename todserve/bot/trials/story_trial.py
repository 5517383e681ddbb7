"""A bot held against stories: each message is said to it, and what it does is compared.

The story report calls it for every story and sums up what came of it. Example:
``StoryTrial(config, None).told(story)`` tells each turn of a story with what was done.

Actions are not run, as in Rasa's own test: what a story says that they set is set. After a turn
that differs the story goes on from where it says that the bot is, so that each turn is judged by
itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from todserve.bot.action_events import Event, SlotSet
from todserve.bot.bot import Bot
from todserve.bot.bot_config import BotConfig, BotSlot, SlotType
from todserve.bot.bot_outcome import FormState, Outcome
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher
from todserve.bot.rasa.action_slots import slot_key, sources, typed
from todserve.bot.rasa.intent_payload import IntentPayload, spoken
from todserve.bot.rasa.two_stage_fallback import TWO_STAGE, Stage
from todserve.bot.trials.bot_story import UNTOLD, BotStory, StoryTurn
from todserve.bot.user_message import Heard, plain
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.rasa.rasa_types import SERVICE, RasaEntity
from todserve.runtime.turn_answerer import Answerer
from todserve.runtime.wire.response import encode
from todserve.serving.client.conversation import Conversation

_NOT_UNDERSTOOD = "nlu_fallback"
_SOME = {SlotType.BOOL: "true", SlotType.FLOAT: "1"}
"""What a form is given where a story does not say what it was given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldTurn:
    """A turn of a story and what the bot made of it.

    Attributes:
        turn: as the story has it.
        intent: as it was understood.
        expected: what was to be done, by the names that models know.
        done: what was done.
        form: the form under way afterwards.
    """

    turn: StoryTurn
    intent: str | None
    expected: tuple[str, ...]
    done: tuple[str, ...]
    form: str | None

    @property
    def understood(self) -> bool | None:
        """Whether the intent is the story's; None where it tells none."""
        wanted = self.turn.intent
        if wanted in (None, _NOT_UNDERSTOOD):
            return None
        return _is_one_of_its_kind(label(self.intent or ""), label(wanted))

    @property
    def holds(self) -> bool:
        """Whether the bot did what the story says."""
        alike = len(self.expected) == len(self.done) and all(
            map(_is_one_of_its_kind, self.done, self.expected)
        )
        return alike and self.turn.form in (UNTOLD, self.form)


def _is_one_of_its_kind(name: str, wanted: str) -> bool:
    # Stories name a grouping intent "faq", and its answer "utter_faq".
    return name == wanted or name.startswith(f"{wanted}_")


def _under_way(outcome: Outcome) -> str | None:
    # Rasa's two-stage fallback is a form to its stories.
    return None if outcome.stage is None else TWO_STAGE


class _Acting:
    """Runs no action: what the story says that it set, it sets."""

    def __init__(self) -> None:
        self.effects: list[tuple[str, Mapping[str, str | None]]] = []
        self.slots: Mapping[str, BotSlot] = {}

    def names(self) -> frozenset[str]:
        return frozenset()

    def run(
        self, name: str, dispatcher: Dispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[Event]:
        for place, (action, told) in enumerate(self.effects):
            if action == name:
                del self.effects[place]
                return [
                    SlotSet(slot, typed(value, self.slots.get(slot_key(slot, self.slots))))
                    for slot, value in told.items()
                ]
        return []


class StoryTrial:
    """Plays the users of stories to a bot, and compares what it does with what they say.

    Args:
        config: the bot.
        model: understands the messages; None takes what the stories say that was understood.
    """

    def __init__(self, config: BotConfig, model: Answerer | None) -> None:
        self._config = config
        self._model = model
        self._acting = _Acting()
        self._acting.slots = config.slots
        self._bot = Bot(config, self._acting)
        self._asking = {
            label(name) for form in config.forms.values() for name in form.required.values()
        } | {label(form.confirm) for form in config.forms.values() if form.confirm}
        self._judging = {form.validate_action for form in config.forms.values()}

    def told(self, story: BotStory) -> list[ToldTurn]:
        """Return each turn of a story with what the bot made of it.

        Raises:
            TodError: the model does not answer.
        """
        talk = None if self._model is None else Conversation(self._model)
        past = Outcome(said=() if story.after is None else (story.after,))
        state: dict[str, dict[str, str]] = {}
        found: list[ToldTurn] = []
        for index, turn in enumerate(story.turns):
            heard = self._heard(story, index, turn, state, past, talk)
            state = plain(heard.state)
            memory = dict(past.memory)
            if turn.slots:
                memory |= {slot_key(k, self._config.slots): v for k, v in turn.slots.items()}
                memory = {name: value for name, value in memory.items() if value is not None}
            self._acting.effects = list(turn.effects)
            outcome = self._bot.turn(heard, replace(past, memory=memory))
            said = [*outcome.said]
            if turn.form is None and outcome.form is not None:
                outcome, more = self._filled(turn, heard, outcome)
                said += more
            if talk is not None:
                talk.replace_reply("\n".join(outcome.messages))
            one = self._compared(turn, heard.intent, said, outcome)
            found.append(one)
            past = outcome if one.holds else self._corrected(turn, outcome)
        return found

    def _heard(
        self,
        story: BotStory,
        index: int,
        turn: StoryTurn,
        state: Mapping[str, Mapping[str, str]],
        past: Outcome,
        talk: Conversation | None,
    ) -> Heard:
        payload = IntentPayload.of(turn.user or "")
        words = spoken(turn.user or "") or (turn.intent or "").replace("_", " ") or "-"
        facts: dict[str, Any] = {
            "dialogue_id": story.name,
            "message_id": str(index),
            "index": index,
            "user": words,
            "replied": "\n".join(past.messages),
        }
        if talk is not None:
            before = talk.state
            heard = Heard.of(
                encode(talk.say(words)),
                before={
                    d: {s: one.value for s, one in slots.items()} for d, slots in before.items()
                },
                **facts,
            )
            # Without words, or in a payload, a story says outright what is understood.
            if turn.user is not None and payload is None:
                return heard
            state = heard.state
        intent = turn.intent if payload is None else payload.intent
        named = [*turn.entities]
        if payload is not None:
            named += [
                RasaEntity(entity=name, value=value)
                for name, values in payload.entities.items()
                for value in values
            ]
        after = {domain: dict(slots) for domain, slots in (turn.state or state).items()}
        changed = {
            (domain, slot)
            for domain, slots in after.items()
            for slot, value in slots.items()
            if state.get(domain, {}).get(slot) != value
        }
        for entity in named:
            for slot in self._filled_by(entity):
                domain = self._domain_of(slot)
                after.setdefault(domain, {})[slot] = entity.value
                changed.add((domain, slot))
        doubtful = intent == _NOT_UNDERSTOOD
        return Heard(
            intent=None if intent is None or doubtful else self._meant(label(intent)),
            confidence=0.0 if doubtful else 1.0,
            outright=intent is not None and not doubtful,
            state=after,
            changed=dict.fromkeys(changed, 1.0),
            domain=next(iter(after), None),
            **facts,
        )

    def _meant(self, intent: str) -> str:
        """Return the first intent of a group, where a story names the group."""
        config = self._config
        every = [
            *config.forms,
            *config.actions.intents,
            *(one.intent or "" for one in config.rules),
        ]
        inner = (one for one in every if one.startswith(f"{intent}_"))
        return intent if intent in every else next(inner, intent)

    def _filled_by(self, entity: RasaEntity) -> list[str]:
        """Return the slots that an entity fills."""
        slots = self._config.slots
        every = [
            (key, one)
            for key in slots
            if slots[key].understood
            for one in sources(key, slots)
            if one.entity == entity.entity
        ]
        own = [
            key
            for key, one in every
            if one.role in (None, entity.role) and one.group in (None, entity.group)
        ]
        return list(dict.fromkeys(own))

    def _domain_of(self, slot: str) -> str:
        forms = self._config.forms.values()
        owners = [form.domain for form in forms if slot in form.required]
        return next(iter([*owners, *(form.domain for form in forms)]), SERVICE)

    def _filled(self, turn: StoryTurn, heard: Heard, outcome: Outcome) -> tuple[Outcome, list[str]]:
        """Give a form everything that it asks for, where a story does not tell how it was told."""
        config, form = self._config, outcome.form
        told = {slot: value for _, slots in turn.effects for slot, value in slots.items()}
        values = {slot_key(slot, config.slots): value for slot, value in told.items()}
        for slot in form.missing if form is not None else ():
            known = config.slots.get(slot, BotSlot())
            some = known.values[0] if known.values else _SOME.get(known.type, "x")
            if values.get(slot) is None:
                values[slot] = some
        given = {name: value for name, value in values.items() if value is not None}
        said: list[str] = []
        for words in ("-", "yes", "yes"):
            if outcome.form is None:
                break
            answer = replace(heard, user=words, intent=None, index=heard.index + 1, changed={})
            outcome = self._bot.turn(answer, replace(outcome, memory={**outcome.memory, **given}))
            said += outcome.said
        return outcome, said

    def _compared(
        self, turn: StoryTurn, intent: str | None, said: Sequence[str], outcome: Outcome
    ) -> ToldTurn:
        expected = tuple(map(label, turn.done))
        done = [label(name) for name in said if name not in self._judging]
        # What a form asks is the form's business, unless a story names it.
        asked = self._asking - {*expected}
        form = outcome.form
        return ToldTurn(
            turn=turn,
            intent=intent,
            expected=expected,
            done=tuple(name for name in done if name not in asked),
            form=_under_way(outcome) if form is None else self._config.form_name(form.name),
        )

    def _corrected(self, turn: StoryTurn, outcome: Outcome) -> Outcome:
        """Return an outcome as the story says that it is."""
        form = outcome.form
        stage = outcome.stage
        if turn.form == TWO_STAGE:
            form, stage = None, stage or Stage.ASKED
        elif turn.form is None:
            form, stage = None, None
        elif turn.form != UNTOLD and (
            form is None or self._config.form_name(form.name) != turn.form
        ):
            key = self._config.form_called(turn.form)
            form = None if key is None else self._begun(key)
        config = self._config
        told = {
            slot_key(slot, config.slots): value
            for _, slots in turn.effects
            for slot, value in slots.items()
        }
        memory = {**outcome.memory, **told}
        return replace(
            outcome,
            said=turn.done or outcome.said,
            form=form,
            stage=stage,
            memory={name: value for name, value in memory.items() if value is not None},
        )

    def _begun(self, key: str) -> FormState:
        required = tuple(self._config.forms[key].required)
        return FormState(
            name=key, values={}, missing=required, awaiting_confirmation=False, since=""
        )
