"""A value enters the state only if something bears it out; what is refused is shown."""

import shutil
from pathlib import Path

import pytest

from tests.support.scripted_engine import Asked, ScriptedEngine
from tests.support.venues import SCHEMA, open_venues
from todserve.evaluation.calibration.confidence_floor import confidence_floor
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.calibration import CALIBRATION_FILE, Calibration
from todserve.runtime.errors import ConfigError, RequestError
from todserve.runtime.language.prompts import Exchange
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.tracking.grounds import Grounds, Spoken
from todserve.runtime.tracking.ways_of_saying import WAYS_FILE, WaysOfSaying
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import ModelIdentity, TurnResponse

SHIPPED = Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz"
NO_STATE: dict[str, dict[str, str]] = {}


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Grounds:
    return Grounds(
        schema=SCHEMA,
        ways=WaysOfSaying.of(SHIPPED),
        knowledge=open_venues(tmp_path_factory.mktemp("grounds")),
    )


@pytest.mark.parametrize(
    ("domain", "slot", "value", "user"),
    [
        ("hotel", "area", "north", "something in the north please"),
        ("hotel", "pricerange", "expensive", "somewhere posh"),
        ("hotel", "type", "guesthouse", "find me a b&b"),
        ("restaurant", "food", "italian", "i could murder a pizza"),
        ("restaurant", "food", "indian", "somewhere that does curries"),
        ("restaurant", "food", "vietnamese", "a vietnameese restaurant"),
        ("restaurant", "time", "18:30", "at half past six"),
        ("restaurant", "time", "18:30", "6:30 pm"),
        ("restaurant", "time", "18:45", "quarter to seven in the evening"),
        ("restaurant", "time", "19:00", "at 7 in the evening"),
        ("restaurant", "time", "12:15", "twelve fifteen"),
        ("restaurant", "time", "12:00", "at noon"),
        ("restaurant", "people", "4", "four of us"),
        ("restaurant", "people", "2", "me and my wife"),
        ("hotel", "stars", "4", "a 4-star one"),
        ("hotel", "area", "dontcare", "i don't really mind where"),
        ("hotel", "area", "none", "forget it"),
        ("hotel", "name", "acorn guest house", "is the acorn any good?"),
        ("train", "day", "wednesday", "on wensday"),
    ],
)
def test_what_was_said_in_any_known_way_is_grounded(
    grounds: Grounds, domain: str, slot: str, value: str, user: str
) -> None:
    assert grounds.grounded(domain, slot, value, Spoken.of(user, [], NO_STATE))


@pytest.mark.parametrize(
    ("domain", "slot", "value", "user"),
    [
        ("hotel", "area", "north", "somewhere posh"),
        ("attraction", "type", "museum", "lkj fds mnb"),
        ("restaurant", "time", "18:30", "at half past five"),
        ("restaurant", "people", "4", "for 3 on tuesday"),
        ("train", "day", "friday", "on thursday"),
        ("hotel", "area", "dontcare", "a room in the hills"),
        ("restaurant", "name", "the nirala", "any place will do"),
    ],
)
def test_what_nobody_said_is_not(
    grounds: Grounds, domain: str, slot: str, value: str, user: str
) -> None:
    assert not grounds.grounded(domain, slot, value, Spoken.of(user, [], NO_STATE))


def test_the_last_reply_the_state_and_the_entity_at_hand_ground_too(grounds: Grounds) -> None:
    offered = [Exchange(user="a room", system="shall i book Acorn Guest House?")]
    assert grounds.grounded("hotel", "name", "acorn guest house", Spoken.of("ok", offered, {}))
    state = {"restaurant": {"name": "the nirala", "day": "friday"}}
    there = Spoken.of("a taxi there that day", [], state)
    assert grounds.grounded("taxi", "destination", "the nirala", there)
    assert grounds.grounded("hotel", "day", "friday", there)
    # The restaurant's own price range, which only the database knows.
    assert grounds.grounded("hotel", "pricerange", "moderate", there)
    assert not grounds.grounded("hotel", "pricerange", "cheap", there)
    # Of many that may be meant none says anything: the first guest house is in the centre.
    any_of_many = Spoken.of("whichever has a bed", [], {"hotel": {"type": "guesthouse"}})
    for area in ("centre", "north"):
        assert not grounds.grounded("hotel", "area", area, any_of_many)


def test_a_kind_of_house_is_no_name_and_the_speaker_of_a_reply_is_nobody(grounds: Grounds) -> None:
    before = [
        Exchange(user="is there a guesthouse?", system="yes, there are 2."),
        Exchange(user="the cheapest?", system="would you like me to book it for you?"),
    ]
    spoken = Spoken.of("are there rooms on friday?", before, NO_STATE)
    assert not grounds.grounded("hotel", "name", "acorn guest house", spoken)
    assert not grounds.grounded("hotel", "people", "1", spoken)


