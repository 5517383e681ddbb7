"""Rasa's data as dialogues and back: what is kept, and what Rasa has no place for."""

import string
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.corpora_fixtures import TINY
from todserve.corpora.corpus_faults import Fault
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_checks import project_faults
from todserve.corpora.readers.rasa.rasa_dialogues import ProjectDialogues, act_action
from todserve.corpora.readers.rasa.rasa_markup import read_marked, write_marked
from todserve.corpora.readers.rasa.rasa_project import read_project, write_project
from todserve.corpora.readers.rasa.rasa_services import project_services
from todserve.corpora.readers.rasa.rasa_types import (
    ActionStep,
    BotStep,
    RasaDomain,
    RasaEntity,
    RasaExample,
    RasaNlu,
    RasaProject,
    RasaSlot,
    RasaStory,
    RasaTable,
    SlotStep,
    UserStep,
)
from todserve.corpora.readers.rasa.rasa_writer import dialogues_project
from todserve.corpora.readers.value_places import grounded
from todserve.runtime.language.dialogue import Dialogue, DialogueAct, Turn
from todserve.runtime.language.schema import Service, Slot

BOT = TINY / "rasa"


def read(path: Path) -> RasaProject:
    faults: list[Fault] = []
    project = read_project(path, ReadReport(), faults)
    assert faults == []
    return project


def back(project: RasaProject) -> RasaProject:
    with tempfile.TemporaryDirectory() as folder:
        write_project(project, Path(folder), ReadReport())
        return read(Path(folder))


def turns(project: RasaProject, name: str) -> tuple[Turn, ...]:
    found = {one.dialogue_id: one for one in ProjectDialogues(project, ReadReport()).dialogues()}
    return found[name].turns


def test_a_domain_file_is_one_service_with_lookups_as_known_values() -> None:
    (service,) = project_services(read(BOT))
    assert service == Service(
        name="rasa",
        intents=("greet", "order_pizza", "inform", "faq"),
        slots=(
            Slot(name="size", categorical=True, values=("small", "large")),
            Slot(name="topping_with", values=("olives", "ham")),
            Slot(name="topping_without"),
            Slot(name="vegetarian", categorical=True, values=("true", "false")),
        ),
    )


def test_without_a_domain_the_service_is_what_occurs() -> None:
    (service,) = project_services(read(BOT / "data" / "nlu.yml"))
    assert service.intents == ("greet", "order_pizza", "faq/hours")
    assert [slot.name for slot in service.slots] == ["size", "topping_with"]


def test_examples_become_one_turn_with_the_slots_their_entities_fill() -> None:
    project = read(BOT)
    (turn,) = turns(project, "nlu-2")
    assert turn == Turn(
        user="a big one with olives",
        intent="order_pizza",
        belief_state={"rasa": {"size": "large", "topping_with": "olives"}},
    )


def test_examples_have_no_state_where_nobody_marks_entities() -> None:
    examples = (RasaExample(text="hi", intent="greet"),)
    (turn,) = turns(RasaProject(nlu=RasaNlu(examples=examples)), "nlu-0")
    assert turn == Turn(user="hi", intent="greet")


def test_stories_set_and_take_back_slots_and_resolve_synonyms() -> None:
    first, second, third = turns(read(BOT), "a large one")
    assert first == Turn(
        user="",
        intent="greet",
        belief_state={},
        dialogue_acts=(DialogueAct(domain="rasa", act="utter_ask_size"),),
    )
    assert second.belief_state == {
        "rasa": {"size": "large", "topping_without": "ham", "vegetarian": "true"}
    }
    assert second.user == "the huge one without ham"
    assert second.system == "It is on its way."
    assert third.belief_state == {"rasa": {"size": "small", "topping_without": "ham"}}
    assert third.dialogue_acts is None


def test_slots_without_values_and_several_values_are_counted() -> None:
    domain = RasaDomain(slots=(RasaSlot(name="city"),), entities=("city",))
    entities = (
        RasaEntity(entity="city", value="ely", start=0, end=3),
        RasaEntity(entity="city", value="york", start=4, end=8),
    )
    story = RasaStory(
        name="s",
        steps=(
            BotStep(text="Hello."),
            UserStep(intent="inform", text="ely york", entities=entities),
            SlotStep(slot="city", known=False),
        ),
    )
    report = ReadReport()
    project = RasaProject(domains=(domain,), stories=(story,))
    (dialogue,) = ProjectDialogues(project, report).dialogues()
    assert dialogue.turns[0].belief_state == {"rasa": {"city": "ely"}}
    assert {reason: note.count for reason, note in report.notes.items()} == {
        "step: before the first user step": 1,
        "slot: first of several values kept": 1,
        "slot: set without a value": 1,
    }


def test_a_project_survives_writing_and_reading() -> None:
    project = read(BOT / "data")
    assert back(project) == project


