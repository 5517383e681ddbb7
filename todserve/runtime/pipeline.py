"""Pipeline: answers a batch of requests with two calls of the network, sometimes a third.

A worker hands it requests that were parsed from the wire and sends back the responses it returns;
benchmarks call it likewise. The steps are numbered in ``work_out`` and ``answer``. Example:
``pipeline.answer([parse_request({"user": "to ely"})])``.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from todserve.runtime.answer import finished_response
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.parsed_generation import read
from todserve.runtime.decoding.questions import Question, Questions
from todserve.runtime.decoding.token_automaton import TokenAutomaton
from todserve.runtime.engines.counted_engine import CountedEngine, TokenCount
from todserve.runtime.engines.engine import Engine, Generation
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.errors import RequestError
from todserve.runtime.explanation.explained_turn import explained_turn
from todserve.runtime.intents.intent_model import JudgedIntent
from todserve.runtime.intents.spoken_intent import spoken_intent
from todserve.runtime.knowledge.knowledge_base import DatabaseResult, KnowledgeBase
from todserve.runtime.language.dialogue import DONTCARE, OUT_OF_SCOPE, BeliefState
from todserve.runtime.language.prompts import Exchange, PromptBuilder, PromptInput
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.reply.facts import Facts
from todserve.runtime.reply.plain_reply import (
    doubtful_reply,
    out_of_scope_reply,
    service_reply,
    unknown_reply,
)
from todserve.runtime.reply.reply_stage import Candidate, ChosenReply, ReplyStage, Source, Variation
from todserve.runtime.request_check import admit
from todserve.runtime.spelling.back_references import Before
from todserve.runtime.spelling.known_names import KnownNames
from todserve.runtime.spelling.speller import Spelled, Speller
from todserve.runtime.spelling.utterance_reader import UtteranceReader
from todserve.runtime.stopwatch import Stopwatch
from todserve.runtime.system_history import HistoryForm
from todserve.runtime.tracking.belief_tracking import (
    Memory,
    Refusal,
    RefusedValue,
    left_alone,
    track,
)
from todserve.runtime.tracking.state_replay import Replay, needs_replay
from todserve.runtime.tracking.wish_parts import WishPart
from todserve.runtime.turn_work import TurnWork
from todserve.runtime.wire.request import TurnRequest, within
from todserve.runtime.wire.response import ModelIdentity, TurnResponse
from todserve.runtime.wire.turn_events import Understood, understood_of
from todserve.runtime.wire.turn_explanation import TurnExplanation

Listener = Callable[[int, Understood], None]
"""Is told the place of a turn in its batch, and what was understood of it."""

_UNDERSTANDING = (TaskName.BELIEF_STATE, TaskName.INTENT)
_REPLYING = (TaskName.DIALOGUE_ACT, TaskName.RESPONSE)
_VARIATION_TOKENS = 60
_FLUENT = -0.9  # mean log-probability of a token; good ones have -0.3 to -0.5, garble -1.1 to -1.8
_OUTRIGHT = "outright"
"""The rule of a reply to who asks for a service that the network took them to be outside of."""
_FEW_WORDS = 6
_A_CALL = 3  # words, that may be nothing but a service's name: "police please"
_FOR_A_REPLY = 5  # results a reply may name, whatever top_k the client wants listed


class Pipeline:
    """Answers dialogue turns with one checkpoint and one engine."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        engine: Engine,
        identity: ModelIdentity,
        automaton: TokenAutomaton | None = None,
        speller: Speller | None = None,
        *,
        variations: TokenAutomaton | None = None,
        checked: bool = True,
    ) -> None:
        """Put the stages together; use ``load`` for a folder.

        Args:
            checkpoint: what the folder says.
            engine: generates.
            identity: goes into every answer.
            automaton: of the checkpoint, see ``constraint``; None lets the engine write freely.
            speller: of the checkpoint; None reads what is typed as it is typed, names too.
            variations: holds other generations of a reply to what they may say; of no use beside
                ``automaton``, which does so too.
            checked: whether replies are held against the facts; False measures what that costs.

        Raises:
            ConfigError: the tokenizer lacks a control token of the format.
        """
        self.checkpoint = checkpoint
        self.identity = identity
        self._engine = CountedEngine(engine)
        self._automaton = automaton
        self._reader = UtteranceReader.of(checkpoint, speller)
        self._names = KnownNames.of(checkpoint) if speller else None
        self._variations = automaton or variations
        self._checked = checked
        self._stage = ReplyStage(checkpoint.schema, checkpoint.knowledge, checkpoint.style)
        self._builder = PromptBuilder(checkpoint.tokenizer, checkpoint.format, checkpoint.schema)
        self._form = HistoryForm(checkpoint)
        self._replay = Replay(
            checkpoint=checkpoint,
            engine=self._engine,
            builder=self._builder,
            form=self._form,
            automaton=automaton,
            names=self._names,
            reader=self._reader,
        )

    @classmethod
    def load(
        cls,
        model_dir: str | Path,
        *,
        settings: EngineSettings | None = None,
        model_name: str = "tod",
        model_version: str = "1.0",
        model_file: Path | None = None,
        constrained: bool = False,
        spelling: bool = True,
        checked: bool = True,
    ) -> Self:
        """Open a checkpoint folder (or an unpacked archive) and its engine.

        Args:
            model_dir: the folder.
            settings: engine, dtype, threads; when None, torch, or what the folder was exported for.
            model_name: goes into every answer.
            model_version: goes into every answer.
            model_file: the network's file, which is run, where it is not the checkout's.
            constrained: whether nothing may be written but what the schema knows.
            spelling: whether misspelt words are read as they are meant, where that is known.
            checked: whether replies are held against the facts.

        Raises:
            ConfigError: a file is missing or wrong; the message names it and the fix.
        """
        from todserve.runtime.engines.engine_choice import default_settings, open_engine

        model_dir = Path(model_dir)
        checkpoint = Checkpoint.open(model_dir)
        chosen = settings or default_settings(model_dir)
        engine = open_engine(model_dir, chosen, model_file=model_file)
        identity = ModelIdentity(
            name=model_name, version=model_version, checkpoint=checkpoint.checksum
        )
        return cls(
            checkpoint,
            engine,
            identity,
            _automaton(checkpoint) if constrained else None,
            _speller(checkpoint, spelling=spelling),
            variations=_reply_automaton(checkpoint) if checked and not constrained else None,
            checked=checked,
        )

    @property
    def tokens(self) -> TokenCount:
        """What the network has read and written so far."""
        return self._engine.tokens

    def answer(
        self, requests: Sequence[TurnRequest], *, understood: Listener | None = None
    ) -> list[TurnResponse | RequestError]:
        """Answer a batch, in its order; a wrong request becomes an error at its own place.

        ``timing_ms`` is the batch's: its items are worked on together.

        Args:
            requests: the batch.
            understood: called with the place of each turn and what is known of it once it has been
                looked up, before its reply is written.
        """
        watch = Stopwatch()
        worked = self.work_out(requests, watch, understood=understood)
        answers: list[TurnResponse | RequestError] = []
        with watch.stage("phrase"):  # 7. compare acts with reply
            answers.extend(
                finished_response(one, self.identity) if isinstance(one, TurnWork) else one
                for one in worked
            )
        timing = watch.milliseconds()
        return [
            one.model_copy(update={"timing_ms": timing}) if isinstance(one, TurnResponse) else one
            for one in answers
        ]

    def explain(self, requests: Sequence[TurnRequest]) -> list[TurnExplanation | RequestError]:
        """Say why each turn is answered as it is; a wrong request becomes an error at its place."""
        return [
            explained_turn(
                one, finished_response(one, self.identity), self.checkpoint, self.identity
            )
            if isinstance(one, TurnWork)
            else one
            for one in self.work_out(requests, Stopwatch())
        ]

    def work_out(
        self,
        requests: Sequence[TurnRequest],
        watch: Stopwatch,
        *,
        understood: Listener | None = None,
    ) -> list[TurnWork | RequestError]:
        """Take a batch through every stage but the last, which only tells what is known by then.

        For those who need more than the answer says: the generations themselves. ``understood`` is
        as of ``answer``.
        """
        with watch.stage("prepare"):  # 1. check against the schema, bring the history into form
            admitted = [self._admitted(request) for request in requests]
        works = [work for work in admitted if isinstance(work, TurnWork)]
        with watch.stage("replay"):  # 2. only for clients that keep no state, see state_replay.py
            self._rebuild([work for work in works if self._is_stateless(work.request)])
        with watch.stage("prepare"):
            for work in works:
                self._form_source(work)
        questions = Questions(
            self._engine, self._builder, self.checkpoint.calibration, self._automaton
        )
        with watch.stage("understand"):  # 3. belief states and intents: the first engine call
            self._ask(questions, works, _UNDERSTANDING)
            self._judge(questions, works)
            for work in works:
                self._hear(work)
            self._hear_parts(questions, works)
        with watch.stage("look_up"):  # 4. merge states, decide domains, query the database
            for work in works:
                self._follow(work)
        if understood is not None:
            for place, one in enumerate(admitted):
                if isinstance(one, TurnWork):
                    understood(place, understood_of(finished_response(one, self.identity)))
        with watch.stage("reply"):  # 5. acts and responses: the second engine call
            self._ask(questions, [one for one in works if not one.out_of_scope], _REPLYING)
        with watch.stage("choose"):  # 6. hold replies against the facts, ask for others if need be
            self._choose(questions, works)
        return admitted

    def twin(self) -> Self:
        """Return a pipeline over the same checkpoint and network, for another thread.

        Raises:
            TypeError: the engine cannot be shared, see ``EngineSpec.is_shared``.
        """
        twin = copy.copy(self)
        twin._engine = self._engine.twin()
        twin._replay = replace(self._replay, engine=twin._engine)
        return twin

    def close(self) -> None:
        """Release the engine and the database."""
        self._engine.close()
        self.checkpoint.knowledge.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.identity.name!r}, {self.identity.checkpoint[:12]!r})"

    def _admitted(self, request: TurnRequest) -> TurnWork | RequestError:
        try:
            learnt = within(request, self.checkpoint.format.tasks)
            spelled = self._reader.read(learnt.user)
            memory = admit(
                learnt,
                self.checkpoint,
                utterance=spelled.text,
                read=lambda text: self._reader.read(text).text,
            )
            return TurnWork(request=learnt, memory=memory, spelled=spelled)
        except RequestError as error:
            return error

    def _is_stateless(self, request: TurnRequest) -> bool:
        learnt = TaskName.BELIEF_STATE in self.checkpoint.format.tasks
        return learnt and needs_replay(request, self.checkpoint.format.context)

    def _rebuild(self, works: Sequence[TurnWork]) -> None:
        memories = self._replay.memories(
            [self._read(work.request.history) for work in works],
            [work.request.now for work in works],
        )
        for work, memory in zip(works, memories, strict=True):
            work.memory = memory

    def _form_source(self, work: TurnWork) -> None:
        memory, said = work.memory, [one.system for one in work.request.history]
        asked = [one.user for one in work.request.history]
        before = Before(state=memory.state, domain=memory.domain, said=said, asked=asked)
        work.spelled = self._reader.resolved(work.spelled, before)
        work.source = PromptInput(
            user=work.utterance,
            history=self._read(self._form.exchanges(work.request.history, work.memory)),
            previous_state=work.memory.state,
        )

    def _read(self, history: Sequence[Exchange]) -> list[Exchange]:
        return [
            Exchange(user=self._reader.read(one.user).text, system=one.system) for one in history
        ]

    def _ask(
        self, questions: Questions, works: Sequence[TurnWork], tasks: tuple[TaskName, ...]
    ) -> None:
        asked = [
            (work, task)
            for work in works
            for task in tasks
            if task in self.checkpoint.format.tasks
            and (task in work.request.tasks or task in work.needed)
        ]
        generations = questions.ask(
            [
                Question(source=work.source, task=task, database_token=work.database_token)
                for work, task in asked
            ]
        )
        for (work, task), generation in zip(asked, generations, strict=True):
            work.readings[task] = read(
                generation,
                task,
                tokenizer=self.checkpoint.tokenizer,
                schema=self.checkpoint.schema,
                constrained=self._automaton is not None,
            )

    def _judge(self, questions: Questions, works: Sequence[TurnWork]) -> None:
        """Weigh generated intents against the intent model, where the checkpoint has one."""
        model = self.checkpoint.intent_model
        if model is None:
            return
        asked = [work for work in works if TaskName.INTENT in work.readings]
        vectors = questions.utterance_vectors([work.source for work in asked])
        for work, vector in zip(asked, vectors, strict=True):
            if vector is None and model.needs_vector:
                continue
            reading = work.readings[TaskName.INTENT]
            generated = (reading.parsed.intent, reading.whole_probability_among_allowed)
            work.judged = model.judged(work.utterance, vector, generated)

    def _hear(self, work: TurnWork) -> None:
        """Put an intent right that the words alone say."""
        reading = work.readings.get(TaskName.BELIEF_STATE)
        if work.intent is None or not self._checked:
            return
        orders = self.checkpoint.grounds.orders
        written = reading.parsed.state if reading else {}
        outright = (
            orders.sure(work.utterance)
            or orders.homes_of(written)
            or self._service_overlooked(work)
        )
        wished = () if outright else self._wish_overlooked(work)
        said = spoken_intent(
            work.utterance,
            work.intent,
            self.checkpoint.schema,
            sure=outright or wished,
            written=written,
            at_hand=self._asked_about(work),
        )
        if said is not None:
            of_none = not self.checkpoint.schema.intent_domains(work.intent)
            work.asked_outright = (work.out_of_scope or of_none) and not wished
            work.judged = JudgedIntent(name=said, confidence=1.0)

    def _hear_parts(self, questions: Questions, works: Sequence[TurnWork]) -> None:
        """Read what is said of several services at once part by part, in one more engine call."""
        asked = [
            (work, self._resolved_part(work, part))
            for work in works
            if self._checked and TaskName.BELIEF_STATE in work.readings
            for part in self.checkpoint.grounds.parts.of(work.utterance)
        ]
        generations = questions.ask(
            [
                Question(source=replace(work.source, user=part.text), task=TaskName.BELIEF_STATE)
                for work, part in asked
            ]
        )
        for (work, part), generation in zip(asked, generations, strict=True):
            reading = read(
                generation,
                TaskName.BELIEF_STATE,
                tokenizer=self.checkpoint.tokenizer,
                schema=self.checkpoint.schema,
                constrained=self._automaton is not None,
            )
            work.parts.append((part, reading))

    def _resolved_part(self, work: TurnWork, part: WishPart) -> WishPart:
        """Return a part with its words named that point at another one: "the same night"."""
        written: BeliefState = work.readings[TaskName.BELIEF_STATE].parsed.state
        others = {domain: slots for domain, slots in written.items() if domain != part.domain}
        before = Before(state=others, domain=next(iter(others), None))
        resolved = self._reader.resolved(Spelled(text=part.text), before)
        return replace(part, text=resolved.text)

    def _service_overlooked(self, work: TurnWork) -> tuple[str, ...]:
        """Return the service that the words ask for, or name a venue of.

        Only where the network took them for none's, or understood nothing of them.
        """
        reading = work.readings.get(TaskName.BELIEF_STATE)
        of_intent = self.checkpoint.schema.intent_domains(work.intent)
        alone = not of_intent and len(work.utterance.split()) <= _A_CALL
        if alone and (called := self.checkpoint.grounds.ways.service_said(work.utterance.lower())):
            return (called,)
        if not work.out_of_scope and (not of_intent or reading is None or reading.parsed.state):
            return ()
        grounds, history = self.checkpoint.grounds, work.request.history
        said = None
        if work.out_of_scope:
            unknown = grounds.unknown.of_service(work.utterance)
            said = unknown or grounds.ways.service_said(work.utterance.lower())
        venue = grounds.venues.named(work.utterance, history[-1].system if history else "")
        named = () if venue is None else (venue.domain,)
        return named if said is None else (said,)

    def _wish_overlooked(self, work: TurnWork) -> tuple[str, ...]:
        """Return the service at hand where the words say how it should be, and none heard them."""
        domain = work.memory.domain
        if domain is None or not work.out_of_scope:
            return ()
        orders = self.checkpoint.grounds.orders
        return (domain,) if orders.should_be(work.utterance, domain) else ()

    def _asked_about(self, work: TurnWork) -> str | None:
        """Return the service where a few words only ask for what is known of an entity of it.

        It is the one of the state that they name, "is the museum free", else the active one.
        """
        words, style = work.utterance.lower(), self.checkpoint.style
        if len(words.split()) > _FEW_WORDS:
            return None
        asks = any(one.search(words) for one in style.asked_patterns.values())
        if not asks and not style.patterns["asks_of_it"].search(words):
            return None
        named = self.checkpoint.grounds.orders.service_of(words, work.memory.state)
        return named or (work.memory.domain if asks else None)

    def _follow(self, work: TurnWork) -> None:
        """Track the state and look it up, if the belief state was asked for or is needed."""
        reading = work.readings.get(TaskName.BELIEF_STATE)
        if reading is None:
            return
        knowledge = self.checkpoint.knowledge
        work.tracked = (
            left_alone(work.memory)
            if work.out_of_scope
            else track(
                work.memory,
                reading,
                target=self.checkpoint.format.belief_target,
                schema=self.checkpoint.schema,
                intent=work.intent,
                utterance=work.utterance,
                domain_model=self.checkpoint.domain_model,
                names=self._names,
                grounds=self.checkpoint.grounds if self._checked else None,
                history=work.request.history,
                act_from=self.checkpoint.calibration.act_from if self._checked else 0.0,
                parts=work.parts,
                values=self.checkpoint.values,
                now=work.request.now,
            )
        )
        memory: Memory = work.tracked.memory
        if memory.domain in knowledge.domains:
            work.found = knowledge.query(
                memory.domain,
                knowledge.in_force(memory.domain, memory.state.get(memory.domain, {})),
                limit=max(work.request.top_k, _FOR_A_REPLY),
            )
        matches = work.found.matches if work.found else None
        work.database_token = knowledge.database_token(memory.domain, matches)
        work.facts = self._facts(work, memory, memory.domain, work.found)
        work.tracked = replace(
            work.tracked, refused=(*work.tracked.refused, *self._still_unknown(work, memory))
        )
        other = _begun_beside(work.memory, memory, knowledge)
        if other is not None:
            wishes = knowledge.in_force(other, memory.state[other])
            found = knowledge.query(other, wishes, limit=_FOR_A_REPLY)
            work.other_facts = self._facts(work, memory, other, found)

    def _still_unknown(self, work: TurnWork, memory: Memory) -> tuple[RefusedValue, ...]:
        """Return what was wished just before and cannot be, where the user says to book it.

        "A train to hogwarts" leaves the journey of before in the state, which nobody means now.
        """
        facts, history = work.facts, work.request.history
        if not self._checked or facts is None or not history:
            return ()
        if not facts.orders or facts.understood or work.doubtful is not None:
            return ()
        wishes = self.checkpoint.grounds.unknown.of(
            self._reader.read(history[-1].user).text,
            domain=memory.domain,
            state=memory.state,
            written={},
            unsaid=(),
        )
        return tuple(
            RefusedValue(domain=one.domain, slot=one.slot, value=one.value, reason=Refusal.UNKNOWN)
            for one in wishes
            if one.domain == memory.domain
        )

    def _facts(
        self, work: TurnWork, memory: Memory, domain: str | None, found: DatabaseResult | None
    ) -> Facts:
        return Facts.of(
            domain=domain,
            state=memory.state,
            found=found,
            utterance=work.utterance,
            said=[one.system for one in work.request.history],
            heard=[one.user for one in work.request.history],
            intent=work.intent,
            understood=_went_on(work.memory, memory),
            before=work.memory.state,
            typed=work.request.user,
            knowledge=self.checkpoint.knowledge,
            schema=self.checkpoint.schema,
            style=self.checkpoint.style,
        )

    def _choose(self, questions: Questions, works: Sequence[TurnWork]) -> None:
        """Choose every reply; what is missing for that is generated in one call for all."""
        waiting: list[tuple[TurnWork, Candidate, tuple[Variation, ...]]] = []
        for work in works:
            facts, reading = work.facts, work.readings.get(TaskName.RESPONSE)
            if facts is None:
                continue
            doubtful = work.doubtful
            if doubtful is not None and reading is not None and not work.out_of_scope:
                asks = doubtful_reply(facts, doubtful.domain, doubtful.slot)
                if doubtful.reason is Refusal.UNKNOWN:
                    asks = unknown_reply(facts, doubtful.domain, doubtful.slot, doubtful.value)
                said = self._stage.plain(asks, facts)
                work.reply = ChosenReply(candidate=said, rules=(doubtful.reason,))
            elif work.out_of_scope:
                if TaskName.RESPONSE in work.request.tasks:
                    said = self._stage.plain(out_of_scope_reply(facts), facts)
                    work.reply = ChosenReply(candidate=said, rules=(OUT_OF_SCOPE,))
            elif work.asked_outright and reading is not None and service_reply(facts):
                said = self._stage.plain(service_reply(facts), facts)
                work.reply = ChosenReply(candidate=said, rules=(_OUTRIGHT,))
            elif reading is not None and not self._checked:
                said = self._stage.unchecked(reading.parsed.text, facts, work.acts)
                work.reply = ChosenReply(candidate=said)
            elif reading is not None:
                first = self._stage.candidate(reading.parsed.text, facts, work.acts)
                waiting.append((work, first, self._stage.variations(first, facts)))
        others = iter(self._varied(questions, [(work, wanted) for work, _, wanted in waiting]))
        for work, first, wanted in waiting:
            texts = [next(others) for _ in wanted]
            facts = work.facts
            if facts is not None:
                work.reply = self._stage.chosen(
                    first,
                    [
                        self._stage.candidate(text, facts, work.acts, Source.ALTERNATIVE)
                        for text in texts
                    ],
                    facts,
                    work.acts,
                    intent=work.intent,
                )
                work.reply = self._stage.with_kept(work.reply, facts)
                if work.other_facts is not None:
                    work.reply = self._stage.with_another(work.reply, work.other_facts)

    def _varied(
        self, questions: Questions, wanted: Sequence[tuple[TurnWork, tuple[Variation, ...]]]
    ) -> list[str]:
        """Return the texts of all variations that a batch wants, generated in one call."""
        task = TaskName.RESPONSE
        asked = [(work, one) for work, variations in wanted for one in variations]
        generations = questions.ask(
            [
                Question(
                    source=work.source,
                    task=task,
                    database_token=work.database_token,
                    start=one.start.of_automaton,
                    forced=tuple(self.checkpoint.tokenizer.encode(one.forced)),
                    most_tokens=_VARIATION_TOKENS,
                )
                for work, one in asked
            ],
            self._variations,
        )
        texts = []
        for generation, (_, asked_for) in zip(generations, asked, strict=True):
            found = read(
                generation,
                task,
                tokenizer=self.checkpoint.tokenizer,
                schema=self.checkpoint.schema,
            )
            text = found.parsed.text
            sound = self.checkpoint.style.goes_on(text, asked_for.forced)
            texts.append(text if sound and _is_fluent(generation, asked_for.forced) else "")
        return texts


