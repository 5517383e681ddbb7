"""A turn whose words are misspelt: what the network reads, what is kept, and what is told."""

from pathlib import Path

import pytest

from tests.support.scripted_engine import Asked, ScriptedEngine
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import RequestError
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.spelling.known_names import KnownNames
from todserve.runtime.spelling.name_closeness import NAMES_FILE, NameCloseness
from todserve.runtime.spelling.speller import Speller
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import ModelIdentity, TurnResponse

IDENTITY = ModelIdentity(name="tod", version="1.0", checkpoint="0" * 12)
ENGLISH = {"find": 10**9, "where": 10**9, "palace": 10**7, "cheap": 10**8, "hello": 10**7}


def pipeline_of(
    folder: Path, state: str = "", *, spelling: bool = True
) -> tuple[Pipeline, ScriptedEngine]:
    """Return a pipeline whose speller knows a few words of English and the checkpoint's own."""
    checkpoint = Checkpoint.open(folder)

    def script(asked: Asked) -> str:
        return state if asked.task is TaskName.BELIEF_STATE else ""

    engine = ScriptedEngine(checkpoint, script)
    own = {"pizza", "palace", "restaurant", "cheap", "centre", "train"}
    speller = Speller(ENGLISH, own) if spelling else None
    return Pipeline(checkpoint, engine, IDENTITY, speller=speller), engine


def answered(pipeline: Pipeline, **body: object) -> TurnResponse:
    (answer,) = pipeline.answer([parse_request(body)])
    assert isinstance(answer, TurnResponse), answer
    return answer


def test_the_network_reads_what_is_meant_and_the_answer_tells_it(tiny_checkpoint: Path) -> None:
    pipeline, engine = pipeline_of(tiny_checkpoint)
    answer = answered(pipeline, user="Find a chaep restaraunt")
    assert all(
        "find a cheap restaurant" in one.context for call in engine.generated for one in call
    )
    assert answer.read_as is not None
    assert answer.read_as.text == "Find a cheap restaurant"
    assert [(one.typed, one.read) for one in answer.read_as.changes] == [
        ("chaep", "cheap"),
        ("restaraunt", "restaurant"),
    ]


def test_what_is_spelt_rightly_is_read_as_typed(tiny_checkpoint: Path) -> None:
    pipeline, _ = pipeline_of(tiny_checkpoint)
    assert answered(pipeline, user="find a cheap restaurant").read_as is None


def test_without_the_speller_the_network_reads_what_was_typed(tiny_checkpoint: Path) -> None:
    pipeline, engine = pipeline_of(tiny_checkpoint, "[restaurant] name piza palase", spelling=False)
    answer = answered(pipeline, user="find a chaep restaraunt")
    assert "find a chaep restaraunt" in engine.generated[0][0].context
    assert answer.read_as is None
    assert answer.belief_state is not None
    assert answer.belief_state["restaurant"]["name"].value == "piza palase"


def test_the_user_s_words_in_the_history_are_read_as_they_were_meant(
    tiny_pptod_checkpoint: Path,
) -> None:
    pipeline, engine = pipeline_of(tiny_pptod_checkpoint)
    history = [{"user": "a chaep restaraunt", "system": "where?"}]
    request = parse_request({"user": "centre", "history": history})
    (answer,) = pipeline.answer([request])
    assert isinstance(answer, TurnResponse)
    assert "a cheap restaurant" in engine.generated[0][0].context
    assert request.history[0].user == "a chaep restaraunt"
    assert answer.read_as is None


def test_a_history_without_state_is_replayed_as_it_was_meant(tiny_checkpoint: Path) -> None:
    pipeline, engine = pipeline_of(tiny_checkpoint)
    history = [{"user": "a chaep restaraunt", "system": "where?"}]
    answered(pipeline, user="centre", history=history)
    assert "a cheap restaurant" in engine.generated[0][0].context


def test_a_value_near_a_known_name_becomes_that_name(tiny_checkpoint: Path) -> None:
    pipeline, _ = pipeline_of(tiny_checkpoint, "[restaurant] name pizza pallace")
    answer = answered(pipeline, user="hello")
    assert answer.belief_state is not None
    assert answer.belief_state["restaurant"]["name"].value == "pizza palace"
    assert answer.database is not None
    assert answer.database.matches == 1
    assert answer.read_as is not None
    assert answer.read_as.text == "hello"
    assert [(one.typed, one.read) for one in answer.read_as.changes] == [
        ("pizza pallace", "pizza palace")
    ]


