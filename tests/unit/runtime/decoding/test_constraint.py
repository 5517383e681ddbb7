"""What the automaton allows is what the parsers understand; what they understand, it allows."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.source_tree import ROOT
from tests.support.tiny_labels import SCHEMA, labels_for, misreadable_tokenizer
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.constraint import automaton_of, build_automaton
from todserve.runtime.decoding.constraint_labels import OutputLabels
from todserve.runtime.decoding.token_automaton import FREE, REFUSED, TokenAutomaton
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import DELETED
from todserve.runtime.language.formats import (
    ParsedBeliefState,
    ParsedDialogueActs,
    ParsedIntent,
    ParsedResponse,
    placeholders,
)
from todserve.runtime.language.prompts import BeliefTarget
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tasks import CONTROL_TOKENS, TASKS, TaskName
from todserve.runtime.language.tokenizer import Tokenizer

PADDING = 3  # logits beyond the tokenizer's ids, as a network padded to a round number has


@cache
def misreadable(target: BeliefTarget, labels: bool) -> tuple[TokenAutomaton, Tokenizer]:
    tokenizer = misreadable_tokenizer(labels=labels)
    automaton = automaton_of(labels_for(target), tokenizer, tokenizer.size + PADDING)
    return automaton, tokenizer


@cache
def shipped(name: str) -> tuple[TokenAutomaton, Checkpoint]:
    checkpoint = Checkpoint.open(ROOT / "checkpoints" / name)
    return build_automaton(checkpoint), checkpoint


@cache
def steps_to_the_end(automaton: TokenAutomaton) -> np.ndarray:
    """Return, for each state, how few tokens lead to FREE; -1 where none do."""
    steps = np.full(automaton.states, -1)
    steps[FREE] = count = 0
    while (steps == count).any():
        # The one place more is for REFUSED, which as an index is the last.
        last = np.append(steps == count, False)
        count += 1
        steps[last[automaton.table].any(axis=1) & (steps < 0)] = count
    return steps


@st.composite
def written(draw: st.DrawFn, automaton: TokenAutomaton, task: TaskName) -> list[int]:
    """Draw a path from a task's start to its end: first anywhere, then the shortest way."""
    state = automaton.starts[task]
    ids: list[int] = []
    wandering = draw(st.integers(0, 24))
    while state != FREE:
        allowed = automaton.allowed(state)
        after = automaton.row(state)[allowed]
        if len(ids) < wandering:
            going = allowed[after != FREE]
            allowed = going if len(going) else allowed
        else:
            steps = steps_to_the_end(automaton)[after]
            allowed = allowed[steps == steps.min()]
        ids.append(draw(st.sampled_from(allowed.tolist())))
        state = automaton.after(state, ids[-1:])
    return ids


def check_written(
    ids: list[int], task: TaskName, tokenizer: Tokenizer, labels: OutputLabels
) -> str:
    """Hold a finished sequence to the promise; return its text."""
    assert ids[-1] == tokenizer.token_id(TASKS[task].end_token)
    text = tokenizer.decode(ids[:-1])
    parsed = TASKS[task].parse(text, labels.schema)
    strays = parsed.unparsed
    if isinstance(parsed, ParsedResponse):
        # Any words may be written, also the rounds of a loop, which the reply goes without.
        strays = tuple(piece for piece in strays if re.match(r"<|\[(?!value_\w+\])", piece))
    assert strays == (), text
    match parsed:
        case ParsedIntent():
            assert parsed.intent in labels.schema.intents
        case ParsedBeliefState():
            check_state(parsed, labels)
        case ParsedDialogueActs():
            for act in parsed.acts:
                assert act.act in labels.acts
                assert not act.slot or act.slot in labels.act_slots[act.domain]
        case ParsedResponse():
            assert set(placeholders(text)) <= set(labels.placeholders)
    return text


def check_state(parsed: ParsedBeliefState, labels: OutputLabels) -> None:
    schema = labels.schema
    for span in parsed.spans:
        assert span.slot in schema.slots(span.domain)
        if labels.target is BeliefTarget.UPDATE and span.value == DELETED:
            continue
        # Nothing that tracking would refuse, not even "none" in other words.
        assert schema.normalise_value(span.domain, span.slot, span.value) is not None, span
        if categorical(schema, span.domain, span.slot):
            assert span.value in (*schema.values(span.domain, span.slot), "dontcare")


def categorical(schema: Schema, domain: str, slot: str) -> bool:
    (found,) = (
        one for service in schema.services if service.name == domain
        for one in service.slots if one.name == slot
    )  # fmt: skip
    return found.categorical and bool(found.values)


