from pathlib import Path

import pytest

from tests.support.venues import SCHEMA
from todserve.evaluation.suites.domains.domain_ablation import (
    Sources,
    ablate,
    domain_of_service,
    scenes_of,
)
from todserve.evaluation.suites.domains.domain_comparison import PredictedScene, compare_decisions
from todserve.evaluation.suites.domains.domain_model_fit import fit_domain_model
from todserve.evaluation.suites.domains.domain_run import run_domain_comparison
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.language.dialogue import Dialogue, DialogueAct, Turn
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.tracking.domain_model import DOMAIN_MODEL, DomainModel, turn_features
from todserve.training.classifiers.domain_classifier import (
    domain_rows,
    fit_domain_classifier,
    labelled_domain,
)
from todserve.training.preparation.training_turns import TrainingTurn, save_turns

ENGLISH = WordForms.of_language()

ROWS = [
    (["word:song", "word:a"], "Music"),
    (["word:song", "word:the"], "Music"),
    (["word:rain", "word:a"], "Weather"),
    (["word:rain", "word:the", "word:once"], "Weather"),
]


def test_a_fitted_model_tells_the_domains_apart() -> None:
    model = fit_domain_model(ROWS, note="four rows")
    assert model.domains == ("Music", "Weather")
    assert model.note == "four rows"
    assert model.probabilities(["word:song"])["Music"] > 0.7
    assert model.probabilities(["word:rain"])["Weather"] > 0.7
    assert model.probabilities([])["Music"] == pytest.approx(0.5, abs=0.01)
    assert all(sum(row) == pytest.approx(0, abs=0.011) for row in model.weights.values())


def test_rare_features_and_those_that_move_little_are_left_out() -> None:
    assert set(fit_domain_model(ROWS).weights) == {"word:song", "word:rain", "word:a", "word:the"}
    assert set(fit_domain_model(ROWS, keep=2).weights) == {"word:song", "word:rain"}


def test_one_domain_is_nothing_to_fit() -> None:
    with pytest.raises(CorpusError, match="2 turns of 1 domains"):
        fit_domain_model(ROWS[:2])


@pytest.mark.parametrize(
    ("service", "domain"),
    [("Hotels_4", "Hotels"), ("hotel", "hotel"), ("Home_Lease", "Home_Lease")],
)
def test_a_service_belongs_to_its_domain(service: str, domain: str) -> None:
    assert domain_of_service(service) == domain


def spoken(dialogue_id: str, *turns: tuple[str, str, str]) -> Dialogue:
    """Each turn: (utterance, service, act of the reply)."""
    return Dialogue(
        dialogue_id=dialogue_id,
        corpus="sgd",
        split="train",
        turns=tuple(
            Turn(
                user=user,
                active_domain=service,
                dialogue_acts=(DialogueAct(domain=service, act=act),),
            )
            for user, service, act in turns
        ),
    )


MIXED = spoken(
    "a",
    ("play a song", "Music_1", "confirm"),
    ("yes", "Music_1", "bye"),
    ("will it rain", "Weather_1", "inform"),
)


def test_a_scene_has_the_acts_of_the_reply_before_it_without_their_service() -> None:
    (scenes,) = scenes_of([MIXED])
    assert [one.domain for one in scenes] == ["Music", "Music", "Weather"]
    assert [one.acts for one in scenes] == [(), ("act:confirm",), ("act:bye",)]
    shown = scenes[1].features(Sources.PREVIOUS, "Music")
    assert shown == ["word:yes", "pair:< yes", "pair:yes >", "act:confirm", "previous:Music"]
    assert scenes[1].features(Sources.ACTS, "Music") == shown[:-1]
    assert scenes[1].features(Sources.WORDS, "Music") == shown[:-2]


def test_dialogues_about_other_domains_are_left_out() -> None:
    assert list(scenes_of([MIXED], ["Music"])) == []
    assert len(list(scenes_of([MIXED], ["Music", "Weather"]))) == 1


def test_the_previous_domain_carries_a_yes_that_words_cannot_place() -> None:
    music = spoken("m", *[("play a song", "Music_1", "ask"), ("yes", "Music_1", "ask")] * 6)
    rain = spoken("w", *[("will it rain", "Weather_1", "ask"), ("yes", "Weather_1", "ask")] * 6)
    train = list(scenes_of([music, rain]))
    rows = ablate(train, train)
    assert [(one.sources, one.previous) for one in rows[:2]] == [
        ("always stay", "gold"),
        ("always stay", "own"),
    ]
    accuracy = {(one.sources, one.previous): one.scores.accuracy for one in rows}
    assert accuracy["words + act + previous", "own"] == 1
    # Of 22 turns after the first, the twelve "yes" all go to one domain, six of them wrongly.
    assert accuracy["words", "own"] == pytest.approx(16 / 22)