def test_a_name_of_long_ago_is_taken_up_again_but_a_closed_value_is_not(grounds: Grounds) -> None:
    long_ago = [
        Exchange(user="a cheap room", system="acorn guest house is nice."),
        Exchange(user="thanks", system="you are welcome."),
    ]
    spoken = Spoken.of("a taxi to the guest house", long_ago, NO_STATE)
    assert grounds.grounded("taxi", "destination", "acorn guest house", spoken)
    assert not grounds.grounded("restaurant", "pricerange", "cheap", spoken)


def test_without_a_word_from_the_checkpoint_every_value_is_believed() -> None:
    korean = Checkpoint.open(SHIPPED.parent / "korean")
    spoken = Spoken.of("공원 가는 길이야", [], NO_STATE)
    assert korean.grounds.grounded("music", "topic", "이동", spoken)


def test_a_particle_behind_the_word_does_not_hide_it(grounds: Grounds) -> None:
    assert grounds.ways.checked
    spoken = Spoken.of("아이유의 밤편지를 틀어줘", [], NO_STATE)
    assert grounds.grounded("music", "song_title", "밤편지", spoken)


def test_a_checkpoints_ways_are_laid_over_the_package_s(tmp_path: Path) -> None:
    (tmp_path / WAYS_FILE).write_text('{"values": {"area": {"centre": ["in the thick of it"]}}}')
    ways = WaysOfSaying.of(tmp_path)
    assert ways.says("hotel", "area", "centre", "right in the thick of it please")
    assert ways.indifference.search("i don't mind")


def test_a_phrase_that_is_no_expression_is_refused_by_file(tmp_path: Path) -> None:
    (tmp_path / WAYS_FILE).write_text('{"indifferent": ["("]}')
    with pytest.raises(ConfigError, match=WAYS_FILE):
        WaysOfSaying.of(tmp_path)


def told(pipeline: Pipeline, **body: object) -> TurnResponse:
    (answer,) = pipeline.answer([parse_request(body)])
    assert not isinstance(answer, RequestError)
    return answer


def script(asked: Asked) -> str:
    if asked.task is TaskName.BELIEF_STATE:
        return "[restaurant] area north pricerange cheap"
    return "anything else?" if asked.task is TaskName.RESPONSE else ""


def test_what_is_refused_is_shown_with_its_reason(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "checked"))
    (folder / WAYS_FILE).write_text('{"checked": true}', encoding="utf-8")
    checkpoint = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1.0", checkpoint=checkpoint.checksum)
    pipeline = Pipeline(checkpoint, ScriptedEngine(checkpoint, script), identity)
    answer = told(pipeline, user="a cheap restaurant")
    assert answer.belief_state is not None
    assert set(answer.belief_state["restaurant"]) == {"pricerange"}
    assert [(one.slot, one.value, one.reason) for one in answer.refused] == [
        ("area", "north", "not said")
    ]
    kept = told(pipeline, user="a cheap restaurant", state={"restaurant": {"area": "north"}})
    assert kept.refused == ()
    unchecked = Pipeline(checkpoint, ScriptedEngine(checkpoint, script), identity, checked=False)
    assert told(unchecked, user="a cheap restaurant").refused == ()


@pytest.mark.parametrize(
    ("slot", "value", "user", "anew"),
    [
        ("area", "north", "what is the phone number?", False),
        ("area", "north", "the north, as i said", True),
        ("area", "centre", "somewhere central", True),
        ("area", "dontcare", "anywhere will do", True),
        ("area", "dontcare", "what is the phone number?", False),
        ("area", "none", "forget it", True),
        ("area", "none", "which area is it in?", True),
        ("area", "none", "what is the phone number?", False),
        # "please" says yes to something, but not to this.
        ("parking", "yes", "book it please", False),
        ("parking", "yes", "somewhere to park, please", True),
        ("internet", "no", "no, what is the phone number?", False),
        ("internet", "no", "no wifi", True),
    ],
)
def test_a_corrected_slot_is_spoken_of_anew_by_words_of_its_own(
    grounds: Grounds, slot: str, value: str, user: str, anew: bool
) -> None:
    assert grounds.said_anew("hotel", slot, value, user) is anew


def stubborn(asked: Asked) -> str:
    """Read the first words again whatever is said, as a network does whose prompt holds them."""
    if asked.task is TaskName.BELIEF_STATE:
        return "[restaurant] area north pricerange cheap"
    return "anything else?" if asked.task is TaskName.RESPONSE else ""


@pytest.fixture
def corrected(tiny_checkpoint: Path, tmp_path: Path) -> Pipeline:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "corrected"))
    (folder / WAYS_FILE).write_text('{"checked": true}', encoding="utf-8")
    checkpoint = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1.0", checkpoint=checkpoint.checksum)
    return Pipeline(checkpoint, ScriptedEngine(checkpoint, stubborn), identity)


BEFORE = [{"user": "a cheap place in the north", "system": "which one in the north?"}]