def test_an_old_project_is_written_as_todays() -> None:
    project = read(BOT / "old")
    # Examples of one intent stand together in today's files.
    by_intent = sorted(project.nlu.examples, key=lambda one: one.intent)
    assert back(project) == replace(project, nlu=replace(project.nlu, examples=tuple(by_intent)))
    domain = read(BOT / "domain.yml")
    assert back(domain) == domain


def test_the_tiny_assistants_files_agree_but_for_the_old_ones() -> None:
    faults: list[Fault] = []
    project = read_project(BOT, ReadReport(), faults)
    faults = project_faults(project)
    assert {(Path(one.file).name, one.line, one.what, one.got) for one in faults} == {
        ("nlu.md", 3, "entity", "'name'"),
        ("stories.md", 7, "entity", "'count'"),
    }


@pytest.mark.parametrize(
    ("act", "action"),
    [
        (DialogueAct(domain="hotel", act="inform", slot="area"), "act_hotel-inform-area"),
        (DialogueAct(domain="general", act="bye"), "act_general-bye"),
        (DialogueAct(domain="a-b", act="c%d", slot="e-f"), "act_a%2Db-c%25d-e-f"),
    ],
)
def test_acts_are_custom_actions(act: DialogueAct, action: str) -> None:
    assert act_action(act) == action
    story = RasaStory(name="s", steps=(UserStep(intent="a"), ActionStep(name=action)))
    assert turns(RasaProject(stories=(story,)), "s")[0].dialogue_acts == (act,)


def test_grounding_takes_whole_words_and_nothing_that_could_be_another() -> None:
    text = "2 trains to Ely, yes, for 3명 on the 12th, at the ely hotel"
    state = {
        "train": {"destination": "ely", "people": "2", "day": "12", "wifi": "yes", "x": "dontcare"},
        "hotel": {"people": "3", "name": "ely hotel", "area": "on", "type": "on"},
    }
    found = [(one.domain, one.slot, text[one.start : one.end]) for one in grounded(text, state)]
    assert found == [
        ("train", "people", "2"),
        ("train", "destination", "Ely"),
        ("hotel", "people", "3"),
        ("hotel", "name", "ely hotel"),
    ]


NAMES = st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=6).filter(
    lambda name: name not in ("rasa", "general")
)
# Everything that is one line: Rasa strips lines and has nothing but lines.
LINES = (
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)


@given(st.data())
def test_marks_read_back_or_are_not_written(draw: st.DataObject) -> None:
    text = draw.draw(LINES)
    start = draw.draw(st.integers(0, len(text) - 1))
    entity = RasaEntity(
        entity=draw.draw(LINES),
        value=draw.draw(LINES | st.just(text[start:])),
        start=start,
        end=len(text),
        role=draw.draw(st.none() | LINES),
        group=draw.draw(st.none() | NAMES),
    )
    marked = write_marked(text, (entity,))
    if marked is not None:
        assert read_marked(marked, lambda *_: None) == (text, (entity,))


@given(st.text(string.ascii_letters + " ,.", min_size=1), NAMES, st.none() | NAMES)
def test_plain_words_can_always_be_marked(text: str, name: str, role: str | None) -> None:
    text = " ".join(text.split()) or "x"
    entity = RasaEntity(entity=name, value="v", start=0, end=1, role=role)
    assert write_marked(text, (entity,)) is not None


def carryable_turns(slots: list[tuple[str, str]], intents: list[str]) -> st.SearchStrategy[Turn]:
    acts = st.builds(DialogueAct, domain=NAMES, act=NAMES, slot=st.just("") | NAMES)
    values = st.sampled_from(["ely", "12:30", "3", "yes", "null", "two words", "é"])
    states = st.dictionaries(st.sampled_from(slots), values, min_size=1).map(nested)
    return st.builds(
        Turn,
        # No brackets: Rasa could not tell a text that looks like a mark.
        user=LINES.filter(lambda text: "[" not in text) | st.sampled_from(["to Ely at 12:30"]),
        intent=st.none() | st.sampled_from(intents),
        belief_state=states,
        dialogue_acts=st.none() | st.lists(acts, min_size=1, max_size=3).map(tuple),
        system=st.none() | LINES,
    )


def nested(flat: dict[tuple[str, str], str]) -> dict[str, dict[str, str]]:
    state: dict[str, dict[str, str]] = {}
    for (domain, slot), value in flat.items():
        state.setdefault(domain, {})[slot] = value
    return state