def prepared_turns() -> list[TrainingTurn]:
    turns = []
    for number in range(6):
        hotel = {"hotel": {"area": "north"}}
        both = {**hotel, "taxi": {"leave": "17:15"}}
        name = f"dialogue-{number}"
        turns += [
            TrainingTurn(dialogue_id=name, user="a hotel in the north", state=hotel),
            TrainingTurn(
                dialogue_id=name, user="a taxi at 17:15", previous_state=hotel, state=both
            ),
            TrainingTurn(dialogue_id=name, user="thanks", previous_state=both, state=both),
            TrainingTurn(dialogue_id=f"{name}-silent", user="hello", state={}),
        ]
    return turns


def test_train_turns_are_labelled_by_what_changed_and_held() -> None:
    rows = list(domain_rows(prepared_turns()[:4], SCHEMA))
    assert [domain for _, domain in rows] == ["hotel", "hotel", "taxi", "taxi", "taxi", "taxi"]
    assert rows[2][0] == turn_features("a taxi at 17:15", None, "hotel", ENGLISH)
    assert rows[4][0] == turn_features("thanks", None, "taxi", ENGLISH)


@pytest.mark.parametrize(
    ("previous", "state", "intent", "user", "domain"),
    [
        (None, {}, None, "hello", None),
        (None, {}, "find_train", "hello", "train"),
        (None, {}, None, "i need a taxi", "taxi"),
        ("hotel", {}, "general", "thanks", "hotel"),
        ("hotel", {}, "find_train", "how about a ride", "train"),
        ("hotel", {"train": {"people": "2"}}, None, "for the same group", "train"),
        ("hotel", {"train": {"people": "2"}}, "book_hotel", "for the same group", "hotel"),
        ("hotel", {"train": {"people": "2"}, "taxi": {"leave": "9:05"}}, None, "for 2", "train"),
        ("hotel", {"hotel": {"stay": "2"}, "train": {"day": "monday"}}, None, "for 2", "hotel"),
        ("hotel", {"hotel": {"stay": "2"}, "train": {"day": "monday"}}, "find_train", "", "train"),
    ],
)
def test_an_annotated_turn_is_about_what_its_state_says(
    previous: str | None,
    state: dict[str, dict[str, str]],
    intent: str | None,
    user: str,
    domain: str | None,
) -> None:
    turn = TrainingTurn(dialogue_id="a", user=user, state=state, intent=intent)
    assert labelled_domain(previous, turn, SCHEMA) == domain


def test_the_classifier_is_written_into_the_checkpoint(tmp_path: Path) -> None:
    prepared, checkpoint = tmp_path / "prepared", tmp_path / "checkpoint"
    prepared.mkdir()
    checkpoint.mkdir()
    SCHEMA.save(checkpoint / "schema.json")
    other = TrainingTurn(
        dialogue_id="x", corpus="sgd", user="a train", state={"train": {"day": "monday"}}
    )
    save_turns([*prepared_turns(), other], prepared / "train.jsonl.gz")
    fitted = fit_domain_classifier(prepared, checkpoint)
    assert DomainModel.of_folder(checkpoint) == fitted
    assert fitted.domains == ("hotel", "taxi")
    assert fitted.note == "multiwoz21 train, 24 turns, silver intents"
    found = fitted.turn_probabilities("a taxi at 17:15", None, "hotel", ENGLISH)
    assert found["taxi"] > found["hotel"]


def test_fitting_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no checkpoint folder"):
        fit_domain_classifier(tmp_path, tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="no prepared corpus"):
        fit_domain_classifier(tmp_path, tmp_path)


def test_comparing_needs_a_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"no domain model .*{DOMAIN_MODEL}"):
        run_domain_comparison(tmp_path)


def test_the_ways_to_decide_are_compared_on_the_same_turns() -> None:
    model = DomainModel(
        domains=("hotel", "taxi"),
        biases=(0, 0),
        weights={"word:taxi": (-4, 4), "word:bed": (4, -4)},
    )
    # The second turn's predicted slot is the model's invention; the third's switch has no slot.
    scenes = [
        PredictedScene(
            utterance="a bed in the north",
            update={"hotel": {"area": "north"}},
            intent=None,
            expected="hotel",
        ),
        PredictedScene(
            utterance="a bed at 17:15",
            update={"taxi": {"leave": "17:15"}},
            intent=None,
            expected="hotel",
        ),
        PredictedScene(utterance="a taxi", update={}, intent="general", expected="taxi"),
    ]
    rows = {one.decision: one for one in compare_decisions([scenes], SCHEMA, model)}
    accuracy = {name: one.scores.accuracy for name, one in rows.items()}
    assert accuracy["always stay"] == 0.5
    assert accuracy["rule"] == 0.5  # wrong at turn 1, there already at turn 2
    assert accuracy["classifier"] == accuracy["combined"] == 1
    assert rows["rule"].scores.spurious_switch_rate == 1
    assert rows["combined"].changes.switches == 1