def test_older_words_do_not_undo_a_corrected_slot(corrected: Pipeline) -> None:
    state = {"restaurant": {"area": "centre", "pricerange": "cheap"}}
    marks = {"restaurant": ["area"]}
    answer = told(corrected, user="hello", history=BEFORE, state=state, corrected=marks)
    assert answer.belief_state is not None
    assert answer.belief_state["restaurant"]["area"].value == "centre"
    assert answer.corrected == {"restaurant": ("area",)}
    assert [(one.slot, one.value, one.reason) for one in answer.refused] == [
        ("area", "north", "corrected")
    ]
    unmarked = told(corrected, user="hello", history=BEFORE, state=state)
    assert unmarked.belief_state is not None
    assert unmarked.belief_state["restaurant"]["area"].value == "north"


def test_a_slot_that_was_taken_out_stays_out_even_of_an_empty_state(
    corrected: Pipeline,
) -> None:
    marks = {"restaurant": ["area", "pricerange"]}
    answer = told(corrected, user="hello", history=BEFORE, corrected=marks)
    assert answer.belief_state == {}
    assert answer.corrected == {"restaurant": ("area", "pricerange")}


def test_new_words_change_a_corrected_slot_and_lift_its_mark(corrected: Pipeline) -> None:
    state = {"restaurant": {"area": "centre", "pricerange": "expensive"}}
    marks = {"restaurant": ["area", "pricerange"]}
    answer = told(corrected, user="no, north", history=BEFORE, state=state, corrected=marks)
    assert answer.belief_state is not None
    assert {slot: one.value for slot, one in answer.belief_state["restaurant"].items()} == {
        "area": "north",
        "pricerange": "expensive",
    }
    assert answer.corrected == {"restaurant": ("pricerange",)}


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ({"restarant": ["area"]}, "corrected: unknown domain 'restarant'"),
        ({"restaurant": ["aera"]}, "corrected.restaurant: unknown slot 'aera'"),
    ],
)
def test_a_corrected_slot_that_the_checkpoint_lacks_is_refused(
    corrected: Pipeline, marks: dict[str, list[str]], message: str
) -> None:
    (answer,) = corrected.answer([parse_request({"user": "hi", "corrected": marks})])
    assert isinstance(answer, RequestError)
    assert message in str(answer)


def test_a_value_that_is_too_unsure_is_asked_for(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "floor"))
    Calibration(act_from=0.999).save(folder / CALIBRATION_FILE)
    checkpoint = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1.0", checkpoint=checkpoint.checksum)
    pipeline = Pipeline(checkpoint, ScriptedEngine(checkpoint, script), identity)
    answer = told(pipeline, user="somewhere cheap in the north")
    assert answer.belief_state == {}
    assert {one.reason for one in answer.refused} == {"doubtful"}
    assert answer.response is not None
    assert answer.response.text == (
        "I am not sure that I understood that. Which part of town would you like?"
    )
    assert answer.response.rules == ("doubtful",)


@pytest.mark.parametrize(
    ("judged", "floor"),
    [
        ([], 0.0),
        ([(0.9, True), (0.8, True)], 0.0),
        ([(0.1, False), (0.2, False), (0.7, True), (0.9, True)], 0.7),
        ([(0.1, False), (0.2, True), (0.3, False), (0.4, False), (0.9, True)], 0.9),
        ([(0.1, True), (0.2, False), (0.9, True)], 0.0),
    ],
)
def test_the_floor_is_where_asking_gains_most(
    judged: list[tuple[float, bool]], floor: float
) -> None:
    assert confidence_floor(judged) == floor


@pytest.mark.parametrize(
    ("said", "bears_out"),
    [("neither chinese nor italian", False), ("anything but italian", False), ("italian", True)],
)
def test_what_was_ruled_out_before_bears_nothing_out(
    grounds: Grounds, said: str, bears_out: bool
) -> None:
    history = [Exchange(user=said, system="what price?"), Exchange(user="hm", system="which day?")]
    spoken = Spoken.of("cheap, on friday", history, NO_STATE)
    assert grounds.grounded("restaurant", "food", "italian", spoken) is bears_out


@pytest.mark.parametrize("place", ["nowhere", "somewhere nice", "anywhere", "some place"])
def test_what_is_no_place_is_no_end_of_a_way(grounds: Grounds, place: str) -> None:
    spoken = Spoken.of(f"a taxi to {place}", (), NO_STATE)
    assert not grounds.grounded("taxi", "destination", place, spoken)
    assert grounds.grounded(
        "taxi", "destination", "12 mill road", Spoken.of("12 mill road", (), {})
    )


def test_who_asks_for_a_table_counts_nobody(grounds: Grounds) -> None:
    for said, counts in (("can i get a table at 8", False), ("a table for one", True)):
        spoken = Spoken.of(said, (), NO_STATE)
        assert grounds.grounded("restaurant", "people", "1", spoken) is counts