@st.composite
def carryable(draw: st.DrawFn) -> tuple[tuple[Service, ...], tuple[Dialogue, ...]]:
    # In the order of their files, which is that of their names.
    names = sorted(draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)))
    services = tuple(
        Service(
            name=name,
            slots=tuple(
                Slot(name=slot, categorical=closed, values=("ely", "3") if closed else values)
                for slot, closed, values in draw(
                    st.lists(
                        st.tuples(NAMES, st.booleans(), st.sampled_from([(), ("a", "b")])),
                        min_size=1,
                        max_size=3,
                        unique_by=lambda one: one[0],
                    )
                )
            ),
            intents=tuple(draw(st.lists(NAMES, max_size=2, unique=True))),
        )
        for name in names
    )
    slots = [(one.name, slot.name) for one in services for slot in one.slots]
    intents = [intent for one in services for intent in one.intents] or ["general"]
    unannotated = draw(st.booleans())
    dialogues = []
    for number in range(draw(st.integers(0, 3))):
        found = draw(st.lists(carryable_turns(slots, intents), min_size=2, max_size=4))
        if unannotated:
            found = [replace(turn, belief_state=None) for turn in found]
        dialogues.append(
            Dialogue(dialogue_id=f"d{number}", corpus="rasa", split="train", turns=tuple(found))
        )
    return services, tuple(dialogues)


def separate(services: tuple[Service, ...]) -> bool:
    """Say whether joining names by a hyphen keeps all slots apart."""
    return len({f"{one.name}-{slot.name}" for one in services for slot in one.slots}) == sum(
        len(one.slots) for one in services
    )


@settings(max_examples=30, deadline=None)
@given(carryable())
def test_dialogues_survive_rasa_in_all_that_it_can_carry(
    written: tuple[tuple[Service, ...], tuple[Dialogue, ...]],
) -> None:
    services, dialogues = written
    assert separate(services)
    project = back(dialogues_project(services, dialogues, ReadReport()))
    assert project_services(project) == services
    told = tuple(ProjectDialogues(project, ReadReport()).dialogues())
    assert told == dialogues


@settings(max_examples=30, deadline=None)
@given(carryable())
def test_what_is_written_for_rasa_agrees_with_itself(
    written: tuple[tuple[Service, ...], tuple[Dialogue, ...]],
) -> None:
    services, dialogues = written
    project = back(dialogues_project(services, dialogues, ReadReport()))
    kinds = {one.what for one in project_faults(project)}
    # Values outside a closed slot's list, and words under two intents, were so before.
    assert {kind for kind in kinds if not kind.startswith("slot ") and kind != "example"} == set()


def test_one_turn_without_a_reply_becomes_an_example_alone() -> None:
    turn = Turn(user="a room in Ely", intent="find", belief_state={"hotel": {"city": "ely"}})
    dialogue = Dialogue(dialogue_id="d7", corpus="c", split="dev", turns=(turn,))
    services = (Service(name="hotel", slots=(Slot(name="city"),), intents=("find",)),)
    project = dialogues_project(services, [dialogue], ReadReport())
    assert project.stories == ()
    (example,) = project.nlu.examples
    assert write_marked(example.text, example.entities) == (
        'a room in [Ely]{"entity": "hotel-city", "value": "ely"}'
    )
    (read_back,) = ProjectDialogues(back(project), ReadReport()).dialogues()
    assert read_back == replace(
        dialogue, dialogue_id="nlu-0", corpus="rasa", split="train", turns=(turn,)
    )


def test_the_same_utterance_is_written_once_and_counted() -> None:
    turn = Turn(user="hi", intent="greet")
    twice = [
        Dialogue(dialogue_id=name, corpus="c", split="dev", turns=(turn,)) for name in ("a", "b")
    ]
    report = ReadReport()
    assert len(dialogues_project((), twice, report).nlu.examples) == 1
    assert report.notes["example: stands there already"].examples == ["b"]


def test_what_rasa_cannot_carry_is_counted() -> None:
    turn = Turn(
        user="hi [there](you)",
        intent="greet",
        active_domain="hotel",
        system="It is the Ritz.",
        delexicalised_response="It is the [value_name].",
        placeholders=(("name", "Ritz"),),
        database_matches=3,
    )
    dialogue = Dialogue(dialogue_id="d", corpus="c", split="dev", turns=(turn,))
    report = ReadReport()
    project = dialogues_project((), [dialogue], report)
    assert {reason.partition(":")[0] for reason in report.notes} == {
        "active_domain",
        "delexicalised_response",
        "database_matches",
    }
    with tempfile.TemporaryDirectory() as folder:
        write_project(project, Path(folder), report)


def test_tables_survive_writing_and_reading() -> None:
    nlu = RasaNlu(
        synonyms=(RasaTable(name="large", examples=("big", "- huge")),),
        lookups=(RasaTable(name="city", examples=("ely: the city", "#1", "'q'")),),
        regexes=(RasaTable(name="phone", examples=(r"\d{10}", "[a]|b")),),
    )
    assert back(RasaProject(nlu=nlu)) == RasaProject(nlu=nlu)
