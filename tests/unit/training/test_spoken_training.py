from pathlib import Path

import pytest

from tests.support.spoken_corpus import SCHEMA, SPOKEN_CORPUS
from tests.support.tiny_turns import TURNS
from tests.support.tiny_vocabulary import tiny_tokenizer
from todserve.corpora.spoken.spoken_maker import SpokenTurns
from todserve.corpora.spoken.spoken_settings import Spoken
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.prompts import PromptBuilder, PromptFormat
from todserve.training.batches.epochs import Epochs
from todserve.training.network.vocabulary import special_tokens
from todserve.training.preparation.augmentation import Augmenter
from todserve.training.preparation.spoken_training import SpokenTraining, spoken_sample
from todserve.training.preparation.training_turns import TrainingTurn, load_turns, save_turns
from todserve.training.training_config import Augmentation, TrainingConfig

TURNS_OF_A_RUN = [*SPOKEN_CORPUS]


def _config(**spoken: object) -> TrainingConfig:
    return TrainingConfig(name="x", spoken=Spoken.model_validate(spoken))


def _made(config: TrainingConfig, epoch: int = 0) -> list[TrainingTurn]:
    augment = Augmenter(TURNS_OF_A_RUN, config.augmentation, SCHEMA)
    spoken = SpokenTraining(config, SCHEMA, TURNS_OF_A_RUN, augment)
    return [turn for number in range(200) for turn in spoken.beside(epoch, number)]


def test_the_share_says_how_many_spoken_turns_stand_beside_the_others() -> None:
    assert _made(_config()) == []
    assert 30 < len(_made(_config(share=0.3))) < 90
    assert 450 < len(_made(_config(share=2.5))) < 550


def test_an_epoch_is_made_anew_and_alike_for_the_same_seed() -> None:
    config = _config(share=1.0)
    assert _made(config) == _made(config)
    assert _made(config) != _made(config, epoch=1)
    assert _made(config) != _made(config.model_copy(update={"seed": 8}))


def test_epochs_hold_the_spoken_turns_as_examples() -> None:
    builder = PromptBuilder(tiny_tokenizer(), PromptFormat(), SCHEMA)
    quiet, loud = (Epochs(_config(share=share), builder, TURNS_OF_A_RUN)(0) for share in (0.0, 1.0))
    assert len(loud) > 1.4 * len(quiet)


def test_kinds_can_be_left_out_and_made_more_often() -> None:
    made = _made(_config(share=1.0, kinds={"outside": 0, "way_round": 50}))
    assert all(turn.intent != "out_of_scope" for turn in made)
    ways = [
        turn
        for turn in made
        if turn.state is not None
        and any(
            turn.state.get(domain, {}).get("departure") == slots.get("destination")
            for domain, slots in turn.previous_state.items()
            if "destination" in slots
        )
    ]
    assert len(ways) > len(made) / 4


@pytest.mark.parametrize(
    ("spoken", "named"),
    [
        ("{kinds: {corect: 2}}", "corect"),
        ("{kinds: {correct: -1}}", "correct"),
        ("{shares: 0.3}", "shares"),
        ("{share: -1}", "share"),
        ("{rough: 2}", "rough"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, spoken: str, named: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"name: x\nspoken: {spoken}\n")
    with pytest.raises(ConfigError, match=named):
        TrainingConfig.load(str(path))


def test_turns_of_no_named_corpus_are_an_error_that_says_so() -> None:
    with pytest.raises(ConfigError, match="spoken.corpora"):
        SpokenTurns(TURNS_OF_A_RUN, SCHEMA, Spoken(corpora=("other",)))


def test_a_vocabulary_gets_the_labels_of_spoken_turns() -> None:
    sample = spoken_sample(_config(share=0.1), SCHEMA, TURNS_OF_A_RUN)
    tokens = special_tokens([*TURNS, *sample], SCHEMA)
    assert {"[out_of_scope]", "[welcome]", "[greet]"} <= set(tokens)
    assert spoken_sample(_config(), SCHEMA, TURNS_OF_A_RUN) == []


def test_spoken_turns_are_whole_training_turns(tmp_path: Path) -> None:
    made = _made(_config(share=1.0))
    save_turns(made, tmp_path / "turns.jsonl.gz")
    assert load_turns(tmp_path / "turns.jsonl.gz") == made


def test_a_spoken_turn_and_its_context_have_the_same_values() -> None:
    augment = Augmenter(TURNS_OF_A_RUN, Augmentation(probability=1.0, synthetic_names=1.0), SCHEMA)
    config = _config(share=1.0, kinds={}, corpora=("made-up",))
    spoken = SpokenTraining(config, SCHEMA, TURNS_OF_A_RUN, augment)
    for number in range(200):
        for turn in spoken.beside(0, number):
            if turn.state is None or not turn.history:
                continue
            for domain, slots in turn.previous_state.items():
                for slot, value in slots.items():
                    assert SCHEMA.normalise_value(domain, slot, value) == value