@pytest.mark.parametrize("labels", [True, False], ids=["label tokens", "labels in pieces"])
@pytest.mark.parametrize("target", BeliefTarget)
@pytest.mark.parametrize("task", TaskName)
@settings(max_examples=120, deadline=None)
@given(draw=st.data())
def test_whatever_reaches_the_end_is_understood_and_names_nothing_unknown(
    draw: st.DataObject, task: TaskName, target: BeliefTarget, labels: bool
) -> None:
    automaton, tokenizer = misreadable(target, labels)
    ids = draw.draw(written(automaton, task))
    check_written(ids, task, tokenizer, labels_for(target))


@pytest.mark.parametrize("task", TaskName)
@settings(max_examples=50, deadline=None)
@given(draw=st.data())
def test_the_shipped_checkpoint_can_name_nothing_unknown(
    draw: st.DataObject, task: TaskName
) -> None:
    automaton, checkpoint = shipped("multiwoz")
    ids = draw.draw(written(automaton, task))
    check_written(ids, task, checkpoint.tokenizer, OutputLabels.of(checkpoint))


def accepts(text: str, task: TaskName, target: BeliefTarget, *, labels: bool = True) -> bool:
    automaton, tokenizer = misreadable(target, labels)
    ids = [*tokenizer.encode(text), tokenizer.token_id(TASKS[task].end_token)]
    assert tokenizer.decode(ids[:-1]) == text
    return automaton.after(automaton.starts[task], ids) == FREE


BELIEF_STATES = [
    # (text, in updates, in whole states)
    ("", True, True),
    ("[inn] name north", True, True),
    ("[inn] name north are no east", True, True),
    ("[inn] area north area dontcare", True, True),
    ("[inn] area north name north [bus] name a", True, True),
    ("[inn] area north", True, True),
    ("[inn] open at the sea", True, True),
    # "area" in a value of its own would be read as the slot
    ("[inn] name north area", False, False),
    ("[inn] area north area", False, False),
    ("[inn] area north \\area", True, True),
    # a slot without a value; a value without a slot; neither
    ("[inn] name", False, False),
    ("[inn] name area north", False, False),
    ("[inn] north", False, False),
    ("[inn]", False, False),
    ("name north", False, False),
    # a longer word is not the slot it begins with
    ("[inn] name areas", True, True),
    ("[inn] names names", False, False),
    ("[inn] name namesn", True, True),
    # withdrawn, which only an update can say, and only in this one word
    ("[inn] name none", True, False),
    ("[inn] area none", True, False),
    ("[inn] name none name north", True, False),
    ("[inn] name none area north [bus] name none", True, False),
    ("[inn] name none .", False, False),
    ("[inn] name none of these", True, True),
    ("[inn] name not mentioned", False, False),
    ("[inn] name not mentioned here", True, True),
    # nothing said at all; several values in one
    ("[inn] name . '", False, False),
    ("[inn] name e|east", False, False),
    # another slot's value, another domain's slot, a domain without slots, no domain
    ("[inn] area east", False, False),
    ("[bus] area north", False, False),
    ("[bus] name north", False, False),
    ("[general]", False, False),
    ("[find_inn]", False, False),
    ("[inn] name [value_name]", False, False),
]


@pytest.mark.parametrize(("text", "update", "whole"), BELIEF_STATES)
def test_belief_states_that_may_be_written(text: str, update: bool, whole: bool) -> None:
    assert accepts(text, TaskName.BELIEF_STATE, BeliefTarget.UPDATE) is update
    assert accepts(text, TaskName.BELIEF_STATE, BeliefTarget.STATE) is whole


@pytest.mark.parametrize(
    ("task", "text", "allowed"),
    [
        (TaskName.INTENT, "[find_inn]", True),
        (TaskName.INTENT, "[general]", True),
        (TaskName.INTENT, "", False),
        (TaskName.INTENT, "[inn]", False),
        (TaskName.INTENT, "[find_inn] [find_inn]", False),
        (TaskName.DIALOGUE_ACT, "", True),
        (TaskName.DIALOGUE_ACT, "[inn] [inform] name area [bye] [bus] [inform] no", True),
        (TaskName.DIALOGUE_ACT, "[inn] [inform] [inform] name", True),
        (TaskName.DIALOGUE_ACT, "[inn]", False),
        (TaskName.DIALOGUE_ACT, "[inn] name", False),
        (TaskName.DIALOGUE_ACT, "[inform] name", False),
        (TaskName.DIALOGUE_ACT, "[bus] [inform] area", False),
        (TaskName.DIALOGUE_ACT, "[general] [bye] name", False),
        (TaskName.DIALOGUE_ACT, "[inn] [find_inn]", False),
        (TaskName.RESPONSE, "[value_name] is in the north.", True),
        (TaskName.RESPONSE, "no | name - none", True),
        (TaskName.RESPONSE, "", True),
        (TaskName.RESPONSE, "[inn] is in the north", False),
        (TaskName.RESPONSE, "it is [db_1]", False),
        (TaskName.RESPONSE, "it is [open]", False),
        (TaskName.RESPONSE, "it is <eos_b>", False),
    ],
)
def test_what_else_may_be_written(task: TaskName, text: str, allowed: bool) -> None:
    assert accepts(text, task, BeliefTarget.UPDATE) is allowed