def _is_fluent(generation: Generation, forced: str) -> bool:
    """Say whether a variation ended by itself, and is what the model would have said so."""
    if not generation.finished or not generation.ids:
        return False
    free = generation.log_probs[1:] if forced else generation.log_probs
    return sum(free) >= _FLUENT * max(1, len(free))


def _speller(checkpoint: Checkpoint, *, spelling: bool) -> Speller | None:
    if not spelling:
        return None
    return Speller.of(checkpoint.schema, checkpoint.knowledge, checkpoint.tokenizer)


def _went_on(before: Memory, after: Memory) -> bool:
    """Say whether a turn changed the state of the domain that is active now."""
    domain = after.domain or ""
    return after.state.get(domain, {}) != before.state.get(domain, {})


def _begun_beside(before: Memory, after: Memory, knowledge: KnowledgeBase) -> str | None:
    """Return another domain that a turn began too, and that can be looked up."""
    if after.domain is None or before.state.get(after.domain):
        return None
    for domain, slots in after.state.items():
        table = knowledge.tables.get(domain)
        if domain == after.domain or domain in before.state or table is None:
            continue
        if any(slot in table.comparisons and value != DONTCARE for slot, value in slots.items()):
            return domain
    return None


def _automaton(checkpoint: Checkpoint) -> TokenAutomaton:
    from todserve.runtime.decoding.constraint import build_automaton

    return build_automaton(checkpoint)


def _reply_automaton(checkpoint: Checkpoint) -> TokenAutomaton:
    from todserve.runtime.decoding.constraint import build_reply_automaton

    return build_reply_automaton(checkpoint)