NAMES = {
    ("restaurant", "name"): ("golden wok", "golden house", "pizza hut city centre", "kohinoor"),
    ("restaurant", "food"): ("vietnamese", "chinese"),
    ("hotel", "name"): ("gonville hotel", "a and b guest house"),
}


@pytest.mark.parametrize(
    ("place", "value", "meant"),
    [
        (("restaurant", "name"), "golden walk", "golden wok"),
        (("restaurant", "name"), "kohinor", "kohinoor"),
        (("restaurant", "food"), "vietnameese", "vietnamese"),
        (("hotel", "name"), "gonvile", "gonville hotel"),
        # known, or more or less of a name
        (("restaurant", "name"), "pizza hut", "pizza hut"),
        (("restaurant", "name"), "the golden wok restaurant", "the golden wok restaurant"),
        (("hotel", "name"), "the gonville", "the gonville"),
        # something else
        (("restaurant", "name"), "golden palace", "golden palace"),
        (("restaurant", "name"), "dontcare", "dontcare"),
        (("restaurant", "name"), "kohinor 2", "kohinor 2"),
        (("restaurant", "name"), "金龙", "金龙"),
        (("restaurant", "area"), "kohinor", "kohinor"),
        (("restaurant", "food"), "thai", "thai"),
    ],
)
def test_only_a_misspelt_name_is_brought_to_the_known_one(
    place: tuple[str, str], value: str, meant: str
) -> None:
    assert KnownNames(NAMES, threshold=0.78).meant(*place, value) == meant


def test_a_value_between_two_names_stays() -> None:
    names = KnownNames({("hotel", "name"): ("rosewood", "rosemood")}, threshold=0.7)
    assert names.meant("hotel", "name", "rosevood") == "rosevood"


def test_a_checkpoint_says_how_near_a_name_must_come(tiny_checkpoint: Path) -> None:
    assert Checkpoint.open(tiny_checkpoint).name_closeness == NameCloseness()
    NameCloseness(threshold=0.8).save(tiny_checkpoint / NAMES_FILE)
    try:
        assert Checkpoint.open(tiny_checkpoint).name_closeness.threshold == 0.8
    finally:
        (tiny_checkpoint / NAMES_FILE).unlink()


@pytest.mark.parametrize("value", ["<unk>day", "<unk> street", "the <unk>"])
def test_a_value_the_vocabulary_cannot_say_is_unparsed(tiny_checkpoint: Path, value: str) -> None:
    pipeline, _ = pipeline_of(tiny_checkpoint, f"[restaurant] name {value} area centre")
    answer = answered(pipeline, user="hello")
    assert answer.belief_state is not None
    assert set(answer.belief_state["restaurant"]) == {"area"}
    assert any(piece.startswith("[restaurant] name") for piece in answer.unparsed["belief_state"])


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("centre " * 600, len(" centre")),
        ("a cheeap resturant in the centre, with pizza; for 2 at 18:30! " * 80, len(" resturant")),
        ("pizza" * 900, len("pizza")),
    ],
)
def test_a_long_utterance_is_refused_with_the_characters_that_fit(
    tiny_checkpoint: Path, text: str, most: int
) -> None:
    pipeline, _ = pipeline_of(tiny_checkpoint)
    said = text[:3_900].strip()
    (refusal,) = pipeline.answer([parse_request({"user": said})])
    assert isinstance(refusal, RequestError)
    assert said[:20] not in str(refusal)
    assert f"{len(said)} characters" in str(refusal)
    fits = int(str(refusal).partition("which the first ")[2].partition(" ")[0])
    (answer,) = pipeline.answer([parse_request({"user": said[:fits]})])
    assert isinstance(answer, TurnResponse)
    (longer,) = pipeline.answer([parse_request({"user": said[: fits + most]})])
    assert isinstance(longer, RequestError)


def test_an_admitted_utterance_is_read_to_its_first_word_beside_a_long_state(
    tiny_checkpoint: Path,
) -> None:
    pipeline, engine = pipeline_of(tiny_checkpoint)
    limit = pipeline.checkpoint.format.max_history_tokens
    words = ["hello", *["centre"] * (limit // 2)]
    while len(pipeline.checkpoint.tokenizer.encode(" ".join(words))) > limit - 2:
        words.pop()
    long = {"restaurant": {"name": "pizza palace " * 15, "food": "pizza " * 30, "area": "centre"}}
    answered(pipeline, user=" ".join(words), state=long)
    assert "<sos_u> hello centre" in engine.generated[0][0].context
