"""The intent model: fitted, kept, joined with the network's own intent, and served."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.support.scripted_engine import Asked, ScriptedEncoding, ScriptedEngine
from todserve.evaluation.suites.intents.intent_model_fit import (
    Heard,
    IntentExample,
    cross_fitted,
    fit_linear,
    with_factors,
)
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.intents.intent_features import block_counts
from todserve.runtime.intents.intent_model import INTENT_MODEL, IntentModel
from todserve.runtime.language.dialogue import OUT_OF_SCOPE
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import ModelIdentity, TurnResponse

SAID = {
    "find_train": ("a train to ely", "which trains go there", "trains on friday please"),
    "find_restaurant": ("somewhere to eat", "a cheap place to eat", "where can we eat indian food"),
    "book_taxi": ("get me a taxi", "a cab home please", "i need a taxi at 5pm"),
}


def example(utterance: str, intent: str, vector: tuple[float, ...] | None = None) -> IntentExample:
    array = None if vector is None else np.array(vector, dtype=np.float32)
    return IntentExample(utterance=utterance, vector=array, intent=intent)


EXAMPLES = [example(text, intent) for intent, texts in SAID.items() for text in texts]


@pytest.fixture(scope="module")
def words() -> IntentModel:
    return fit_linear(EXAMPLES)


def test_letters_and_words_of_a_known_kind_are_recognised(words: IntentModel) -> None:
    judged = words.judged("any taxis at 6pm", None, (None, 0.0))
    assert judged.name == "book_taxi"
    assert 1 / 3 < judged.confidence < 1


def test_what_nothing_is_known_of_is_still_a_distribution(words: IntentModel) -> None:
    assert np.exp(words.log_probabilities("", None)).sum() == pytest.approx(1)
    assert np.exp(words.log_probabilities("쾅", None)).sum() == pytest.approx(1)


def test_runs_of_letters_stay_inside_a_word() -> None:
    words, letters = block_counts("Ab cd")
    assert len(words) == 3
    assert sum(letters.values()) == 2 * (3 + 2 + 1)  # of " ab " and " cd ": 2, 3 and 4 letters


def test_the_vector_decides_where_the_words_are_the_same() -> None:
    same = [
        example("do it", "find_train", (1.0, 0.1)),
        example("do it", "find_train", (1.0, 0.0)),
        example("do it", "book_taxi", (0.0, 1.0)),
        example("do it", "book_taxi", (0.1, 1.0)),
    ]
    model = fit_linear(same)
    assert model.needs_vector
    judged = model.judged("do it", np.array([0.0, 5.0], dtype=np.float32), (None, 0.0))
    assert judged.name == "book_taxi"


def test_one_intent_is_refused() -> None:
    with pytest.raises(CorpusError, match="expected two intents"):
        fit_linear(EXAMPLES[:3])


def heard(generated: str | None, *, right: bool) -> list[Heard]:
    """Examples that say nothing; the network is always right, or always wrong."""
    return [
        Heard(
            example=example("hm", intent),
            generated=(intent if right else generated, 0.9),
        )
        for intent in SAID
        for _ in range(8)
    ]


def test_a_network_that_is_right_is_listened_to(words: IntentModel) -> None:
    rows = heard(None, right=True)
    model = with_factors(words, rows)
    assert model.facts.generated > 0.5
    assert model.judged("hm", None, ("book_taxi", 0.9)).name == "book_taxi"
    assert [name for name, _ in cross_fitted(words, rows)] == [one.example.intent for one in rows]


def test_a_network_that_guesses_is_not(words: IntentModel) -> None:
    model = with_factors(words, heard("find_train", right=False))
    assert model.facts.generated < 0.2
    assert model.judged("a cab home please", None, ("find_train", 0.9)).name == "book_taxi"


def test_an_intent_nobody_knows_changes_nothing(words: IntentModel) -> None:
    model = with_factors(words, heard(None, right=True))
    told, silent = (
        model.judged("a cab home please", None, (name, 0.9)) for name in ("pay_tax", None)
    )
    assert told == silent


def test_what_lies_outside_gets_the_offset_that_finds_it_and_costs_little() -> None:
    strange = ("sky", "sing me a song", "are you a robot", "tell a joke", "hello you", "love me")
    model = fit_linear([*EXAMPLES, *(example(text, OUT_OF_SCOPE) for text in strange[:1])])
    rows = [Heard(example=one, generated=(None, 0.0)) for one in EXAMPLES]
    rows += [
        Heard(example=example(text, OUT_OF_SCOPE), generated=(None, 0.0)) for text in strange[1:]
    ]
    fitted = with_factors(model, rows)
    assert fitted.facts.outside > 0
    names = [fitted.judged(one.example.utterance, None, one.generated).name for one in rows]
    assert names[: len(EXAMPLES)] == [one.intent for one in EXAMPLES]
    assert OUT_OF_SCOPE in names


def test_a_file_gives_back_what_was_saved(words: IntentModel, tmp_path: Path) -> None:
    words.save(tmp_path / INTENT_MODEL)
    loaded = IntentModel.load(tmp_path / INTENT_MODEL)
    assert loaded.facts == words.facts
    said = "a cab home please"
    assert (loaded.log_probabilities(said, None) == words.log_probabilities(said, None)).all()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("biases", lambda tensor: tensor[:-1]),
        ("grams", lambda tensor: tensor[::-1]),
        ("gram_weights", lambda tensor: tensor[1:]),
        ("vector_weights", lambda tensor: np.full((2, 3), np.inf, dtype=np.float16)),
        ("rarity", lambda tensor: tensor.astype(np.float32)),
    ],
)
def test_a_file_whose_numbers_do_not_fit_is_refused(
    name: str, change: object, words: IntentModel, tmp_path: Path
) -> None:
    assert callable(change)
    path = tmp_path / INTENT_MODEL
    words.save(path)
    tensors = load_file(path)
    tensors[name] = np.ascontiguousarray(change(tensors[name]))
    save_file(tensors, path, metadata={"intent": words.facts.model_dump_json()})
    with pytest.raises(ConfigError, match=f"{name} has shape.*tod fit-intents"):
        IntentModel.load(path)


def test_a_damaged_file_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / INTENT_MODEL).write_bytes(b"not tensors")
    with pytest.raises(ConfigError, match="cannot read intent model.*delete it"):
        IntentModel.of_folder(tmp_path, checkpoint="")


@pytest.fixture
def with_model(words: IntentModel, tiny_checkpoint: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    shutil.copytree(tiny_checkpoint, folder)
    words.save(folder / INTENT_MODEL)
    return folder


def answer(folder: Path, user: str, engine: type[ScriptedEngine] = ScriptedEngine) -> TurnResponse:
    def script(asked: Asked) -> str:
        return {TaskName.INTENT: "[find_train]"}.get(asked.task, "")

    checkpoint = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1.0", checkpoint="0" * 12)
    pipeline = Pipeline(checkpoint, engine(checkpoint, script), identity)
    (found,) = pipeline.answer([parse_request({"user": user})])
    pipeline.close()
    assert isinstance(found, TurnResponse), found
    return found


def test_the_model_overrules_a_generated_intent(with_model: Path) -> None:
    intent = answer(with_model, "get me a taxi").intent
    assert intent is not None
    assert intent.name == "book_taxi"


def test_a_checkpoint_keeps_its_name_when_a_model_is_put_beside_its_weights(
    with_model: Path, tiny_checkpoint: Path
) -> None:
    assert Checkpoint.open(with_model).checksum == Checkpoint.open(tiny_checkpoint).checksum


def test_a_model_of_other_weights_is_refused(with_model: Path) -> None:
    path = with_model / INTENT_MODEL
    model = IntentModel.load(path)
    facts = model.facts.model_copy(update={"checkpoint": "0123456789ab"})
    type(model)(
        facts=facts,
        grams=model.grams,
        rarity=model.rarity,
        gram_weights=model.gram_weights,
        vector_weights=model.vector_weights,
        biases=model.biases,
    ).save(path)
    with pytest.raises(ConfigError, match="fitted for weights 0123456789ab"):
        Checkpoint.open(with_model)


def with_vectors(folder: Path) -> None:
    """Replace the model by one that looks at vectors alone."""
    vectors = [example("", "find_train", (1.0, 0.0)), example("", "book_taxi", (0.0, 1.0))] * 2
    fit_linear(vectors).save(folder / INTENT_MODEL)


class Seeing(ScriptedEngine):
    """Shows states: (0, 1) for every token of an utterance, (9, 0) for every other."""

    def encode(self, contexts: object) -> ScriptedEncoding:
        encoding = super().encode(contexts)  # type: ignore[arg-type]
        longest = max(map(len, encoding.contexts))
        states = np.zeros((encoding.size, longest, 2), dtype=np.float32)
        states[..., 0] = 9
        start, end = (self._tokenizer.token_id(name) for name in ("<sos_u>", "<eos_u>"))
        for place, context in enumerate(encoding.contexts):
            states[place, context.index(start) + 1 : context.index(end)] = (0, 1)
        object.__setattr__(encoding, "states", states)
        return encoding


def test_an_engine_that_shows_states_gives_the_utterances_own(with_model: Path) -> None:
    with_vectors(with_model)
    intent = answer(with_model, "whatever this is", Seeing).intent
    assert intent is not None
    assert intent.name == "book_taxi"


def test_an_engine_that_shows_none_serves_the_networks_own_intent(with_model: Path) -> None:
    with_vectors(with_model)
    intent = answer(with_model, "whatever this is").intent
    assert intent is not None
    assert intent.name == "find_train"
