import pytest

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.training.preparation.corpus_parts import (
    Part,
    dev_part,
    held_out_by_intent,
    is_held_out,
    training_parts,
    words_digest,
)


def test_a_corpus_alone_means_its_train_split_or_its_dev_split() -> None:
    assert [str(part) for part in training_parts(("sgd", "clinc150/oos_train"))] == [
        "sgd/train",
        "clinc150/oos_train",
    ]
    assert str(dev_part("sgd")) == "sgd/dev"
    assert dev_part("sgd").exists
    assert not dev_part("banking77").exists


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("sgdd",), "unknown corpus 'sgdd'; expected a folder .*one of .*sgd"),
        (("sgd/tarin",), "names no split; expected one of sgd/train, sgd/dev"),
        (("multiwoz21/test",), "test split.*take it out"),
        (("clinc150/oos_test",), "test split"),
        (("sgd", "sgd/train"), "stands twice"),
        (("nlplab",), "nlplab has no train split"),
    ],
)
def test_what_cannot_be_trained_on_is_named(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        training_parts(names)


def test_nothing_is_watched_on_a_test_split() -> None:
    with pytest.raises(ConfigError, match="nothing may be selected"):
        dev_part("banking77/test")


def test_what_is_protected_needs_its_split() -> None:
    assert str(Part.parse("banking77/test")) == "banking77/test"
    with pytest.raises(ConfigError, match="banking77/train, banking77/test"):
        Part.parse("banking77")


def utterance(text: str, dialogue_id: str = "d") -> Dialogue:
    return Dialogue(
        dialogue_id=dialogue_id, corpus="banking77", split="train", turns=(Turn(user=text),)
    )


def test_the_share_put_aside_is_about_the_share_asked_for() -> None:
    said = [utterance(f"question number {number * 1000}") for number in range(2000)]
    aside = [one for one in said if is_held_out(one, 0.1)]
    assert 150 < len(aside) < 250
    assert [one for one in said if is_held_out(one, 0.2)][: len(aside)] != aside
    assert all(is_held_out(one, 0.2) for one in aside)


def test_two_copies_of_an_utterance_are_put_on_the_same_side() -> None:
    for number in range(50):
        first = utterance(f"Where is card {number}00, please?", "1")
        second = utterance(f"where is card {number}00 please", "2")
        assert is_held_out(first, 0.5) == is_held_out(second, 0.5)


def labelled(text: str, intent: str) -> Dialogue:
    turn = Turn(user=text, intent=intent)
    return Dialogue(dialogue_id=text, corpus="own", split="train", turns=(turn,))


def test_every_intent_gives_its_share_whatever_stands_around_it() -> None:
    said = [labelled(f"common words {n}", "common") for n in range(100)]
    said += [labelled(f"rare words {n}", "rare") for n in range(5)]
    said += [labelled("only this", "single")]
    aside = held_out_by_intent(said, 0.2)
    kinds = [one.turns[0].intent for one in said if words_digest(one) in aside]
    assert (kinds.count("common"), kinds.count("rare"), kinds.count("single")) == (20, 1, 0)
    assert held_out_by_intent(reversed(said), 0.2) == aside
    assert held_out_by_intent(said[100:], 0.2) <= aside


def test_one_utterance_under_two_intents_is_put_on_one_side() -> None:
    said = [labelled("the same words", "one"), labelled("The same words!", "two")]
    assert len(held_out_by_intent(said, 0.9)) == 1