@pytest.mark.parametrize("slot", ["name", "area", "open"])
def test_placeholders_in_pieces_are_those_of_known_slots(slot: str) -> None:
    text = f"it is [value_{slot}]"
    known = slot in labels_for(BeliefTarget.STATE).placeholders
    automaton, tokenizer = misreadable(BeliefTarget.STATE, False)
    ids = [*tokenizer.encode(text), tokenizer.token_id("<eos_r>")]
    assert tokenizer.decode(ids[:-1]) == text
    assert (automaton.after(automaton.starts[TaskName.RESPONSE], ids) == FREE) is known


def test_a_slot_ends_a_free_value_in_whichever_pieces_it_is_written() -> None:
    automaton, tokenizer = misreadable(BeliefTarget.STATE, True)
    one = tokenizer.token_id
    begun = [one("[inn]"), one("▁no"), one("▁north")]
    end = one("<eos_b>")
    for area in (["▁area"], ["▁a", "r", "e", "a"], ["▁", "are", "a"]):
        ids = [*begun, *map(one, area)]
        assert automaton.after(automaton.starts[TaskName.BELIEF_STATE], [*ids, end]) == REFUSED
        # Now a value of the categorical slot is due, and nothing else.
        state = automaton.after(automaton.starts[TaskName.BELIEF_STATE], ids)
        for token in ("▁north", "▁dontcare"):
            assert automaton.after(state, [one(token)]) != REFUSED
        for token in ("▁name", "▁not", "▁open", "▁a", "[inn]", "[bus]"):
            assert automaton.after(state, [one(token)]) == REFUSED
        # Or letters that make another word of it.
        assert automaton.after(state, [one("s"), end]) == FREE


def test_labels_have_the_tokenizers_own_spelling_alone() -> None:
    automaton, tokenizer = misreadable(BeliefTarget.STATE, True)
    one = tokenizer.token_id
    inn = automaton.after(automaton.starts[TaskName.BELIEF_STATE], [one("[inn]")])
    assert automaton.after(inn, [one("▁area")]) != REFUSED
    assert automaton.after(inn, [one("▁a")]) == REFUSED


@pytest.mark.parametrize("prepend", ["first", "always", "never"])
def test_labels_are_words_wherever_the_tokenizer_puts_the_first_space(prepend: str) -> None:
    tokenizer = misreadable_tokenizer(prepend=prepend)
    automaton = automaton_of(labels_for(BeliefTarget.UPDATE), tokenizer, tokenizer.size)
    ids = tokenizer.encode("[inn] name north area north [bus] name ne")
    end = tokenizer.token_id("<eos_b>")
    assert automaton.after(automaton.starts[TaskName.BELIEF_STATE], [*ids, end]) == FREE
    # Without its space it would be a part of the word before.
    begun = automaton.after(automaton.starts[TaskName.BELIEF_STATE], ids[:2])
    assert tokenizer.decode([*ids[:2], tokenizer.token_id("north")]) == "[inn] namenorth"
    assert automaton.after(begun, [tokenizer.token_id("north")]) == REFUSED


def everyone() -> list[tuple[str, TokenAutomaton]]:
    made = [
        (f"{target}, labels {labels}", misreadable(target, labels)[0])
        for target in BeliefTarget
        for labels in (True, False)
    ]
    return [*made, *((name, shipped(name)[0]) for name in ("multiwoz", "banking77"))]


@pytest.mark.parametrize("automaton", [pytest.param(one, id=name) for name, one in everyone()])
def test_no_state_is_a_dead_end(automaton: TokenAutomaton) -> None:
    tasks = {name for name in automaton.starts if ":" not in name}  # the rest: a reply's variations
    assert tasks == set(TaskName)
    assert (automaton.table[FREE] == FREE).all()
    assert (steps_to_the_end(automaton) >= 0).all()
    assert all(len(automaton.allowed(state)) for state in range(automaton.states))
    # and no state is there for nothing
    reached = {*automaton.starts.values(), *np.unique(automaton.table).tolist()} - {REFUSED}
    assert reached == set(range(automaton.states))


def test_padded_logits_are_never_chosen_under_a_constraint() -> None:
    automaton, tokenizer = misreadable(BeliefTarget.UPDATE, True)
    assert automaton.vocabulary == tokenizer.size + PADDING
    assert (automaton.whole()[1:, tokenizer.size :] == REFUSED).all()


def test_an_id_out_of_range_is_refused() -> None:
    automaton, tokenizer = misreadable(BeliefTarget.UPDATE, True)
    assert automaton.after(FREE, [automaton.vocabulary]) == REFUSED
    assert automaton.after(FREE, [0, 1, automaton.vocabulary - 1]) == FREE


def test_a_vocabulary_that_can_write_no_intent_is_refused() -> None:
    labels = labels_for(BeliefTarget.UPDATE)
    unwritable = OutputLabels(
        schema=Schema(services=()),
        target=labels.target,
        acts=(),
        act_slots={},
        placeholders=(),
    )
    tokenizer = Tokenizer(_without_brackets())
    with pytest.raises(ConfigError, match="can write no intent that the schema knows"):
        automaton_of(unwritable, tokenizer, tokenizer.size)


def _without_brackets() -> tokenizers.Tokenizer:
    plain = tokenizers.Tokenizer(
        tokenizers.models.Unigram([("<unk>", 0.0), ("▁", -1.0), ("a", -1.0)], unk_id=0)
    )
    plain.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="first")
    plain.add_special_tokens(list(CONTROL_TOKENS))
    return plain


def test_the_shipped_tables_are_small_beside_their_vocabularies() -> None:
    automaton, _ = shipped("multiwoz")
    assert automaton.vocabulary > 15_000
    assert automaton.table.nbytes < 1_000_000
    assert shipped("banking77")[0].table.nbytes < 10_000


def test_tokens_of_one_kind_lead_to_the_same_states_and_those_of_two_kinds_differ() -> None:
    automaton, tokenizer = misreadable(BeliefTarget.UPDATE, True)
    whole = automaton.whole()
    assert (whole == np.stack([automaton.row(state) for state in range(automaton.states)])).all()
    different = np.unique(whole, axis=1).shape[1]
    assert different <= automaton.table.shape[1] < automaton.vocabulary
    spelt = tokenizer.token_id("[inn]")
    assert (automaton.kinds == automaton.kinds[spelt]).sum() == 1


def test_a_service_more_costs_states_and_no_column_for_each_word() -> None:
    labels, checkpoint = OutputLabels.of(shipped("multiwoz")[1]), shipped("multiwoz")[1]
    twice = [
        one.model_copy(update={"name": f"{one.name}{number}"})
        for number in ("", "2")
        for one in labels.schema.services
    ]
    grown = replace(labels, schema=Schema(services=tuple(twice)))
    small, large = (
        automaton_of(one, checkpoint.tokenizer, 15_122).table for one in (labels, grown)
    )
    assert large.shape[0] > 1.5 * small.shape[0]
    assert large.shape[1] < 1.1 * small.shape[1]


def test_a_checkpoints_labels_come_from_schema_database_and_vocabulary() -> None:
    labels = OutputLabels.of(shipped("multiwoz")[1])
    assert {"inform", "request", "offerbooked", "bye"} <= set(labels.acts)
    assert not set(labels.acts) & {*SCHEMA.domains, "hotel", "find_hotel", "general", "booking"}
    # of the schema, a column of the database, and a placeholder that is no domain's own
    assert {"leave", "price", "reference"} <= set(labels.act_slots["train"])
    assert not {"food", "stars", "phone"} & set(labels.act_slots["train"])
    assert labels.act_slots["general"] == ()
    assert {"food", "leave", "reference"} <= set(labels.act_slots["booking"])
    assert {"phone", "reference", "stars"} <= set(labels.placeholders)


def test_a_tiny_checkpoint_without_label_tokens_gets_an_automaton(
    each_tiny_checkpoint: Path,
) -> None:
    checkpoint = Checkpoint.open(each_tiny_checkpoint)
    automaton = build_automaton(checkpoint)
    one = checkpoint.tokenizer.token_id
    for text, task in (
        ("[find_train]", TaskName.INTENT),
        ("[restaurant] area north food italian [train] day friday", TaskName.BELIEF_STATE),
        ("it is [value_area].", TaskName.RESPONSE),
        # its vocabulary names no act, so none is known
        ("", TaskName.DIALOGUE_ACT),
    ):
        ids = [*checkpoint.tokenizer.encode(text), one(TASKS[task].end_token)]
        assert automaton.after(automaton.starts[task], ids) == FREE, text
